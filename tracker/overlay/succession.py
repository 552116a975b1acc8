"""Who takes the place of an inner peer that died, or that another would fill better.

When an inner peer dies, its children find somebody by themselves, but mostly far away, and with a rank that never rises
again; without more the delay grows by half within a turnover of the audience. So an *heir* is sought: near the one that
died, well connected, with places; it moves to the parent of the dead, and the heads that fled go under it. That costs
about the moves that relieving their adopters would. A living peer is *replaced* in the same way where the gain, weighted
with the crowd that hears through it, is worth the moves; it then goes under its heir.

All moves are legal under the rank rule: the heir is childless or does not rise in rank, and the heads come from the
same rank or a deeper one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_LISTENER_MIN
from meshcast.protocol.units import MILLISECOND, Micros
from tracker.overlay.columns import NOBODY
from tracker.overlay.errands import Succession
from tracker.overlay.lags import QUALITY_US
from tracker.overlay.placement import (
    Move,
    bears_another,
    is_settled,
    parent_rank_bound,
    place_by_lag,
    score_under,
)
from tracker.overlay.states import ATTACHED, PENDING
from tracker.overlay.tree import Tree

REPLACE_US: Final = 20 * MILLISECOND
"""What each move of a replacement must gain, summed over all who hear it."""
PLACE_US: Final = 10 * MILLISECOND
"""What another place at an heir is worth, for each peer of a mean child's crowd."""
NO_PLACE_US: Final = 60 * MILLISECOND
"""What it costs a head, and its crowd, to find no place at the heir."""
RETURN_US: Final = 3 * MILLISECOND
"""A head that found a place within its adopter's capacity is not brought back where that would cost it more than this."""
PICKS: Final = 3
"""Heirs looked at in one bag."""
DISPLACED_MAX: Final = EMERGENCY_PLACES_MAX - 1
"""Childless children that an heir may have to give up for heads: relief moves them."""


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Where an inner peer was; read it before the peer leaves the tree."""

    parent: int
    place: int


def vacancy(tree: Tree, node: int) -> Vacancy:
    """Note where a peer is that is about to leave."""
    return Vacancy(tree.parent[node], tree.lags.place[node])


def succeed(tree: Tree, vacancy: Vacancy, heads: Sequence[int]) -> list[Move]:
    """Send an heir to where one died, whose children these heads were; call it once they have reported. O(heads)."""
    parent = vacancy.parent
    if parent == NOBODY or tree.state[parent] != ATTACHED or tree.free[parent] <= 0:
        return []
    rank = max(RANK_LISTENER_MIN, tree.rank[parent] + 1)
    coming = tuple([head for head in heads if tree.rank[head] > rank and is_settled(tree, head)])
    if not coming or not tree.is_rooted(parent):
        return []
    crowd = 1 + sum([tree.lags.crowd[head] for head in coming])
    heir, _ = _find_heir(tree, vacancy, coming, None, crowd)
    return [] if heir is None else _send(tree, heir, Succession(parent, coming, None))


def replace(tree: Tree, old: int) -> list[Move]:
    """Have one with children give up its place to a better one, if there is one near; the first move of several."""
    parent = tree.parent[old]
    if (
        parent == NOBODY
        or not is_settled(tree, old)
        or not tree.has_children(old)
        or not bears_another(tree, parent)
    ):
        return []
    heads = tuple([head for head in tree.children.of(old) if is_settled(tree, head)])
    if len(heads) != tree.capacity[old] - tree.free[old]:
        return []
    crowd = tree.lags.crowd[old]
    heir, cost = _find_heir(tree, vacancy(tree, old), heads, old, crowd)
    if heir is None or _cost(tree, parent, old, heads, crowd) - cost < REPLACE_US * (2 + len(heads)):
        return []
    return _send(tree, heir, Succession(parent, heads, old))


def arrive(tree: Tree, heir: int) -> list[Move]:
    """Send the heads to an heir that is attached where it shall be."""
    if tree.state[heir] == PENDING:
        return []
    succession = tree.errands.successions[heir]
    heads = tree.errands.end(heir)
    if tree.state[heir] != ATTACHED or tree.parent[heir] != succession.parent:
        return []
    moves = []
    for head in sorted(heads, key=tree.lags.crowd.__getitem__, reverse=True):
        source = tree.parent[head]
        if not is_settled(tree, head) or source in (heir, NOBODY) or tree.free[heir] <= -DISPLACED_MAX:
            continue
        if not tree.may_attach(head, heir) or tree.is_under(heir, head):
            continue
        is_better = score_under(tree, head, heir) < score_under(tree, head, source) + RETURN_US
        if source == succession.old or is_better or tree.free[source] < 0:
            tree.attach(head, heir)
            moves.append(Move(head, source, heir))
    if succession.old is not None:
        tree.errands.old_of[heir] = succession.old
    return moves


def retire(tree: Tree, heir: int) -> list[Move]:
    """Have the one that an heir has replaced make room, once all heads have come."""
    if PENDING in [tree.state[child] for child in tree.children.of(heir)]:
        return []
    old = tree.errands.old_of.pop(heir)
    source = tree.parent[old]
    if (
        source != tree.parent[heir]
        or not is_settled(tree, old)
        or tree.has_children(old)
        or tree.free[source] >= 0
    ):
        return []
    if tree.free[heir] > 0:
        tree.attach(old, heir)
    elif place_by_lag(tree, old, parent_rank_bound(tree, old)) is None:
        return []
    return [Move(old, source, tree.parent[old])]


def _send(tree: Tree, heir: int, succession: Succession) -> list[Move]:
    source = tree.parent[heir]
    tree.attach(heir, succession.parent)
    tree.errands.begin(heir, succession)
    return [Move(heir, source, succession.parent)]


def _find_heir(
    tree: Tree, vacancy: Vacancy, heads: Sequence[int], old: int | None, crowd: int
) -> tuple[int | None, int]:
    """Find the one with free places that best stands between a parent and heads, and what it costs."""
    lags = tree.lags
    best, best_cost = None, 1 << 60
    for key in lags.nearest_bags(lags.reserve, vacancy.place, QUALITY_US):
        for one in lags.reserve.pick(key, tree.dice, PICKS):
            if not _may_inherit(tree, one, vacancy.parent):
                continue
            if old is not None and _room(tree, one) < len(heads) - (tree.parent[one] == old):
                continue
            cost = _cost(tree, vacancy.parent, one, heads, crowd)
            if cost < best_cost and tree.is_rooted(one):
                best, best_cost = one, cost
    return best, best_cost


def _may_inherit(tree: Tree, one: int, parent: int) -> bool:
    """Tell whether one is free to move under a parent with all that hangs beneath it."""
    return (
        parent not in (one, tree.parent[one])
        and tree.may_attach(one, parent)
        and tree.promised_leaf(one) is None
        and is_settled(tree, one)
        and not (tree.has_children(one) and tree.is_under(parent, one))
    )


def _cost(tree: Tree, parent: int, one: int, heads: Sequence[int], crowd: int) -> Micros:
    """Sum the delays over one between a parent and heads, for all who hear through them, less what its places are worth."""
    lags = tree.lags
    cost = crowd * lags.delay(parent, one) - PLACE_US * tree.capacity[one] * crowd // (len(heads) + 1)
    room = _room(tree, one)
    for head in heads:
        if tree.parent[head] == one:
            cost += lags.crowd[head] * lags.delay(one, head)
        elif head != one:
            room -= 1
            cost += lags.crowd[head] * (lags.delay(one, head) if room >= 0 else NO_PLACE_US)
    return cost


def _room(tree: Tree, one: int) -> int:
    """Count the places that one can give to heads: the free ones, and those of some childless children."""
    childless = len([child for child in tree.children.of(one) if not tree.has_children(child)])
    return tree.free[one] + min(childless, DISPLACED_MAX)
