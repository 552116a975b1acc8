"""The tree is bettered a little with every event, at a bounded number of moves.

A peer is drawn, and with it one of those it hears through: so the more hear through somebody, the more often its place
is looked at. In order:

1. *relieve* one beyond its capacity (`relief`), whether it has reported or not;
2. *lift*: to a place where the sound comes sooner; a splice counts too;
3. *exchange* with a child of a nearer parent (`exchange`);
4. *replace* by a better heir (`succession`).

A step is taken if it gains enough for its moves: delay times those who hear it. Every move is make-before-break, entered
as PENDING, and legal under the rank rule. `advance` takes what follows once a peer has reported.
"""

from typing import Final

from meshcast.protocol.units import MILLISECOND
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.exchange import complete_exchange, exchange
from tracker.overlay.keys import key_of
from tracker.overlay.placement import (
    Move,
    is_settled,
    parent_rank_bound,
    place_by_lag,
    score_under,
)
from tracker.overlay.relief import relieve
from tracker.overlay.states import ATTACHED
from tracker.overlay.succession import arrive, replace, retire
from tracker.overlay.tree import Tree

MOVES_MAX: Final = 2
"""Moves planned in one step; an errand that it begins takes at most as many more as the heir has places, and two."""
LIFT_US: Final = 15 * MILLISECOND
"""What a lift must gain, summed over all who hear it; and for each of them:"""
LIFT_EACH_US: Final = 3 * MILLISECOND
"""With 10 ms and 1 ms a death among 100,000 cost 4.0 moves, with these 3.5, and the median delay is 2 % longer."""


def rebalance(tree: Tree, moves_max: int = MOVES_MAX) -> list[Move]:
    """Try to better one place; the moves are in the tree already, as PENDING. About 100 us of search."""
    if tree.lags.is_blind or moves_max < 1:
        return []
    tree.lags.catch_up()
    moves = _relieve_one(tree, moves_max) if tree.overcommitted.count and tree.dice(2) else []
    node = tree.dice(len(tree.state))
    if moves or node == ORIGIN or tree.state[node] != ATTACHED or not tree.is_rooted(node):
        return moves
    moves = lift(tree, node)
    above = _draw_above(tree, node)
    if not moves and above != ORIGIN:
        moves = lift(tree, above) or exchange(tree, above) or replace(tree, above)
    return moves


def advance(tree: Tree, node: int) -> list[Move]:
    """Take the next step of what a node is about, after it has reported that it is attached."""
    errands = tree.errands
    if node in errands.exchanges:
        return complete_exchange(tree, node)
    heir = node if node in errands.successions else errands.heirs.get(node)
    if heir is not None:
        return arrive(tree, heir)
    above = tree.parent[node]
    return retire(tree, above) if above in errands.old_of else []


def lift(tree: Tree, node: int) -> list[Move]:
    """Have a peer hear sooner from another parent, if it gains enough."""
    source = tree.parent[node]
    if source == NOBODY or not is_settled(tree, node) or tree.promised_leaf(node) is not None:
        return []
    least_us = LIFT_US // tree.lags.crowd[node] + LIFT_EACH_US
    limit = score_under(tree, node, source) - least_us
    placement = place_by_lag(tree, node, parent_rank_bound(tree, node), limit)
    return [] if placement is None else [Move(node, source, placement.parent)]


def _draw_above(tree: Tree, node: int) -> int:
    """Draw one of those that a node hears through; the origin if there is none between."""
    above: list[int] = []
    node = tree.parent[node]
    while node > ORIGIN:
        above.append(node)
        node = tree.parent[node]
    return above[tree.dice(len(above))] if above else ORIGIN


def _relieve_one(tree: Tree, moves_max: int) -> list[Move]:
    """Look at one of those beyond their capacity, the highest first."""
    over = tree.overcommitted
    rank = over.lowest_rank()
    key = key_of(over.lowest_region(rank), rank)
    return relieve(tree, over.pick(key, tree.dice, 1)[0], moves_max)
