"""Who has something to give, found by rank and region in O(1).

A bag is kept for every (region, rank), and three kinds of masks say which bags are not empty: ranks of anybody, ranks
of one region, regions of one rank. The lowest rank with a free place in the nearest region is then a few bit
operations, whatever the size of the crowd. Nodes leave a bag by swap-remove; which one of a bag is taken is the dice's
choice. (What a whole join costs: `benchmarks/overlay.py`.)
"""

from array import array
from collections.abc import Sequence

from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.machine import Dice
from tracker.overlay.columns import longer
from tracker.overlay.keys import NOWHERE, RANK_BITS, RANK_MASK, WINDOW_RANK_MIN, key_of


class Openings:
    """Nodes in bags by (region, rank)."""

    __slots__ = ("_bags", "_keys", "_positions", "ranks", "ranks_in", "regions_at")

    def __init__(self, regions: int, ranks: int = RANK_MAX + 1) -> None:
        self._bags: list[array[int] | None] = [None] * (regions << RANK_BITS)
        self._keys = array("h")
        self._positions = array("i")
        self.ranks = 0
        """Bit r: somebody of rank r is here."""
        self.ranks_in = [0] * regions
        """For each region, the ranks of those who are here."""
        self.regions_at = [0] * ranks
        """For each rank, the regions of those who are here."""

    def grow(self, nodes: int) -> None:
        """Make room for so many more nodes."""
        self._keys = longer(self._keys, nodes, NOWHERE)
        self._positions = longer(self._positions, nodes)

    def key(self, node: int) -> int:
        """Tell in which bag a node is; `NOWHERE` if in none."""
        return self._keys[node]

    def put(self, node: int, key: int) -> None:
        """Have a node in the bag `key` and in no other; `NOWHERE` takes it out."""
        old = self._keys[node]
        if old == key:
            return
        if old != NOWHERE:
            self.take_out(node)
            if key == NOWHERE:
                return
        self._keys[node] = key
        bag = self._bags[key] or self._mark(key)
        self._positions[node] = len(bag)
        bag.append(node)

    def take_out(self, node: int) -> None:
        """Take a node out of the bag that it is in."""
        keys = self._keys
        key = keys[node]
        keys[node] = NOWHERE
        bag = self._bags[key]
        assert bag is not None, f"there is no bag {key}"
        last = bag.pop()
        if last != node:
            positions = self._positions
            position = positions[node]
            bag[position] = last
            positions[last] = position
        if not bag:
            self._unmark(key)

    def bag(self, key: int) -> Sequence[int]:
        """Show who is in a bag, in its own order."""
        return self._bags[key] or ()

    def pick(self, key: int, dice: Dice, count: int) -> Sequence[int]:
        """Draw up to `count` different nodes of a bag; the first is uniform, the others follow it."""
        bag = self._bags[key]
        assert bag is not None, f"there is no bag {key}"
        size = len(bag)
        if size == 1:
            return (bag[0],)
        start = dice(size)
        drawn = bag[start : start + count]
        if len(drawn) < count and start:
            drawn += bag[: min(start, count - len(drawn))]
        return drawn

    def shallowest(self, near: Sequence[int], below: int, least: int = 0) -> int:
        """Find the bag of the lowest rank from `least` to under `below`, in the nearest region that has it, if any.

        `near` names every region, nearest first; its first is one's own.
        """
        ranks = self.ranks & ((1 << below) - (1 << least)) if below > least else 0
        if not ranks:
            return NOWHERE
        # `lowest`, without the call.
        rank = (ranks & -ranks).bit_length() - 1
        if WINDOW_RANK_MIN <= rank < below - 1 and self.ranks_in[near[0]] >> rank & 0b11 == 0b10:
            return key_of(near[0], rank + 1)
        regions = self.regions_at[rank]
        if not regions & (regions - 1):
            return (regions.bit_length() - 1) << RANK_BITS | rank
        if regions >> near[0] & 1:
            return near[0] << RANK_BITS | rank
        for region in near:
            if regions >> region & 1:
                return region << RANK_BITS | rank
        return NOWHERE

    def _mark(self, key: int) -> "array[int]":
        """Have a bag that somebody is put into; give it."""
        region, rank = key >> RANK_BITS, key & RANK_MASK
        self.ranks |= 1 << rank
        self.ranks_in[region] |= 1 << rank
        self.regions_at[rank] |= 1 << region
        bag = self._bags[key]
        if bag is None:
            bag = self._bags[key] = array("i")
        return bag

    def _unmark(self, key: int) -> None:
        region, rank = key >> RANK_BITS, key & RANK_MASK
        self.ranks_in[region] &= ~(1 << rank)
        self.regions_at[rank] &= ~(1 << region)
        if not self.regions_at[rank]:
            self.ranks &= ~(1 << rank)
