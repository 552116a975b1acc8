"""What a peer may send in all: its household's uplink is not its own.

**A ceiling.** The uplink is declared, or follows from the places that are offered. All sound that is sent draws on one token
bucket (its bytes on the wire, reckoned; a tenth is kept for messages and acknowledgements). Live chunks come first: they go
at once or not at all, and pulls, parked wishes and refills wait in line for what the next round of live chunks leaves.
So that live chunks always fit, no more places are offered than they need at most seventeen twentieths of it.

**Manners.** Whatever else goes on in the household shows in the delay of the lines: see `courtesy`. What is offered then goes
down, and the tracker takes children away, one after the other; nobody is dropped.
"""

from collections import deque
from collections.abc import Sequence as Listed
from dataclasses import dataclass, replace
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.capacity import children_max
from meshcast.protocol.chunk import HOP_BYTES, Chunk, Hop
from meshcast.protocol.copies import give
from meshcast.protocol.courtesy import Courtesy
from meshcast.protocol.effects import Effect, Refill, SendChunk
from meshcast.protocol.limits import (
    DATAGRAM_BYTES_MAX,
    HOUSEHOLD_BURST_UNDECLARED_US,
    HOUSEHOLD_BURST_US,
    HOUSEHOLD_CHILD_BYTES,
    HOUSEHOLD_LIVE_PERCENT,
    HOUSEHOLD_QUEUE_MAX,
    HOUSEHOLD_SOUND_PERCENT,
    PACKET_OVERHEAD_BYTES,
)
from meshcast.protocol.relay import Relay
from meshcast.protocol.units import SECOND, Micros, PeerId, Sequence

COST_SHARE: Final = 8
"""Weight of a new chunk in the running mean of their sizes: bit rates vary around what was chosen."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chunk in line for what is left of the uplink."""

    to: PeerId
    hop: Hop
    chunk: Chunk
    since: Micros


class Household:
    """The uplink of one peer; all that its relay sends passes through."""

    def __init__(self, relay: Relay, backlog: Backlog, uplink_bps: int | None) -> None:
        """Keep to `uplink_bps`, in all that is sent; None: to what the places offered need, emergencies included."""
        self._relay = relay
        self._backlog = backlog
        self.declared_bps = uplink_bps
        self.courtesy = Courtesy()
        self.held_back_chunks = 0
        """Live chunks that did not fit; who misses one pulls it."""
        self._child_bytes_s = HOUSEHOLD_CHILD_BYTES
        self._costed: Sequence = 0
        self._level_bytes = 0
        self._filled_at: Micros | None = None
        self._looked_at: Micros | None = None
        self._line: deque[Waiting] = deque()
        self._in_line: dict[tuple[PeerId, Sequence], None] = {}
        self.offer(0)

    # ---- how much

    @property
    def rate_bytes_s(self) -> int:
        """Give what all sound together may take, in bytes a second on the wire."""
        if self.declared_bps is not None:
            return self.declared_bps // 8 * HOUSEHOLD_SOUND_PERCENT // 100
        member = self._relay.member
        children = children_max(member.role, member.capacity)
        return children * self._child_bytes_s * 100 // HOUSEHOLD_LIVE_PERCENT

    @property
    def limit_bps(self) -> int:
        """Give the uplink that is kept to: as declared, or as it follows from the places."""
        return self.declared_bps or self.rate_bytes_s * 8 * 100 // HOUSEHOLD_SOUND_PERCENT

    @property
    def places_max(self) -> int:
        """Say how many children live chunks fit for, emergencies included."""
        if self.declared_bps is None:
            return children_max(self._relay.member.role, self._relay.member.capacity)
        return self.rate_bytes_s * HOUSEHOLD_LIVE_PERCENT // 100 // self._child_bytes_s

    def offer(self, now: Micros) -> None:
        """Offer as many places as there is room for, and as manners allow."""
        relay, fits = self._relay, self.places_max
        wanted = min(relay.member.capacity, fits)
        offered = self.courtesy.places(wanted, len(relay.children), now)
        if (offered, fits) != (relay.offered, relay.ceiling):
            relay.changed |= offered != relay.offered
            relay.offered, relay.ceiling = offered, fits

    def measured(self, round_trips: Listed[tuple[PeerId, Micros]], now: Micros) -> None:
        """Take in the delay of the lines to children: they carry sound, so that it is measured all the time."""
        fed = self._relay.children
        self.courtesy.measured(
            [(peer, rtt_us) for peer, rtt_us in round_trips if peer in fed and rtt_us], now
        )

    # ---- what is sent

    def pass_on(self, effects: list[Effect], now: Micros) -> list[Effect]:
        """Let what fits through, in order; live chunks first, and what must wait when its turn comes."""
        self._reckon()
        passed = effects if self._fits(effects, now) else self._held_to(effects, now)
        self.offer(now)
        return passed + self._serve(now) if self._line else passed

    def _fits(self, effects: list[Effect], now: Micros) -> bool:
        """Tell whether all that is sent are copies of the newest chunk, and there is room for all; then take it.

        So it is with nearly all chunks, and sixteen are reckoned as one.
        """
        newest, live, copies = self._backlog.newest, None, 0
        for effect in effects:
            if isinstance(effect, SendChunk) and effect.chunk.sequence == newest:
                live = effect.chunk
                copies += 1
            elif isinstance(effect, SendChunk | Refill):
                return False
        if live is None:
            return True
        size = size_of(live)
        if self._level(now) < self._needs(live, 0) + (copies - 1) * size:
            return False
        self._level_bytes -= copies * size
        return True

    def _held_to(self, effects: list[Effect], now: Micros) -> list[Effect]:
        """Let through what fits; what is not of the newest chunk waits in line."""
        passed: list[Effect] = []
        newest, live, need = self._backlog.newest, None, 0
        for effect in effects:
            match effect:
                case SendChunk(_, _, chunk) | Refill(_, ((_, chunk),)) if chunk.sequence == newest:
                    if chunk is not live:
                        # The same for all children: it is reckoned once.
                        live, need = chunk, self._needs(chunk, 0)
                    if self._draws(chunk, need, now):
                        passed.append(effect)
                    else:
                        self.held_back_chunks += 1
                case SendChunk(to, hop, chunk):
                    self._queue(to, [(hop, chunk)], now)
                case Refill(to, chunks):
                    self._queue(to, chunks, now)
                case _:
                    passed.append(effect)
        return passed

    def deadline(self, now: Micros) -> Micros | None:
        """When is there room for the next in line?"""
        if not self._line or not self.rate_bytes_s:
            return None
        lacking = self._needs(self._line[0].chunk, self._reserve_bytes) - self._level(now)
        return now + max(0, lacking * SECOND // self.rate_bytes_s + 1) if lacking > 0 else now

    def _queue(self, to: PeerId, chunks: Listed[tuple[Hop, Chunk]], now: Micros) -> None:
        """Put chunks in line, each once; when the line is full the oldest is given up: it will be asked for again."""
        for hop, chunk in chunks:
            if (to, chunk.sequence) in self._in_line:
                continue
            self._in_line[to, chunk.sequence] = None
            self._line.append(Waiting(to, hop, chunk, now))
        while len(self._line) > HOUSEHOLD_QUEUE_MAX:
            self._take_first()

    def _serve(self, now: Micros) -> list[Effect]:
        """Send what there is room for now, what goes to one neighbour in a row together."""
        served: list[Waiting] = []
        while self._line:
            first = self._line[0]
            if first.to not in self._relay.served:
                self._take_first()
            elif self._draws(first.chunk, self._needs(first.chunk, self._reserve_bytes), now):
                served.append(self._take_first())
            else:
                break
        return together(served, now)

    def _take_first(self) -> Waiting:
        """Take the first out of the line."""
        one = self._line.popleft()
        del self._in_line[one.to, one.chunk.sequence]
        return one

    # ---- the bucket

    @property
    def _burst_bytes(self) -> int:
        """Give what the bucket holds: what a router's queue takes unheard; a round of live chunks and one more at least.

        Who has declared nothing may be quick now and then: a joiner's sound begins with its refill.
        """
        burst_us = HOUSEHOLD_BURST_UNDECLARED_US if self.declared_bps is None else HOUSEHOLD_BURST_US
        return max(
            self.rate_bytes_s * burst_us // SECOND,
            self._reserve_bytes + DATAGRAM_BYTES_MAX + PACKET_OVERHEAD_BYTES,
        )

    @property
    def _reserve_bytes(self) -> int:
        """Give what is kept for the next round of live chunks; some are larger than the mean."""
        mean = len(self._relay.children) * self._child_bytes_s * self._backlog.chunk_us // SECOND
        return mean + mean // 8

    def _level(self, now: Micros) -> int:
        """Fill the bucket up to now, and give what it holds."""
        if now == self._looked_at:
            return self._level_bytes
        self._looked_at = now
        if self._filled_at is None:
            self._filled_at, self._level_bytes = now, self._burst_bytes
        earned = (now - self._filled_at) * self.rate_bytes_s // SECOND
        if earned > 0:
            # What is less than a byte is not lost, or chunks that come often would never earn anything.
            self._filled_at += earned * SECOND // self.rate_bytes_s
            self._level_bytes += earned
        self._level_bytes = min(self._level_bytes, self._burst_bytes)
        return self._level_bytes

    def _draws(self, chunk: Chunk, need: int, now: Micros) -> bool:
        """Take one chunk's bytes out of the bucket, if that holds as much as is needed."""
        if self._level(now) < need:
            return False
        self._level_bytes -= size_of(chunk)
        return True

    def _needs(self, chunk: Chunk, reserve: int) -> int:
        """Say what the bucket must hold for a chunk to go; one that is larger than the bucket goes when that is full."""
        return min(size_of(chunk) + reserve, self._burst_bytes)

    def _reckon(self) -> None:
        """Learn what a child costs, once a chunk; the first counts whole. A pause costs next to nothing, and ends."""
        held = self._backlog.get(self._backlog.newest)
        if held is None or held.chunk.sequence == self._costed or not held.chunk.packets:
            return
        chunk = held.chunk
        cost = size_of(chunk) * SECOND // chunk.duration_us
        self._child_bytes_s += (
            (cost - self._child_bytes_s) // COST_SHARE if self._costed else cost - self._child_bytes_s
        )
        self._costed = chunk.sequence


def size_of(chunk: Chunk) -> int:
    """Reckon what a chunk takes on the wire: its hop header, and what QUIC, UDP and IP add to a packet."""
    return len(chunk.signed) + HOP_BYTES + PACKET_OVERHEAD_BYTES


def together(served: list[Waiting], now: Micros) -> list[Effect]:
    """Send what goes to one neighbour as one: each is older by what it has waited."""
    by_peer: dict[PeerId, list[tuple[Hop, Chunk]]] = {}
    for one in served:
        hop = replace(one.hop, age_us=one.hop.age_us + now - one.since)
        by_peer.setdefault(one.to, []).append((hop, one.chunk))
    effects: list[Effect] = []
    for to, chunks in by_peer.items():
        effects += [give(to, *chunks[0])] if len(chunks) == 1 else [Refill(to, tuple(chunks))]
    return effects
