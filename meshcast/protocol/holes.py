"""Missing chunks: which, and when to ask for each once more.

A hole is found when a later chunk comes. It is asked for at once if the sender has it (its have-bitmap says so), and
otherwise only after a while: the sender is missing it too, has asked, and will pass it on. Three tries a round trip
apart: one leaves 792 ppm a hop at 2 % loss, three leave 1.2 if each asks one neighbour (the last asks them all: `pulls`).
"""

from dataclasses import dataclass

from meshcast.protocol.chunk import Hop
from meshcast.protocol.limits import HAVE_BITS, PULL_CHUNKS_BURST, PULL_TRIES_MAX, PULL_US_MIN
from meshcast.protocol.machine import earliest
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, Sequence

PATIENCE_US = 150 * MILLISECOND
"""How long a sender that misses a chunk too is given to get it: its own first pull and a round trip."""
REORDER_US = 10 * MILLISECOND
"""Datagrams overtake each other; so long a hole may be none."""
IN_VAIN_US = 2 * SECOND
"""What was asked for in vain, of somebody who had died, is asked of the next parent for so long: it may still be played."""


@dataclass(slots=True)
class Hole:
    """One missing chunk."""

    again_at: Micros
    found_at: Micros
    tries: int = 0


class Holes:
    """The missing chunks of one run, at most `PULL_CHUNKS_BURST` of them."""

    def __init__(self) -> None:
        self._holes: dict[Sequence, Hole] = {}
        self._in_vain: dict[Sequence, Micros] = {}
        """Those that are not asked for any more, and when they were found."""

    def __len__(self) -> int:
        return len(self._holes)

    def found(self, first: Sequence, last: Sequence, by: Sequence, hop: Hop, now: Micros) -> None:
        """Note that `first..last` are missing, as chunk `by` shows; only the newest are worth asking for."""
        for sequence in range(max(first, last - PULL_CHUNKS_BURST + 1), last + 1):
            bit = by - 1 - sequence
            has = bit >= HAVE_BITS or hop.have >> bit & 1
            self._holes[sequence] = Hole(now + (REORDER_US if has else PATIENCE_US), now)
        while len(self._holes) > PULL_CHUNKS_BURST:
            del self._holes[next(iter(self._holes))]

    def filled(self, sequence: Sequence) -> None:
        """Note that a chunk has come."""
        self._holes.pop(sequence, None)
        self._in_vain.pop(sequence, None)

    def ask_anew(self, now: Micros) -> None:
        """Begin again, for there is a new parent: who was asked until now may have been dead."""
        found = {one: hole.found_at for one, hole in self._holes.items()} | self._in_vain
        self._in_vain.clear()
        for sequence, found_at in sorted(found.items()):
            if now - found_at <= IN_VAIN_US:
                self._holes[sequence] = Hole(now, found_at)

    def drop_below(self, floor: Sequence) -> None:
        """Give up what is too old to matter."""
        for sequence in [one for one in self._holes if one <= floor]:
            del self._holes[sequence]

    def due(self, now: Micros, rtt_us: Micros) -> dict[int, list[Sequence]]:
        """Give the chunks to ask for now, by the number of the try (0, 1, 2); the next try is a round trip later."""
        asks: dict[int, list[Sequence]] = {}
        for sequence, hole in list(self._holes.items()):
            if now < hole.again_at:
                continue
            if hole.tries >= PULL_TRIES_MAX:
                self._give_up(sequence)
                continue
            asks.setdefault(hole.tries, []).append(sequence)
            hole.tries += 1
            hole.again_at = now + max(PULL_US_MIN, rtt_us + rtt_us // 2)
        return asks

    def deadline(self) -> Micros | None:
        """When is the next try due?"""
        return earliest(*(hole.again_at for hole in self._holes.values()))

    def clear(self) -> None:
        """Forget everything: another run begins."""
        self._holes.clear()
        self._in_vain.clear()

    def _give_up(self, sequence: Sequence) -> None:
        """Ask for a chunk no more, unless a new parent is found soon."""
        self._in_vain[sequence] = self._holes.pop(sequence).found_at
        while len(self._in_vain) > PULL_CHUNKS_BURST:
            del self._in_vain[next(iter(self._in_vain))]


def ranges(sequences: list[Sequence]) -> tuple[tuple[Sequence, Sequence], ...]:
    """Give runs of consecutive numbers as first and last."""
    spans: list[tuple[Sequence, Sequence]] = []
    for sequence in sorted(sequences):
        if spans and spans[-1][1] == sequence - 1:
            spans[-1] = (spans[-1][0], sequence)
        else:
            spans.append((sequence, sequence))
    return tuple(spans)
