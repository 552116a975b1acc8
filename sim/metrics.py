"""What each peer heard when, and what of it came too late to be played.

A peer's *base* is its earliest transit: the least `arrival - media time` of the live chunks that came to it before the
fault. A chunk counts as missing at delay `d` if it had not arrived by `media time + base + d`: what a player with that
buffer would have had to conceal. It is counted over chunks that were due within a window, so that each survivor is
asked for the same span of sound.
"""

from dataclasses import dataclass, field

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.events import ChunkReceived
from meshcast.protocol.units import Micros, Sequence


@dataclass(slots=True)
class Ear:
    """What one peer received, and what its machine made of it."""

    arrivals: dict[Sequence, Micros] = field(default_factory=dict)
    """When each chunk came first."""
    transits: dict[Sequence, Micros] = field(default_factory=dict)
    """Transits of the chunks that came as they were sent, and not in a refill."""
    played: list[Sequence] = field(default_factory=list)
    concealed: list[tuple[Micros, Sequence]] = field(default_factory=list)

    def hear(self, event: ChunkReceived, now: Micros) -> None:
        """Take in a chunk."""
        chunk = event.chunk
        if chunk.sequence not in self.arrivals:
            self.arrivals[chunk.sequence] = now
            if not event.is_refill:
                self.transits[chunk.sequence] = now - chunk.media_time_us

    def play(self, chunk: Chunk) -> None:
        """Take in what is handed to the player."""
        self.played.append(chunk.sequence)

    def conceal(self, sequence: Sequence, now: Micros) -> None:
        """Take in that a chunk was due and not here."""
        self.concealed.append((now, sequence))

    def base_us(self, before: Sequence) -> Micros | None:
        """Give the earliest transit of the live chunks below a number; None if there were none."""
        return min((us for sequence, us in self.transits.items() if sequence < before), default=None)


@dataclass(slots=True)
class Broadcast:
    """What the source has sent: chunk `n` is sent at `sent_at[n]`, and its media time is `(n - 1) * chunk_us`."""

    chunk_us: Micros
    sent_at: list[Micros] = field(default_factory=lambda: [0])
    run: int = 1
    """The source's run; each has numbers and media times of its own."""
    chunks: list[Chunk | None] = field(default_factory=lambda: [None], repr=False)
    """The chunks themselves: what bears a number and is not the one sent under it was made up by somebody else."""

    @property
    def newest(self) -> Sequence:
        """The newest chunk's number."""
        return len(self.sent_at) - 1

    def sends(self, now: Micros) -> None:
        """Note that the next chunk is sent."""
        self.sent_at.append(now)

    def missing(self, ear: Ear, base_us: Micros, delay_us: Micros, first: Sequence, last: Sequence) -> int:
        """Count the chunks `first..last` that had not come by media time + base + delay."""
        count, arrivals = 0, ear.arrivals
        for sequence in range(first, last + 1):
            arrived_at = arrivals.get(sequence)
            due_at = (sequence - 1) * self.chunk_us + base_us + delay_us
            count += arrived_at is None or arrived_at > due_at
        return count
