"""The deepest are brought up, where the tree is deeper than its capacities call for.

A crowd that comes within a few round trips is placed under whoever is there: of 600,000 in ten seconds a few thousand hang
up to six levels too deep, and nothing else would move them. (The next joiners take the places higher up, and deaths heal it
only as fast as an audience turns over.) They come up as long as there are free places higher up. By delay, `rebalance` sees
to it.
"""

from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import CHILDREN_MAX, RANK_LISTENER_MIN, RANK_MAX
from tracker.overlay.columns import ORIGIN
from tracker.overlay.keys import NOWHERE, RANK_BITS
from tracker.overlay.placement import Move, is_settled
from tracker.overlay.tree import Tree

LEVELS_MORE: Final = 2
"""So many levels more than the least are left alone; three are promised (L5)."""
MOVES_MAX: Final = 2
"""Moves planned in one event."""
COUNTED_EVERY: Final = 64
"""The least depth is worked out anew after so many events: a crowd of millions changes it in seconds."""


class Levelling:
    """Brings up the deepest of one tree, a few with each event."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._events = 0
        self._bound = RANK_MAX

    def bring_up(self) -> list[Move]:
        """Plan moves of childless listeners that are deeper than need be; they are in the tree already, as PENDING."""
        tree = self._tree
        if not tree.lags.is_blind:
            return []
        if self._events % COUNTED_EVERY == 0:
            self._bound = min(RANK_MAX, least_rank(tree) + LEVELS_MORE)
        self._events += 1
        moves: list[Move] = []
        while len(moves) < MOVES_MAX:
            node = _deepest(tree, self._bound)
            if node == NOWHERE or not is_settled(tree, node) or tree.has_children(node):
                break
            target = _highest_under(tree, node, self._bound)
            if target == NOWHERE:
                break
            moves.append(Move(node, tree.parent[node], target))
            tree.attach(node, target)
        return moves


def least_rank(tree: Tree) -> int:
    """Give the rank of the deepest listeners, if those who carry most were highest; `RANK_MAX` if not all have a place."""
    places = tree.capacity[ORIGIN]
    for child in tree.children.of(ORIGIN):
        if tree.role[child] != LISTENER:
            places += tree.capacity[child] - 1
    room = places
    counts = []
    for capacity in range(CHILDREN_MAX + 1):
        counts.append(tree.by_capacity[capacity])
        room += tree.by_capacity[capacity] * capacity
    if places <= 0 or room < sum(counts):
        return RANK_MAX
    depth = depth_least(places, counts)
    return RANK_LISTENER_MIN + depth - 1 if depth else RANK_LISTENER_MIN


def depth_least(places: int, counts: list[int]) -> int:
    """Give the least depth of a tree under so many places; 0 for no peers. O(capacities * levels).

    `counts` has at each capacity how many peers have it. Those who carry most are highest, and peers for whom there is no
    place at all are not counted.
    """
    left = counts[:]
    hanging, depth = sum(left), 0
    while hanging > 0 and places > 0:
        depth += 1
        hanging -= places
        below = 0
        for capacity in range(len(left) - 1, -1, -1):
            taken = min(places, left[capacity])
            left[capacity] -= taken
            places -= taken
            below += taken * capacity
        places = below
    return depth


def _deepest(tree: Tree, bound: int) -> int:
    """Give one of those of the greatest rank over `bound`: whoever is deepest has no children."""
    leaf_only, slots = tree.leaf_only, tree.slots
    for rank in range(RANK_MAX, bound, -1):
        if leaf_only.bags_at[rank] or slots.bags_at[rank]:
            openings = leaf_only if leaf_only.bags_at[rank] else slots
            return openings.one(openings.lowest_region(rank) << RANK_BITS | rank, 0)
    return NOWHERE


def _highest_under(tree: Tree, node: int, bound: int) -> int:
    """Give a place at the greatest rank that brings a node within `bound`: those at the top are for who can serve."""
    slots, near = tree.slots, tree.nearest[tree.region[node]]
    for rank in range(bound - 1, -1, -1):
        if slots.bags_at[rank]:
            target = slots.one(slots.shallowest(near, rank + 1, rank), 0)
            if tree.is_rooted(target):
                return target
    return NOWHERE
