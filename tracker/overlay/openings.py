"""Who has something to give, found by rank and region in O(1).

A bag is kept for every (region, rank), with its size in a column of its own, and beside it how many bags of each rank
are not empty. The lowest rank with a free place in the nearest region is then found by looking at a few small numbers,
whatever the size of the crowd. Nodes leave a bag by swap-remove; which one of a bag is taken is the dice's choice. (What
a whole join costs: `benchmarks/overlay.py`.)
"""

from array import array
from collections.abc import Sequence
from typing import Final

from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.machine import Dice
from tracker.overlay.columns import longer
from tracker.overlay.keys import LEVELS, NOWHERE, RANK_BITS, RANK_MASK, WINDOW_RANK_MIN

BAG_MIN: Final = 8
"""Room in a bag when somebody is first put into it; it grows by half."""
_ONE: Final = 1
"""What masks are shifted from: declared as wide as they are where this is compiled, for C's own 1 is not."""

assert LEVELS <= 64, "the ranks of a region are a mask of so many bits"


class Bag:
    """The nodes of one bag: as many of a column's first entries as its size says."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes = array("i", [0] * BAG_MIN)


class Openings:
    """Nodes in bags by (region, rank)."""

    __slots__ = ("_bags", "_keys", "_positions", "bags_at", "count", "ranks_in", "sizes")

    def __init__(self, regions: int, ranks: int = RANK_MAX + 1) -> None:
        self._bags: list[Bag | None] = [None] * (regions << RANK_BITS)
        self.sizes = array("i", [0] * (regions << RANK_BITS))
        """How many are in each bag."""
        self._keys = array("h")
        self._positions = array("i")
        self.count = 0
        """How many are here in all."""
        self.bags_at = array("i", [0] * ranks)
        """For each rank, in how many regions somebody of it is here."""
        self.ranks_in = array("Q", [0] * regions)
        """For each region, the ranks of those who are here, as a mask."""

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
        size = self.sizes[key]
        bag = self._bags[key] if size else self._mark(key)
        assert bag is not None, f"there is no bag {key}"
        if size == len(bag.nodes):
            bag.nodes = longer(bag.nodes, size // 2)
        self._positions[node] = size
        bag.nodes[size] = node
        self.sizes[key] = size + 1
        self.count += 1

    def take_out(self, node: int) -> None:
        """Take a node out of the bag that it is in."""
        key = self._keys[node]
        self._keys[node] = NOWHERE
        bag = self._bags[key]
        assert bag is not None, f"there is no bag {key}"
        size = self.sizes[key] - 1
        self.sizes[key] = size
        self.count -= 1
        last = bag.nodes[size]
        if last != node:
            position = self._positions[node]
            bag.nodes[position] = last
            self._positions[last] = position
        if not size:
            self._unmark(key)

    def bag(self, key: int) -> list[int]:
        """Give who is in a bag, in its own order."""
        return [self.one(key, at) for at in range(self.sizes[key])]

    def one(self, key: int, at: int) -> int:
        """Give the one at some position of a bag, counted from 0; before that come the last ones."""
        bag = self._bags[key]
        assert bag is not None, f"there is no bag {key}"
        return bag.nodes[at if at >= 0 else at + self.sizes[key]]

    def start(self, key: int, dice: Dice) -> int:
        """Draw a position of a bag in which somebody is."""
        size = self.sizes[key]
        return dice(size) if size > 1 else 0

    def pick(self, key: int, dice: Dice, count: int) -> list[int]:
        """Draw up to `count` different nodes of a bag; the first is uniform, the others follow it."""
        bag, size = self._bags[key], self.sizes[key]
        assert bag is not None, f"there is no bag {key}"
        at = self.start(key, dice)
        drawn: list[int] = []
        for _ in range(count if count < size else size):  # noqa: FURB136 - a call takes longer
            drawn.append(bag.nodes[at])
            at += 1
            if at == size:
                at = 0
        return drawn

    def lowest_rank(self) -> int:
        """Give the lowest rank of anybody; there must be somebody."""
        rank = 0
        while not self.bags_at[rank]:
            rank += 1
        return rank

    def lowest_region(self, rank: int) -> int:
        """Give the first region that has somebody of a rank; there must be somebody."""
        key = rank
        while not self.sizes[key]:
            key += LEVELS
        return key >> RANK_BITS

    def shallowest(self, near: Sequence[int], below: int, least: int = 0) -> int:
        """Find the bag of the lowest rank from `least` to under `below`, in the nearest region that has it, if any.

        `near` names every region, nearest first; its first is one's own.
        """
        rank = least
        while rank < below and not self.bags_at[rank]:
            rank += 1
        if rank >= below:
            return NOWHERE
        region = near[0]
        own = region << RANK_BITS | rank
        if WINDOW_RANK_MIN <= rank < below - 1 and not self.sizes[own] and self.sizes[own + 1]:
            return own + 1
        for region in near:
            key = region << RANK_BITS | rank
            if self.sizes[key]:
                return key
        return NOWHERE

    def _mark(self, key: int) -> Bag:
        """Have a bag that somebody is put into; give it."""
        region, rank = key >> RANK_BITS, key & RANK_MASK
        self.bags_at[rank] += 1
        self.ranks_in[region] |= _ONE << rank
        bag = self._bags[key]
        if bag is None:
            bag = self._bags[key] = Bag()
        return bag

    def _unmark(self, key: int) -> None:
        region, rank = key >> RANK_BITS, key & RANK_MASK
        self.bags_at[rank] -= 1
        self.ranks_in[region] ^= _ONE << rank
