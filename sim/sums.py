"""Sums that both fidelities and the reports share: how flat a tree could be, and distributions in a few numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sim.measures import Spread

Number = TypeVar("Number", int, float)


def depth_least(origin: int, capacities: Iterable[int]) -> int:
    """Give the least depth of a tree of peers with these capacities under an origin of so many places; 0 for no peers.

    Those who carry most are highest. Peers for whom there is no place at all are not counted.
    """
    left = Counter(capacities)
    places, depth, hanging = origin, 0, left.total()
    while hanging > 0 and places > 0:
        depth += 1
        hanging -= places
        below = 0
        for capacity in sorted(left, reverse=True):
            taken = min(places, left[capacity])
            left[capacity] -= taken
            places -= taken
            below += taken * capacity
        places = below
    return depth


def spread(ordered: Sequence[float]) -> Spread:
    """Give median, 99th percentile and maximum of sorted numbers; zeros where there are none."""
    if not ordered:
        return Spread()
    return Spread(float(percentile(ordered, 50)), float(percentile(ordered, 99)), float(ordered[-1]))


def percentile(ordered: Sequence[Number], share: int) -> Number:
    """Give the smallest number that so many per cent are not above (nearest rank); 0 of nothing."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0
