"""Machines by name, and a world that carries their effects at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from meshcast.protocol.broadcaster import BroadcasterMachine
from meshcast.protocol.chunk import Chunk, Hop
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
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.messages import (
    Announce,
    Join,
    Message,
    Move,
    Noted,
    Report,
    Standbys,
)
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId, Sequence
from meshcast.protocol.wire import (
    decode,
    decode_datagram,
    decode_refill,
    encode,
    encode_datagram,
    encode_refill,
)
from tests.protocol.crew import Crew

CHUNK_US = 100 * MILLISECOND
RTT_US = 40 * MILLISECOND


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
