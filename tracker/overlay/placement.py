"""Where a peer goes: where the sound comes soonest, with a few milliseconds for each level of depth.

In order of preference:

1. a free place where its lag (`lags`) is least, with `PRICES_US` for its depth: without them chains are 22 deep at a
   million peers;
2. a *splice*, where that is better: a peer that can serve takes the place of a leaf-only peer, and that one goes under
   it as soon as it is attached (without splices the top fills with peers that cannot serve). Its parent carries one
   child too many for that moment, and at most `SPLICES_MAX` of them;
3. for one that has lost its sound, an emergency place beyond somebody's capacity, which relief takes back later.

Who was named a parent in vain, and asks again, is sent to any region instead (docs/decisions/0025).

While nobody has measured anything, and where nothing is found by lag, the lowest rank comes first and then the nearest
region. A peer with children only goes where its rank does not rise; a childless one goes anywhere.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_MAX
from meshcast.protocol.units import MILLISECOND, Micros
from tracker.overlay.columns import NOBODY
from tracker.overlay.keys import NOWHERE, RANK_BITS, RANK_MASK
from tracker.overlay.lags import PRICES_US
from tracker.overlay.nodes import RANK_MIN
from tracker.overlay.openings import Openings
from tracker.overlay.standbys import adopters_below
from tracker.overlay.states import ATTACHED
from tracker.overlay.tree import Tree

PROBES_MAX: Final = 4
"""Candidates looked at in one bag before a worse one is taken."""
ANY_US: Final = 1 << 60
"""More than any lag."""
SPLICE_US: Final = 5 * MILLISECOND
"""What a splice must gain over a free place: it costs a move."""
SPLICES_MAX: Final = EMERGENCY_PLACES_MAX // 2
"""Splices under way at one parent: the other emergency places are for emergencies."""

assert 0 < SPLICES_MAX < EMERGENCY_PLACES_MAX


# Not frozen, as values are otherwise: to make a frozen one takes three times as long; nor with slots, which are declared
# where this is compiled, and then it takes a tenth.
@dataclass
class Placement:
    """A place for a peer; the tree has it as PENDING already."""

    parent: int
    leaf: int | None = None
    """The leaf-only child of `parent` whose place it takes: `complete_splice` once the peer is attached."""
    emergency: bool = False
    """The parent is beyond its capacity and wants relief."""


@dataclass
class Move:
    """A child that shall change its parent; the tree has it under the new one already, as PENDING."""

    child: int
    source: int
    target: int


def place(tree: Tree, node: int) -> Placement | None:
    """Find a place for a peer and enter it in the tree; None if there is none now. O(regions).

    A relay or a spare, which can only hang near the origin and brings more than it takes, is allowed a place beyond
    somebody's capacity.
    """
    placement = _place_within(tree, node)
    if placement is None and tree.role[node] != LISTENER:
        placement = _place_beyond(tree, node)
    return placement


def place_in_emergency(tree: Tree, node: int) -> Placement | None:
    """Find a place, as above, for one that has lost its sound: if need be beyond somebody's capacity."""
    placement = _place_within(tree, node)
    return _place_beyond(tree, node) if placement is None else placement


def place_elsewhere(tree: Tree, node: int) -> Placement | None:
    """Find a free place, of another than its parent, in a region that the dice name: for who was named one near in vain.

    A region can be gone, and with it the parent, the standbys and the uncles of who lives near it. The tracker does not know
    that of most of its peers for seconds; and it is they who have free places there.
    """
    tree.withdraw_splice(node)
    slots, below = tree.slots, parent_rank_bound(tree, node)
    regions = len(slots.ranks_in)
    first = tree.dice(regions)
    for step in range(regions):
        region = (first + step) % regions
        for rank in range(below if slots.ranks_in[region] else 0):
            key = region << RANK_BITS | rank
            if slots.sizes[key]:
                slot = _rooted_in(tree, slots, key)
                if slot != tree.parent[node] and tree.is_rooted(slot):
                    tree.attach(node, slot)
                    return Placement(slot)
                break
    return None


def _place_within(tree: Tree, node: int) -> Placement | None:
    """Find a free place, or one that a leaf-only peer makes free."""
    # A place that it was given before and has not taken is forgotten, and with it the leaf that was to make room.
    tree.withdraw_splice(node)
    below = parent_rank_bound(tree, node)
    if tree.role[node] == LISTENER and not tree.lags.is_blind:
        placement = place_by_lag(tree, node, below)
        if placement is not None:
            return placement
    slot = find_slot(tree, node, below)
    leaf = None
    if tree.free[node] > 0:
        leaf = _find_splice(tree, node, min(below, RANK_MAX if slot is None else tree.rank[slot]))
    if leaf is not None:
        parent = tree.parent[leaf]
        tree.attach(node, parent)
        tree.promise_splice(node, leaf)
        return Placement(parent, leaf)
    if slot is None:
        return None
    tree.attach(node, slot)
    return Placement(slot)


def _place_beyond(tree: Tree, node: int) -> Placement | None:
    """Find somebody who may carry one too many."""
    adopter = _find_adopter(tree, node)
    if adopter is None:
        return None
    tree.attach(node, adopter)
    return Placement(adopter, emergency=tree.free[adopter] < 0)


def place_by_lag(tree: Tree, node: int, below: int, limit: Micros = ANY_US) -> Placement | None:
    """Find the place where the sound comes soonest, if its score is under `limit`, and enter it."""
    spot, score = find_spot(tree, node, below)
    if tree.free[node] > 0:
        leaf, leaf_score = find_leaf(tree, node, below)
        if leaf is not None and leaf_score + SPLICE_US < min(score, limit):
            parent = tree.parent[leaf]
            tree.attach(node, parent)
            tree.promise_splice(node, leaf)
            return Placement(parent, leaf)
    if spot is None or score >= limit:
        return None
    tree.attach(node, spot)
    return Placement(spot)


def find_spot(tree: Tree, node: int, below: int) -> tuple[int | None, Micros]:
    """Find the free place under which a node's lag, with what depth counts, is least; and that."""
    lags = tree.lags
    best, best_score = None, ANY_US
    own = tree.has_children(node)
    for key in lags.nearest_bags(lags.spots, lags.place[node]):
        for one in lags.spots.pick(key, tree.dice, PROBES_MAX):
            if one == node or tree.rank[one] >= below:
                continue
            score = score_under(tree, node, one)
            if score < best_score and (not own or not tree.is_under(one, node)) and tree.is_rooted(one):
                best, best_score = one, score
    return best, best_score


def find_leaf(tree: Tree, node: int, below: int) -> tuple[int | None, Micros]:
    """Find the leaf-only peer whose place is best for a node."""
    lags = tree.lags
    best, best_score = None, ANY_US
    for key in lags.nearest_bags(lags.leaves, lags.place[node]):
        for leaf in lags.leaves.pick(key, tree.dice, PROBES_MAX):
            parent = tree.parent[leaf]
            if parent == node or tree.rank[parent] >= below:
                continue
            score = score_under(tree, node, parent)
            if score < best_score and bears_another(tree, parent):
                best, best_score = leaf, score
    return best, best_score


def score_under(tree: Tree, node: int, parent: int) -> Micros:
    """Score a place: the lag there, and what depth counts."""
    lags = tree.lags
    return lags.lag[parent] + lags.delay(parent, node) + PRICES_US[tree.rank[parent]]


def complete_splice(tree: Tree, joiner: int) -> Move | None:
    """Let the leaf whose place an attached joiner took go under it; None if nothing is owed, or not yet.

    If the joiner has no place for it after all, the parent stays beyond its capacity and relief finds another.
    """
    leaf = tree.promised_leaf(joiner)
    if leaf is None or tree.state[joiner] != ATTACHED:
        return None
    source = tree.parent[leaf]
    tree.withdraw_splice(joiner)
    if tree.free[joiner] <= 0 or not tree.may_attach(leaf, joiner):
        return None
    tree.attach(leaf, joiner)
    return Move(leaf, source, joiner)


def parent_rank_bound(tree: Tree, node: int) -> int:
    """Give the rank that a new parent must stay under: any for the childless, its own for one with children."""
    role = tree.role[node]
    if role != LISTENER:
        return RANK_MIN[role]
    return tree.rank[node] if tree.free[node] < tree.capacity[node] else RANK_MAX


def find_slot(tree: Tree, node: int, below: int) -> int | None:
    """Find another's free place at a rank under `below`: of the lowest rank, the nearest."""
    slots = tree.slots
    own = slots.key(node)
    if own != NOWHERE:
        slots.put(node, NOWHERE)
    key = slots.shallowest(tree.nearest[tree.region[node]], below)
    found = NOBODY if key == NOWHERE else _rooted_in(tree, slots, key)
    if own != NOWHERE:
        slots.put(node, own)
    return None if found == NOBODY else found


def _rooted_in(tree: Tree, slots: Openings, key: int) -> int:
    """Draw somebody of a bag: sound that comes from the origin is better than an orphan's, but any is better than none."""
    size = slots.sizes[key]
    # Counted from the end: what is past it is at the beginning.
    at = slots.start(key, tree.dice) - size
    for step in range(size if size < PROBES_MAX else PROBES_MAX):  # noqa: FURB136 - a call takes longer
        one = slots.one(key, at + step)
        if tree.is_rooted(one):
            return one
    return slots.one(key, at)


def find_elsewhere(tree: Tree, node: int, source: int) -> int | None:
    """Find a free place of another than `source` for an attached node: by lag, or where nothing is known by rank."""
    below = parent_rank_bound(tree, node)
    spot = None if tree.lags.is_blind else find_spot(tree, node, below)[0]
    for target in (spot, find_slot(tree, node, below)):
        if target is not None and target != source and not tree.is_under(target, node):
            return target
    return None


def _find_splice(tree: Tree, node: int, highest: int) -> int | None:
    """Find the shallowest leaf-only peer, at a rank no greater than `highest`, whose place a node may take."""
    leaf_only = tree.leaf_only
    least = leaf_only.lowest_rank() if leaf_only.count else RANK_MAX + 1
    if least > highest:
        return None
    near = tree.nearest[tree.region[node]]
    for _ in range(PROBES_MAX):
        key = leaf_only.shallowest(near, highest + 1, least)
        if key == NOWHERE:
            return None
        for leaf in leaf_only.pick(key, tree.dice, PROBES_MAX):
            if bears_another(tree, tree.parent[leaf]):
                return leaf
        least = (key & RANK_MASK) + 1
    return None


def is_settled(tree: Tree, node: int) -> bool:
    """Tell whether a listener is attached and nothing is under way with it: it may be moved."""
    return (
        tree.state[node] == ATTACHED
        and tree.role[node] == LISTENER
        and not tree.is_promised(node)
        and tree.errands.is_free(node)
    )


def bears_another(tree: Tree, parent: int, most: int = SPLICES_MAX) -> bool:
    """Tell whether a parent can carry one more for the moment that a splice takes: beyond its capacity by up to `most`."""
    return (
        tree.state[parent] == ATTACHED
        and tree.capacity[parent] > 0
        and tree.free[parent] > -most
        and tree.is_rooted(parent)
    )


def _find_adopter(tree: Tree, node: int) -> int | None:
    """Find one that may take an orphan beyond its capacity."""
    for _, drawn in adopters_below(tree, node, parent_rank_bound(tree, node)):
        for adopter in drawn:
            if adopter != node and tree.free[adopter] > -EMERGENCY_PLACES_MAX and tree.is_rooted(adopter):
                return adopter
    return None
