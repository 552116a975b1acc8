"""The last seconds: what a peer keeps to refill others and to play from. Order, duplicates, holes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.limits import BACKLOG_US, CHUNK_US_MAX, HAVE_BITS
from meshcast.protocol.units import Micros, Sequence


@dataclass(frozen=True, slots=True)
class Held:
    """A chunk, when it came, and how old it was then."""

    chunk: Chunk
    arrived_at: Micros
    age_us: Micros


class Backlog:
    """Chunks of one run by sequence, at most `BACKLOG_US` of them."""

    def __init__(self) -> None:
        self._held: dict[Sequence, Held] = {}
        self._oldest: Sequence = 0
        self.newest: Sequence = 0
        """The greatest sequence held; 0 when there is none."""
        self.newest_at: Micros = 0
        self.chunk_us: Micros = CHUNK_US_MAX

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._held

    def __len__(self) -> int:
        return len(self._held)

    def get(self, sequence: Sequence) -> Held | None:
        """Give what is held under this number."""
        return self._held.get(sequence)

    @property
    def floor(self) -> Sequence:
        """Chunks below this are too old to be taken in."""
        return max(0, self.newest - BACKLOG_US // self.chunk_us)

    @property
    def newest_age_us(self) -> Micros:
        """Say how old the newest chunk was when it came; 0 when there is none."""
        held = self.get(self.newest)
        return held.age_us if held is not None else 0

    def is_new(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is neither known nor too old."""
        return chunk.sequence not in self._held and chunk.sequence > self.floor

    def add(self, chunk: Chunk, now: Micros, age_us: Micros) -> None:
        """Keep a chunk that `is_new`, and let go of those that have become too old."""
        self._held[chunk.sequence] = Held(chunk, now, age_us)
        if len(self._held) == 1:
            self._oldest = chunk.sequence
        self._oldest = min(self._oldest, chunk.sequence)
        self.chunk_us = chunk.duration_us
        if chunk.sequence > self.newest:
            self.newest, self.newest_at = chunk.sequence, now
        if self._oldest <= self.floor - 2 * len(self._held):
            # The numbers have leapt: what is held is fewer than what lies between.
            self._held = {number: held for number, held in self._held.items() if number > self.floor}
            self._oldest = self.floor + 1
        while self._oldest <= self.floor:
            self._held.pop(self._oldest, None)
            self._oldest += 1

    def replace(self, chunk: Chunk) -> None:
        """Keep another chunk under a number that is held: a later source has said it too."""
        self._held[chunk.sequence] = replace(self._held[chunk.sequence], chunk=chunk)

    def have(self, sequence: Sequence) -> int:
        """Give the bitmap of which of the 16 chunks before this one are held."""
        bits = 0
        for bit in range(HAVE_BITS):
            if sequence - 1 - bit in self._held:
                bits |= 1 << bit
        return bits

    def hop(self, held: Held, now: Micros) -> Hop:
        """Make the hop header of a chunk that leaves now."""
        return Hop(self.have(held.chunk.sequence), held.age_us + now - held.arrived_at)

    def after(self, sequence: Sequence, count_max: int) -> Iterator[Held]:
        """Yield the newest `count_max` chunks that came after `sequence`, oldest first."""
        first = max(sequence + 1, self.newest - count_max + 1, self._oldest)
        for number in range(first, self.newest + 1):
            held = self._held.get(number)
            if held is not None:
                yield held

    def clear(self) -> None:
        """Forget everything: another run begins."""
        self._held.clear()
        self.newest = self._oldest = 0
