"""Sums that both fidelities and the reports share: how flat a tree could be, and distributions in a few numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sim.measures import Spread
from tracker.overlay import levelling

Number = TypeVar("Number", int, float)


def depth_least(origin: int, capacities: Iterable[int]) -> int:
    """Give the least depth of a tree of peers with these capacities under an origin of so many places; 0 for no peers.

    Peers for whom there is no place at all are not counted.
    """
    of = Counter(capacities)
    return levelling.depth_least(origin, [of[capacity] for capacity in range(max(of, default=0) + 1)])


def spread(ordered: Sequence[float]) -> Spread:
    """Give median, 99th percentile and maximum of sorted numbers; zeros where there are none."""
    if not ordered:
        return Spread()
    return Spread(float(percentile(ordered, 50)), float(percentile(ordered, 99)), float(ordered[-1]))


def percentile(ordered: Sequence[Number], share: int) -> Number:
    """Give the smallest number that so many per cent are not above (nearest rank); 0 of nothing."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0
