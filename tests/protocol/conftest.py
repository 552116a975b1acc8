"""What the tests of the protocol share: a crew whose keys come from names, and a world that carries effects at once."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.broadcaster import BroadcasterMachine
from meshcast.protocol.chunk import HAVE_ALL, Chunk, Flag, Hop, sign_chunk
from meshcast.protocol.effects import (
    Conceal,
    Dial,
    Effect,
    HangUp,
    Play,
    Probe,
    Refill,
    Send,
    SendChunk,
    SendDatagram,
)
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
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Accuse,
    Adopt,
    Announce,
    Beat,
    Bye,
    Detach,
    Enlist,
    Fault,
    Goodbye,
    Hello,
    Join,
    Leave,
    Message,
    Move,
    Noted,
    Notice,
    Placed,
    Pull,
    Refuse,
    Refused,
    Renewed,
    Report,
    Resume,
    Stalled,
    Standbys,
    Uncles,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.relay import Relay
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import (
    Ban,
    Delegation,
    Role,
    Ticket,
    sign_ban,
    sign_delegation,
    sign_ticket,
)
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, Micros, PeerId, Sequence
from meshcast.protocol.uplink import Uplink
from meshcast.protocol.wire import (
    decode,
    decode_datagram,
    decode_refill,
    encode,
    encode_datagram,
    encode_refill,
)

CHUNK_US = 100 * MILLISECOND
ROLES = {"source": Role.SOURCE, "spare": Role.SPARE}
RTT_US = 40 * MILLISECOND
remembering_verify = functools.lru_cache(maxsize=100_000)(verify)
"""With a dozen machines in one process each signature is checked once."""


@functools.cache
def _signed(by: Identity, broadcast: BroadcastId, **values: Any) -> Chunk:
    """Sign a chunk, each once: in thousands of examples the same ones are sent again and again."""
    return sign_chunk(by, broadcast, **values)


class Crew:
    """Keys, statements and chunks, all from names: the same in every run."""

    run = 7
    generation = 3
    until_s = 24 * HOUR // SECOND

    def __init__(self) -> None:
        self.tracker = self.identity("tracker")
        self.event = self.identity("event")
        self.source = self.identity("source")
        self.broadcast = BroadcastId(self.event.peer_id)

    @staticmethod
    @functools.cache
    def identity(name: str) -> Identity:
        return Identity.from_seed(name.encode().ljust(32, b"."))

    def id(self, name: str) -> PeerId:
        return self.identity(name).peer_id

    def member(self, name: str, role: Role = Role.LISTENER, capacity: int = 4, **more: Any) -> Membership:
        made = Membership(
            identity=self.identity(name),
            broadcast=self.broadcast,
            tracker=self.tracker.peer_id,
            tracker_addresses=(("192.0.2.1", 4433),),
            role=role,
            capacity=capacity,
            dice=lambda sides: sides // 2,
            verify=remembering_verify,
        )
        return replace(made, **more)

    def ticket(
        self,
        name: str,
        role: Role = Role.LISTENER,
        capacity: int = 4,
        host: str = "198.51.100.7",
        until_s: int = until_s,
        broadcast: BroadcastId | None = None,
        tracker: Identity | None = None,
    ) -> Ticket:
        return sign_ticket(
            tracker or self.tracker,
            peer=self.id(name),
            broadcast=self.broadcast if broadcast is None else broadcast,
            addresses=((host, 4433),),
            role=role,
            capacity=capacity,
            not_after_s=until_s,
        )

    def delegation(self, source: str = "source", **changes: int) -> Delegation:
        values = {"index": 0, "run": self.run, "generation": self.generation, "not_after_s": self.until_s}
        return sign_delegation(self.event, source=self.id(source), **(values | changes))

    def ban(self, name: str, until_s: int = until_s) -> Ban:
        return sign_ban(self.tracker, peer=self.id(name), broadcast=self.broadcast, not_after_s=until_s)

    def chunk(self, sequence: Sequence, by: str = "source", **changes: Any) -> Chunk:
        duration_us = changes.get("duration_us", CHUNK_US)
        values = {
            "source_index": 0,
            "run": self.run,
            "generation": self.generation,
            "sequence": sequence,
            "media_time_us": (sequence - 1) * duration_us,
            "duration_us": duration_us,
            "flags": Flag.NONE,
            "packets": (bytes([sequence % 255]) * 40,),
        }
        return _signed(self.identity(by), self.broadcast, **(values | changes))

    def adopt(
        self, child: str, adopter: str, counter: int = 1, rank: int = 32, newest: Sequence = 0, **more: Any
    ) -> Adopt:
        wanted_us = more.get("wanted_us", SECOND)
        return Adopt.ask(
            self.identity(child), self.id(adopter), counter, rank, newest, wanted_us, more.get("parent")
        )

    def peer(self, name: str, capacity: int = 4, **more: Any) -> PeerMachine:
        delay_us = more.pop("delay_us", PLAYOUT_DELAY_US_DEFAULT)
        how = {name: more.pop(name) for name in ("adapts", "is_paced", "uplink_bps") if name in more}
        return PeerMachine(self.member(name, capacity=capacity, **more), delay_us, **how)

    def origin(self, capacity: int = 8) -> SourceMachine:
        member = self.member("source", Role.SOURCE, capacity)
        return SourceMachine(member, self.delegation(), Programme("Nightline", 64_000, CHUNK_US))

    def placed(self, name: str, parent: str | None, *standbys: str, term: int = 1, newest: int = 0) -> Placed:
        return Placed(
            term,
            self.ticket_of(name),
            None if parent is None else self.ticket_of(parent),
            tuple(self.ticket_of(one) for one in standbys),
            (self.delegation(),),
            newest,
            "Nightline",
        )

    def ticket_of(self, name: str) -> Ticket:
        return self.ticket(name, ROLES.get(name, Role.LISTENER))


@pytest.fixture(scope="session")
def crew() -> Crew:
    return Crew()


def golden_values(crew: Crew) -> dict[str, Any]:
    """One value of every kind that crosses the wire, by the name of its file in `golden`."""
    ann, bob, cat = (crew.ticket(name) for name in ("ann", "bob", "cat"))
    delegation, host = crew.delegation(), (("2001:db8::7", 50_000), ("192.0.2.7", 4433))
    path = (crew.id("source")[:4], crew.id("bob")[:4])
    messages: list[Message] = [
        Join(crew.broadcast, Role.LISTENER, 4, host, (30_000, 91_000), b"please"),
        Announce(crew.broadcast, delegation, "Nightline", 64_000, CHUNK_US, 8, host),
        Report(
            9,
            2,
            crew.id("bob"),
            4,
            (crew.id("cat"),),
            (crew.id("dan"),),
            4_711,
            seeking=False,
            silent=None,
            capacity=3,
        ),
        Resume(ann),
        Accuse(crew.id("bob"), Fault.FORGED, b"sample"),
        Leave(),
        Placed(3, ann, bob, (cat,), (delegation,), 4_700, "Nightline"),
        Wait(WaitFor.PLACE, 12, 4 * SECOND, b"cookie"),
        Noted(3, 9),
        Move(3, 2, crew.id("bob"), cat),
        Standbys(3, (cat,)),
        Renewed(ann),
        Goodbye(SECOND),
        Refused(Why.SUPERSEDED, "a later broadcaster has this broadcast"),
        Hello(ann, 32, 0),
        crew.adopt("ann", "bob", counter=2, rank=32, newest=4_690, wanted_us=1_500_000),
        Accept(2, 3, 4_711, 40_000, path),
        Refuse(2, Why.RANK, 5),
        Detach(2),
        Enlist(4),
        Pull(((4_705, 4_707), (4_709, 4_709))),
        Beat(4_711, 62_000, 4, path, 3),
        Stalled(crew.id("bob")[:4], 150_000),
        Uncles((bob, cat)),
        Notice((delegation,), (crew.ban("dan"),)),
        Bye(Why.LEAVING),
    ]
    chunks = (
        crew.chunk(4_711, packets=(b"opus one", b"opus two")),
        crew.chunk(4_712, flags=Flag.END, packets=()),
    )
    hop = Hop(0b1111_1111_1111_1011, 62_000)
    return {type(one).__name__.lower(): one for one in messages} | {
        "chunk": (hop, chunks[0]),
        "refill": [(hop, one) for one in chunks],
        "ticket": ann,
        "delegation": delegation,
        "ban": crew.ban("dan"),
    }


@pytest.fixture(scope="session")
def golden(crew: Crew) -> dict[str, Any]:
    return golden_values(crew)


@dataclass
class World:
    """Machines by name. Whatever they send passes through its bytes and is there at once; the test plays the tracker."""

    crew: Crew
    now: Micros = 10 * SECOND
    machines: dict[str, Any] = field(default_factory=dict)
    names: dict[PeerId, str] = field(default_factory=dict)
    links: set[frozenset[str]] = field(default_factory=set)
    silent: dict[str, None] = field(default_factory=dict)
    """Machines that have crashed: nothing from them, nothing to them, and nobody is told."""
    keeps: Callable[[str, str, Effect], bool] = lambda *_: True
    """Does what `from` sends `to` arrive?"""
    log: list[tuple[Micros, str, Effect]] = field(default_factory=list)
    told: list[tuple[str, Message]] = field(default_factory=list)
    """What the tracker was told."""
    is_tracker_up: bool = True
    rtt_us: Micros = RTT_US
    _queue: list[tuple[str, Event]] = field(default_factory=list)
    _is_busy: bool = False
    _next_chunk_at: Micros | None = None
    speaks_at: dict[str, Micros] = field(default_factory=dict)
    """Broadcasters, and when each captures its next chunk."""

    def add(self, name: str, machine: Any) -> Any:
        self.machines[name] = machine
        self.names[self.crew.id(name)] = name
        return machine

    def add_origin(self, capacity: int = 8) -> SourceMachine:
        origin = self.crew.origin(capacity)
        self.add("source", origin)
        self._next_chunk_at = self.now
        return origin

    def add_broadcaster(
        self, name: str, *, is_spare: bool = False, capacity: int = 8, late_us: Micros = 0
    ) -> BroadcasterMachine:
        """Add one of the event's broadcasters, which captures the same programme so much later than the source."""
        member = self.crew.member(name, Role.SPARE if is_spare else Role.SOURCE, capacity)
        mandate = Mandate(self.crew.event, member.me)
        delegation = None if is_spare else self.crew.delegation(name)
        programme = Programme("Nightline", 64_000, CHUNK_US)
        machine = self.add(name, BroadcasterMachine(member, mandate, programme, delegation))
        assert isinstance(machine, BroadcasterMachine)
        self.speaks_at[name] = self.now + late_us
        self.feed(name, Tick())
        return machine

    def add_peer(self, name: str, capacity: int = 4, **more: Any) -> PeerMachine:
        peer = self.crew.peer(name, capacity, **more)
        self.add(name, peer)
        self.feed(name, Tick())
        return peer

    def join(
        self, name: str, parent: str | None, *standbys: str, capacity: int = 4, **more: Any
    ) -> PeerMachine:
        """Add a peer and place it."""
        peer = self.add_peer(name, capacity, **more)
        self.place(name, parent, *standbys)
        return peer

    def place(self, name: str, parent: str | None, *standbys: str) -> None:
        self.say(name, self.crew.placed(name, parent, *standbys))

    def move(self, name: str, to: str) -> None:
        uplink = self.machines[name].uplink
        self.say(name, Move(1, uplink.attached_counter, uplink.parent, self.crew.ticket_of(to)))

    def stand_by(self, name: str, *standbys: str) -> None:
        self.say(name, Standbys(1, tuple(self.crew.ticket_of(one) for one in standbys)))

    def say(self, name: str, message: Message) -> None:
        """Speak as the tracker."""
        self.feed(name, Received(self.crew.tracker.peer_id, message))

    def crash(self, name: str) -> None:
        self.silent[name] = None

    def feed(self, name: str, event: Event) -> None:
        self._queue.append((name, event))
        if self._is_busy:
            return
        self._is_busy = True
        while self._queue:
            to, one = self._queue.pop(0)
            if to in self.silent:
                continue
            for effect in self.machines[to].handle(one, self.now):
                self.log.append((self.now, to, effect))
                self._carry_out(to, effect)
        self._is_busy = False

    def run(self, duration_us: Micros) -> None:
        """Let time pass: chunks at the source, and ticks when they are due."""
        until = self.now + duration_us
        for _ in range(200_000):
            due = {
                name: at
                for name, machine in self.machines.items()
                if name not in self.silent and (at := machine.deadline()) is not None
            }
            captures = [at for name, at in self.speaks_at.items() if name not in self.silent]
            if self._next_chunk_at is not None:
                captures.append(self._next_chunk_at)
            at = min([*due.values(), *captures, until])
            if at >= until:
                break
            self.now = max(self.now, at)
            if self._next_chunk_at is not None and self._next_chunk_at <= self.now:
                self._next_chunk_at += CHUNK_US
                self.feed("source", Captured((b"sound" * 20,), CHUNK_US))
            for name, when in self.speaks_at.items():
                if when <= self.now and name not in self.silent:
                    self.speaks_at[name] = when + CHUNK_US
                    self.feed(name, Captured((name.encode() * 20,), CHUNK_US))
            for name in [name for name, when in due.items() if when <= self.now]:
                self.feed(name, Tick())
        else:
            raise AssertionError("the machines ask for ticks without end")
        self.now = until

    def sent(
        self, kind: type[Any], by: str | None = None, since: Micros = 0
    ) -> list[tuple[Micros, str, str, Any]]:
        """List messages of one kind: when, from, to, what."""
        return [
            (at, name, self.names.get(effect.to, "?"), effect.message)
            for at, name, effect in self.log
            if isinstance(effect, Send | SendDatagram)
            and isinstance(effect.message, kind)
            and by in {None, name}
            and at >= since
        ]

    def done(self, kind: type[Any], by: str, since: Micros = 0) -> list[Any]:
        """List effects of one kind."""
        return [one for at, name, one in self.log if isinstance(one, kind) and name == by and at >= since]

    def heard(self, name: str, since: Micros = 0) -> list[Sequence]:
        return [one.chunk.sequence for one in self.done(Play, name, since)]

    def concealed(self, name: str) -> list[Sequence]:
        return [one.sequence for one in self.done(Conceal, name)]

    def parent(self, name: str) -> str | None:
        parent = self.machines[name].uplink.parent
        return None if parent is None else self.names[parent]

    def children(self, name: str) -> list[str]:
        return [self.names[child] for child in self.machines[name].relay.children]

    def _carry_out(self, name: str, effect: Effect) -> None:
        match effect:
            case Dial(peer, _):
                self._dial(name, peer)
            case HangUp(peer, detail):
                self._hang_up(name, peer, detail)
            case Send(to, message):
                self._deliver(
                    name, to, effect, Received(self.crew.id(name), decode(encode(message)) or message)
                )
            case SendDatagram(to, message):
                got = decode_datagram(encode_datagram(message))
                assert got == message
                self._deliver(name, to, effect, Received(self.crew.id(name), message))
            case SendChunk(to, hop, chunk):
                self._deliver(name, to, effect, self._chunk(name, hop, chunk))
            case Refill(to, chunks):
                got_all = decode_refill(encode_refill(list(chunks))) or ()
                parts = tuple(self._chunk(name, hop, chunk, is_refill=True) for hop, chunk in got_all)
                self._deliver(name, to, effect, RefillReceived(self.crew.id(name), parts))
            case _:
                assert isinstance(effect, Probe) or not hasattr(effect, "to")

    def _chunk(self, name: str, hop: Hop, chunk: Chunk, *, is_refill: bool = False) -> ChunkReceived:
        return ChunkReceived(self.crew.id(name), hop, chunk, self.rtt_us, is_refill)

    def _deliver(self, name: str, to: PeerId, effect: Effect, event: Event) -> None:
        if to == self.crew.tracker.peer_id:
            assert isinstance(event, Received)
            self._tell_tracker(name, event.message)
            return
        other = self.names.get(to)
        if other is None or frozenset({name, other}) not in self.links or not self.keeps(name, other, effect):
            return
        self._queue.append((other, event))

    def _dial(self, name: str, peer: PeerId) -> None:
        me = self.crew.id(name)
        if peer == self.crew.tracker.peer_id:
            up = Connected(peer, ("192.0.2.1", 4433), dialled=True)
            self._queue.append((name, up if self.is_tracker_up else Disconnected(peer, "no answer")))
            return
        other = self.names.get(peer)
        if other is None or other in self.silent:
            self._queue.append((name, Disconnected(peer, "no answer")))
        elif frozenset({name, other}) not in self.links:
            self.links.add(frozenset({name, other}))
            self._queue.append((other, Connected(me, ("198.51.100.7", 4433), dialled=False)))
            self._queue.append((name, Connected(peer, ("198.51.100.7", 4433), dialled=True)))

    def _hang_up(self, name: str, peer: PeerId, detail: str) -> None:
        other = self.names.get(peer)
        if other is not None and frozenset({name, other}) in self.links:
            self.links.remove(frozenset({name, other}))
            self._queue.append((other, Disconnected(self.crew.id(name), detail)))
        self._queue.append((name, Disconnected(peer, detail)))

    def _tell_tracker(self, name: str, message: Message) -> None:
        if not self.is_tracker_up:
            return
        self.told.append((name, message))
        match message:
            case Report(serial=serial):
                self._queue.append((name, Received(self.crew.tracker.peer_id, Noted(1, serial))))
            case Announce():
                self._queue.append((name, Received(self.crew.tracker.peer_id, self.crew.placed(name, None))))
            case Join() | _:
                pass


@pytest.fixture
def world(crew: Crew) -> World:
    return World(crew)


@pytest.fixture(scope="session")
def make_world(crew: Crew) -> Callable[[], World]:
    return lambda: World(crew)


@pytest.fixture(scope="session")
def accept() -> Callable[..., Accept]:
    """Make an Accept with what matters to a test."""

    def accept(counter: int, rank: int = 0, newest: Sequence = 0, idle_us: Micros = 0) -> Accept:
        return Accept(counter, rank, newest, idle_us, (b"root",))

    return accept


CHILD_BORN_US = 100 * SECOND


class Child:
    """An uplink, whose neighbours the test plays by name."""

    def __init__(self, crew: Any, capacity: int = 4) -> None:
        self.crew = crew
        member = crew.member("me", capacity=capacity)
        self.backlog = Backlog()
        self.standing = Standing(member.me, Role.LISTENER)
        sources = Sources(crew.broadcast, verify)
        self.relay = Relay(member, self.standing, self.backlog, sources, lambda: ())
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, SECOND)
        self.uplink.neighbours.own_ticket = crew.ticket("me")
        self.now: Micros = CHILD_BORN_US

    def id(self, name: str) -> Any:
        return self.crew.id(name)

    def placed(self, parent: str | None, *standbys: str) -> list[Effect]:
        named = tuple(self.crew.ticket(one) for one in standbys)
        return self.uplink.placed(None if parent is None else self.crew.ticket(parent), named, self.now)

    def up(self, name: str) -> list[Effect]:
        return self.uplink.connected(self.id(name), self.now, dialled=True)

    def accept(self, name: str, counter: int | None = None, rank: int = 4, newest: int = 0) -> list[Effect]:
        counter = self.uplink.asks.counter if counter is None else counter
        message = Accept(counter, rank, newest, 0, (b"root", self.id(name)[:4]))
        return self.uplink.accepted(self.id(name), message, self.now)[0]

    def refuse(self, name: str, why: Why = Why.FULL, counter: int | None = None) -> list[Effect]:
        counter = self.uplink.asks.counter if counter is None else counter
        return self.uplink.refused(self.id(name), Refuse(counter, why, 4), self.now)

    def beat(self, name: str, rank: int = 4, newest: int = 0, path: tuple[bytes, ...] = ()) -> list[Effect]:
        return self.uplink.beat(self.id(name), Beat(newest, 0, rank, path, 1), self.now)

    def attach(self, parent: str = "mum", rank: int = 4, standbys: tuple[str, ...] = ()) -> None:
        """Get a parent, and warm standbys."""
        self.placed(parent, *standbys)
        self.up(parent)
        self.accept(parent, rank=rank)
        for name in standbys:
            self.up(name)
            self.beat(name, rank=rank)
        assert self.parent == parent

    def chunk(self, sequence: int, by: str = "mum", have: int = HAVE_ALL) -> None:
        """Take in a live chunk, as the peer's machine does."""
        chunk, newest = self.crew.chunk(sequence), self.backlog.newest
        self.uplink.heard(self.id(by), chunk, 40 * MILLISECOND, self.now, live=True)
        if self.backlog.is_new(chunk):
            self.backlog.add(chunk, self.now, 0)
            self.uplink.find_holes(chunk, newest, self.id(by), Hop(have, 0), self.now)

    def wait(self, duration_us: Micros) -> list[tuple[Micros, Effect]]:
        """Let time pass; tick exactly when something is due."""
        until = self.now + duration_us
        done: list[tuple[Micros, Effect]] = []
        for _ in range(10_000):
            due = self.uplink.deadline()
            if due is None or due > until:
                self.now = until
                return done
            self.now = max(self.now, due)
            done += [(self.now, effect) for effect in self.uplink.tick(self.now)]
        raise AssertionError("it asks for ticks without end")

    def adopt_child(self, name: str = "kid") -> None:
        self.relay.hello(self.id(name), self.crew.ticket(name), self.now)
        self.relay.adopt(self.id(name), self.crew.adopt(name, "me"), self.now)
        assert self.id(name) in self.relay.children

    @property
    def parent(self) -> str | None:
        names = ("mum", "one", "two", "dad", "uncle", "kid")
        return next((name for name in names if self.id(name) == self.uplink.parent), None)

    def is_moving(self) -> bool:
        return self.uplink.state is Attachment.MOVING

    def asked(self, effects: list[Effect]) -> list[Any]:
        return [one.to for one in effects if isinstance(one, Send) and isinstance(one.message, Adopt)]


@pytest.fixture
def child(crew: Any) -> Child:
    return Child(crew)
