"""The targets `listener`, `source` and `tracker`: one machine each, besieged by a crowd that is properly authenticated.

The crowd says well-formed messages in any order, comes and goes under ever new keys, and lets time pass. Nothing may be
raised; whatever the machine wants sent must be within the bounds of the wire; and when the crowd has gone, nothing of it
may be left.
"""

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Final

from fuzz import crowd, mutations
from fuzz.crowd import BROADCAST, CHUNK_US, CROWD, Speech, identity
from fuzz.target import BrokenPromiseError, Plain
from meshcast.driver import Drivable
from meshcast.protocol.effects import Dial, Failed, HangUp, Send, SendDatagram
from meshcast.protocol.events import (
    Captured,
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    Received,
    RefillReceived,
    Tick,
)
from meshcast.protocol.identity import Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Adopt, Announce, Placed
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, Ticket
from meshcast.protocol.units import MILLISECOND, MINUTE, SECOND, Micros, PeerId
from meshcast.protocol.wire import encode
from tracker.overlay.machine import TrackerMachine
from tracker.overlay.promises import check

TICKS_MAX: Final = 1_000
"""So many ticks in one instant mean that a machine asks for the past for ever."""
STEP_US: Final = 40 * MILLISECOND
CLEAR_US: Final = 2 * MINUTE
"""After so long nothing of anybody who has gone may be left."""
TRACKER: Final = crowd.TRACKER.peer_id
ADDRESS: Final = "192.0.2.1", 4433


class Siege(Plain):
    """A machine, the crowd before it, and the clock."""

    machine: Drivable

    def __init__(self, me: Identity) -> None:
        self.me = me
        self.now: Micros = 10 * SECOND
        self.names = [f"enemy {number}" for number in range(CROWD)]
        """What each of the crowd calls itself now: whoever goes comes back under another key."""
        self.is_up: dict[int, None] = {}
        self.comings = 0
        self.failures = 0
        """How often the machine gave up, on the word of those whom it has to believe."""
        self.asked = 0
        self._is_answering = True
        """Somebody of the crowd takes a call."""
        self._queue: deque[Event] = deque()
        self._speech: Speech | None = None
        self.begin()

    @property
    def last(self) -> bytes:  # type: ignore[override]
        """The last message, if it was made of spoilt bytes."""
        return b"" if self._speech is None else self._speech.last

    # ---- what a target is

    def feed(self, count: int, chance: Random) -> None:
        """Take `count` messages or chunks, and what comes with them."""
        speech = self._speech = Speech(chance, self.me.peer_id, self.names)
        for _ in range(count):
            self.now += mutations.below(chance, STEP_US)
            self.catch_up()
            enemy = mutations.below(chance, CROWD)
            if enemy not in self.is_up:
                self._come(enemy, dialled=False)
            elif chance.random() < 0.005:
                self._leave(enemy)
                continue
            if chance.random() < 0.002:
                self.place(enemy)
            speech.asked = self.asked
            self.tell(self.event(identity(self.names[enemy]).peer_id, self.names[enemy], speech, chance))

    def settle(self) -> None:
        """Let the crowd go, and time pass."""
        self._is_answering = False
        for enemy in list(self.is_up):
            self._leave(enemy)
        until = self.now + CLEAR_US
        while (due := self.machine.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.catch_up()
        self.now = until
        self.tell(Tick())
        self.check()
        self._is_answering = True
        crowd.forget()

    # ---- what each machine has of its own

    def begin(self) -> None:
        """Make the machine, and bring it to where it serves."""
        raise NotImplementedError

    def place(self, first: int) -> None:
        """Speak as the tracker, which believes in some of the crowd."""

    def event(self, peer: PeerId, called: str, speech: Speech, chance: Random) -> Event:
        """Say what this one of the crowd does."""
        raise NotImplementedError

    def check(self) -> None:
        """Look at what is left of a crowd that has gone."""

    # ---- details

    def tell(self, event: Event) -> None:
        """Let something happen, and what follows from it."""
        self._queue.append(event)
        while self._queue:
            self._handle(self._queue.popleft())

    def _handle(self, event: Event) -> None:
        effects = self.machine.handle(event, self.now)
        for effect in effects:
            match effect:
                case Send(_, message) | SendDatagram(_, message):
                    encode(message)
                    if isinstance(message, Adopt):
                        self.asked = message.counter
                case Dial(peer, _):
                    self._dialled(peer)
                case HangUp(peer, _):
                    self._hung_up(peer)
                case _:
                    pass
        if any(isinstance(effect, Failed) for effect in effects):
            self.failures += 1
            self._queue.clear()
            self.is_up.clear()
            self.begin()

    def catch_up(self) -> None:
        """Tick the machine as often as it has asked for."""
        for _ in range(TICKS_MAX):
            due = self.machine.deadline()
            if due is None or due > self.now:
                return
            self.tell(Tick())
        raise BrokenPromiseError(f"{type(self.machine).__name__} asks for the past again and again")

    def _come(self, enemy: int, *, dialled: bool) -> None:
        self.is_up[enemy] = None
        self.comings += 1
        address = f"203.{self.comings // 9 % 256}.0.{enemy}", 4433
        self._queue.append(Connected(identity(self.names[enemy]).peer_id, address, dialled=dialled))

    def _leave(self, enemy: int) -> None:
        del self.is_up[enemy]
        self.tell(Disconnected(identity(self.names[enemy]).peer_id, "gone"))
        self.names[enemy] = f"enemy {enemy} of coming {self.comings}"

    def _dialled(self, peer: PeerId) -> None:
        """Answer a dial, if it is one of the crowd that is called; nobody else answers."""
        if peer == TRACKER:
            self._queue.append(Connected(peer, ADDRESS, dialled=True))
            return
        for enemy, called in enumerate(self.names):
            if self._is_answering and identity(called).peer_id == peer and enemy not in self.is_up:
                self._come(enemy, dialled=True)
                return
        self._queue.append(Disconnected(peer, "nobody answers"))

    def _hung_up(self, peer: PeerId) -> None:
        """Take in that the machine ends a link."""
        self._queue.append(Disconnected(peer, "hung up"))
        for enemy in [one for one in self.is_up if identity(self.names[one]).peer_id == peer]:
            del self.is_up[enemy]
            self.names[enemy] = f"enemy {enemy} of coming {self.comings}"


class ListenerSiege(Siege):
    """A listener, whose tracker sends it into the middle of the crowd."""

    machine: PeerMachine

    def __init__(self) -> None:
        super().__init__(crowd.VICTIM)

    def begin(self) -> None:
        """Make a listener that has just been placed."""
        self.machine = PeerMachine(membership(self.me, Role.LISTENER))
        self.tell(Tick())
        self.place(0)

    def place(self, first: int) -> None:
        """Name a parent and two standbys, all of them enemies."""
        parent, *standbys = (crowd.ticket(self.names[(first + step) % CROWD]) for step in range(3))
        self.tell(Received(TRACKER, placed(crowd.ticket("victim"), parent, standbys)))

    def event(self, peer: PeerId, called: str, speech: Speech, chance: Random) -> Event:
        """Say something, or send chunks."""
        if chance.random() < 0.7:
            return Received(peer, speech.any_message(called))
        newest = self.machine.backlog.newest
        if chance.random() < 0.9:
            return ChunkReceived(peer, speech.hop(), speech.any_chunk(newest), chance.getrandbits(20))
        parts = [
            ChunkReceived(peer, speech.hop(), speech.any_chunk(newest), 0, is_refill=True)
            for _ in range(mutations.below(chance, 8))
        ]
        return RefillReceived(peer, tuple(parts))

    def check(self) -> None:
        """Look for neighbours that are still served."""
        check_gone(self.machine)


class SourceSiege(Siege):
    """A broadcaster, who goes on speaking."""

    machine: SourceMachine

    def __init__(self) -> None:
        super().__init__(crowd.SOURCE)

    def begin(self) -> None:
        """Make a broadcaster that has just announced itself."""
        member = membership(self.me, Role.SOURCE)
        self.machine = SourceMachine(member, crowd.delegation(), Programme("Fuzz", 64_000, CHUNK_US))
        self.tell(Tick())
        self.tell(Received(TRACKER, placed(crowd.ticket("source"), None, ())))

    def event(self, peer: PeerId, called: str, speech: Speech, chance: Random) -> Event:
        """Say something to it, or let it speak."""
        if chance.random() < 0.9:
            return Received(peer, speech.any_message(called))
        return Captured((b"sound",), CHUNK_US)

    def check(self) -> None:
        """Look for neighbours that are still served."""
        check_gone(self.machine)


class TrackerSiege(Siege):
    """A tracker with one real broadcast, and a crowd that joins, reports, accuses, and announces others."""

    machine: TrackerMachine

    def __init__(self) -> None:
        super().__init__(crowd.TRACKER)

    def begin(self) -> None:
        """Make a tracker to which the broadcaster has come."""
        self.machine = TrackerMachine(crowd.TRACKER, Random(1).randrange, check=crowd.remembered)
        self.tell(Connected(crowd.SOURCE.peer_id, ("192.0.2.9", 4433), dialled=False))
        announce = Announce(BROADCAST, crowd.delegation(), "Fuzz", 64_000, CHUNK_US, 3, ())
        self.tell(Received(crowd.SOURCE.peer_id, announce))

    def event(self, peer: PeerId, called: str, speech: Speech, chance: Random) -> Event:
        """Say something."""
        return Received(peer, speech.any_message(called))

    def check(self) -> None:
        """Assert the tree's promises from scratch, and look for peers that are still in it."""
        for broadcast in self.machine.broadcasts.values():
            check(broadcast.tree)
            if len(broadcast.registry) > 1 or broadcast.waiting:
                raise BrokenPromiseError("peers that have gone are still in the tree")


def membership(me: Identity, role: Role) -> Membership:
    """Say who a machine is."""
    return Membership(
        me, BROADCAST, TRACKER, (ADDRESS,), role, 4, Random(1).randrange, verify=crowd.remembered
    )


def placed(own: Ticket, parent: Ticket | None, standbys: Sequence[Ticket]) -> Placed:
    """Speak as the tracker."""
    return Placed(1, own, parent, tuple(standbys), (crowd.delegation(),), 0, "Fuzz")


def check_gone(machine: PeerMachine | SourceMachine) -> None:
    """Raise `BrokenPromiseError` if anybody is still served, though all links are down."""
    left = {**machine.relay.children, **machine.relay.clients, **machine.relay.tickets}
    if left or machine.acquaintances.since:
        raise BrokenPromiseError(f"{len(left)} neighbours that have gone are still served")
