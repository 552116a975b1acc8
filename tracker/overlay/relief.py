"""Relief for those who carry more than they can.

An adopter takes orphans beyond its capacity, and the tracker takes them off it afterwards: a **childless** child moves
to a free place elsewhere, one that can serve nobody first. Moving subtrees down instead drifts the depth to 20-48
(measured in a prototype); so a child with children moves only if no other is there, and only to a rank under its own.
"""

from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_MAX
from tracker.overlay.openings import NOWHERE, lowest
from tracker.overlay.placement import Move, find_slot, parent_rank_bound
from tracker.overlay.states import ATTACHED
from tracker.overlay.tree import Tree

MOVES_MAX: Final = EMERGENCY_PLACES_MAX
"""Moves planned in one event: what one adopter can be beyond its capacity."""

NODES_MAX: Final = 2
"""How many are looked at in one event."""


def relieve(tree: Tree, adopter: int, *, moves_max: int = MOVES_MAX) -> list[Move]:
    """Plan moves that take an adopter back to its capacity; they are in the tree already, as PENDING.

    What a splice under way will take off it is left to the splice. O(children + moves * regions).
    """
    free = tree.free[adopter]
    if free >= 0:
        return []
    heirs = tree.errands.heirs
    owed = tree.splices_at(adopter)
    if heirs:
        owed += sum(child in heirs and not tree.is_promised(child) for child in tree.children.of(adopter))
    surplus = min(-free - owed, moves_max)
    if surplus <= 0:
        return []
    leaves, others, heads = _movable(tree, adopter, surplus)
    moves: list[Move] = []
    for child in (*leaves, *others) or heads:
        if len(moves) >= surplus:
            break
        target = find_slot(tree, child, parent_rank_bound(tree, child))
        if target is not None:
            tree.attach(child, target)
            moves.append(Move(child, adopter, target))
        elif not heads or child not in heads:
            break
    return moves


def relieve_some(tree: Tree, *, nodes_max: int = NODES_MAX) -> list[Move]:
    """Relieve those for whom a place has opened, the highest in the tree first. O(nodes_max * regions).

    Called whenever places open, it keeps newcomers from taking at the top what whole subtrees there are waiting for.
    """
    moves: list[Move] = []
    slots, overcommitted = tree.slots, tree.overcommitted
    for _ in range(nodes_max):
        if not slots.ranks or not overcommitted.ranks:
            break
        # A child of one at this rank or deeper may take the place, whether it has children or not.
        rank = lowest(slots.ranks)
        if not overcommitted.ranks >> rank:
            break
        region = lowest(slots.regions_at[rank])
        key = overcommitted.shallowest(tree.nearest[region], RANK_MAX + 1, rank)
        if key == NOWHERE:
            break
        moves += relieve(tree, overcommitted.pick(key, tree.dice, 1)[0])
    return moves


def _movable(tree: Tree, adopter: int, most: int) -> tuple[list[int], list[int], list[int]]:
    """Sort the children that a move would reach: leaf-only ones, other childless ones, and those with children.

    Once there are as many leaf-only ones as can move at `most`, nobody else is looked for. The infrastructure stays:
    there is no other place for it.
    """
    leaves: list[int] = []
    others: list[int] = []
    heads: list[int] = []
    state, role, capacities, free = tree.state, tree.role, tree.capacity, tree.free
    errands = tree.errands if tree.errands.is_any else None
    for child in tree.children.of(adopter):
        if state[child] != ATTACHED or tree.is_promised(child) or role[child] != LISTENER:
            continue
        if errands is not None and not errands.is_free(child):
            continue
        capacity = capacities[child]
        if free[child] < capacity:
            heads.append(child)
        elif capacity:
            others.append(child)
        else:
            leaves.append(child)
            if len(leaves) == most:
                break
    return leaves, others, heads
