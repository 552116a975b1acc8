"""Runs one machine under trio: the only place where effects become actions.

Feeding is synchronous: what a link tells is decoded, handled and carried out before the next is looked at. Time is
trio's clock in whole microseconds, so that the same driver runs in virtual time. Bytes that are no message end the link
that they came from, and touch nothing else.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, assert_never

import trio

from meshcast.protocol.chunk import Chunk, Hop, encode_chunk
from meshcast.protocol.effects import (
    Dial,
    HangUp,
    Probe,
    Refill,
    Send,
    SendChunk,
    SendDatagram,
)
from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.events import (
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    Received,
    RefillReceived,
    Stop,
    Tick,
    Woken,
)
from meshcast.protocol.limits import SLEPT_US_MIN
from meshcast.protocol.manners import Manners
from meshcast.protocol.units import SECOND, Micros, PeerId
from meshcast.protocol.wire import (
    decode,
    decode_datagram,
    decode_refill,
    encode,
    encode_datagram,
    encode_refill,
)
from meshcast.transport.link_events import (
    BlobReceived,
    DatagramReceived,
    FrameReceived,
    LinkDown,
    LinkEvent,
    LinkUp,
)
from meshcast.transport.links import Links
from meshcast.transport.reasons import DownReason

TICKS_MAX: Final = 1_000
"""So many deadlines in a row that lie in the past are a bug of the machine, not a busy moment."""


class Drivable(Protocol):
    """A machine, whatever effects of its own it has beside the protocol's."""

    def handle(self, event: Event, now: Micros) -> Sequence[object]:
        """Take in one event."""
        ...

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        ...


class Notes(Protocol):
    """Something that is told what happens to a machine, and what comes of it (`meshcast.journal`)."""

    def before(self, event: Event, now: Micros) -> None:
        """Take in what is about to be handled."""
        ...

    def after(self, effects: Sequence[object]) -> None:
        """Take in what the machine wants done."""
        ...


class Driver:
    """One machine, its links, and where everything goes that is not for a link."""

    def __init__(
        self,
        machine: Drivable,
        perform: Callable[[Any], None],
        notes: Notes | None = None,
        asleep_us: Callable[[], Micros] | None = None,
    ) -> None:
        """`perform` is given, in order, every effect that is not for a link: playing, concealing, ending, failing.

        `asleep_us` tells how long the computer has been suspended so far: a machine's clock stands still meanwhile.
        """
        self.machine = machine
        self._perform = perform
        self._notes = notes
        self._asleep_us = asleep_us
        self._has_slept_us = asleep_us() if asleep_us is not None else 0
        self._links: Links | None = None
        self._scope: trio.CancelScope | None = None
        self._manners: dict[PeerId, Manners] = {}
        """Of everybody to whom there is a link."""
        self.dropped_chunks = 0
        """Chunks that a link could not take at once."""
        self._awaited_from: float = math.inf
        self._awaiting = trio.lowlevel.ParkingLot()

    @staticmethod
    def now() -> Micros:
        """Read trio's clock."""
        return round(trio.current_time() * SECOND)

    def connect(self, links: Links) -> None:
        """Say which links the machine's effects go to; before `run`."""
        self._links = links

    def feed(self, event: Event) -> None:
        """Let the machine handle an event now, and carry out what it wants; before anything else, that it has slept."""
        if self._asleep_us is not None:
            slept_us = self._asleep_us() - self._has_slept_us
            if slept_us >= SLEPT_US_MIN:
                self._has_slept_us += slept_us
                self._handle(Woken(slept_us))
        self._handle(event)

    def _handle(self, event: Event) -> None:
        now, notes = self.now(), self._notes
        if notes is not None:
            notes.before(event, now)
        effects = self.machine.handle(event, now)
        if notes is not None:
            notes.after(effects)
        self._carry_out_all(effects)
        if self._scope is not None and (wake_at := self._wake_at()) != self._scope.deadline:
            self._scope.deadline = wake_at
        if now >= self._awaited_from:
            self._awaited_from = math.inf
            self._awaiting.unpark_all()

    def link_event(self, event: LinkEvent) -> None:
        """Take in what the links tell."""
        try:
            self._decode(event)
        except RemoteProtocolError as error:
            assert self._links is not None, "links tell nothing before they are connected"
            self._links.hang_up(event.peer, f"protocol error: {error}")

    async def run(self) -> None:
        """Tick the machine whenever it asks for it, until cancelled."""
        ticks = 0
        while True:
            await self.sleep()
            ticks = ticks + 1 if self._is_due() else 0
            assert ticks < TICKS_MAX, f"{type(self.machine).__name__} asks for the past again and again"
            self.feed(Tick())

    async def sleep(self) -> None:
        """Wait until the machine's deadline, which may move meanwhile."""
        with trio.CancelScope(deadline=self._wake_at()) as self._scope:
            await trio.sleep_forever()
        self._scope = None

    async def event_after(self, at: float) -> None:
        """Wait for the first event at `at`, in trio's time, or later: what has to be done about then is done along with it.

        To wake a process costs it as much as ten chunks sent (measured: decision 0013), and most events are chunks.
        """
        self._awaited_from = min(self._awaited_from, at * SECOND)
        await self._awaiting.park()

    def stop(self) -> None:
        """Let the machine go politely; the links then say farewell."""
        self.feed(Stop())

    def _is_due(self) -> bool:
        """Tell whether the machine's deadline lay in the past when it was set."""
        due = self.machine.deadline()
        return due is not None and due < self.now() - SECOND

    def _wake_at(self) -> float:
        """Give trio's time of the next tick."""
        due = self.machine.deadline()
        return math.inf if due is None else due / SECOND

    def _decode(self, event: LinkEvent) -> None:
        """Turn what came over a link into events."""
        match event:
            case DatagramReceived(peer, data):
                if self._manners[peer].datagram(self.now):
                    self._datagram(peer, data)
            case LinkUp(peer, address, dialled):
                self._manners[peer] = Manners()
                self.feed(Connected(peer, address, dialled))
            case LinkDown(peer, reason, detail, _):
                self._manners.pop(peer, None)
                text = detail or reason.name.lower().replace("_", " ")
                self.feed(Disconnected(peer, text, is_wrong_key=reason is DownReason.WRONG_KEY))
            case FrameReceived(peer, data):
                message = decode(data)
                self._manners[peer].message(message, self.now())
                if message is not None:
                    self.feed(Received(peer, message))
            case BlobReceived(peer, data):
                self._manners[peer].blob(self.now())
                chunks = decode_refill(data) or ()
                parts = tuple(self._chunk(peer, hop, chunk, is_refill=True) for hop, chunk in chunks)
                self.feed(RefillReceived(peer, parts))
            case _:
                assert_never(event)

    def _datagram(self, peer: PeerId, data: bytes) -> None:
        """Take in a chunk, or a message that is worthless when late."""
        match decode_datagram(data):
            case None:
                pass
            case (Hop() as hop, Chunk() as chunk):
                self.feed(self._chunk(peer, hop, chunk, is_refill=False))
            case message:
                assert not isinstance(message, tuple)
                self.feed(Received(peer, message))

    def _chunk(self, peer: PeerId, hop: Hop, chunk: Chunk, *, is_refill: bool) -> ChunkReceived:
        """Say that a chunk came."""
        assert self._links is not None, "links tell nothing before they are connected"
        return ChunkReceived(peer, hop, chunk, self._links.rtt_us(peer), is_refill)

    def _carry_out_all(self, effects: Sequence[object]) -> None:
        """Do what the machine wants done, in order; what is the same for many is encoded and framed once."""
        copy: SendChunk | None = None
        peers: list[PeerId] = []
        for effect in effects:
            if isinstance(effect, SendChunk):
                if copy is None or effect.chunk is not copy.chunk or effect.hop is not copy.hop:
                    self._send_copies(copy, peers)
                    copy, peers = effect, []
                peers.append(effect.to)
            else:
                self._send_copies(copy, peers)
                copy, peers = None, []
                self.carry_out(effect)
        self._send_copies(copy, peers)

    def _send_copies(self, copy: SendChunk | None, peers: list[PeerId]) -> None:
        """Send the same chunk to all of these."""
        if copy is not None:
            assert self._links is not None, "a machine is driven once its links are there"
            data = encode_chunk(copy.chunk, copy.hop)
            self.dropped_chunks += self._links.send_datagram_to_all(peers, data)

    def carry_out(self, effect: object) -> None:
        """Do one thing that the machine wants done; what is not for a link is the shell's."""
        links = self._links
        assert links is not None, "a machine is driven once its links are there"
        match effect:
            case SendChunk(to):
                self._send_copies(effect, [to])
            case Send(to, message):
                links.send(to, encode(message))
            case SendDatagram(to, message):
                links.send_datagram(to, encode_datagram(message))
            case Refill(to, chunks):
                if not links.send_blob(to, encode_refill(list(chunks))):
                    self.dropped_chunks += len(chunks)
            case Dial(peer, addresses):
                for address in addresses:
                    links.dial(peer, address)
            case HangUp(peer, detail):
                links.hang_up(peer, detail)
            case Probe(peer):
                links.ping(peer)
            case _:
                self._perform(effect)
