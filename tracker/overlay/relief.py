"""Relief for those who carry more than they can.

An adopter takes orphans beyond its capacity, and the tracker takes them off it afterwards: a **childless** child moves
to a free place elsewhere, one that can serve nobody first. Moving subtrees down instead drifts the depth to 20-48
(measured in a prototype); so a child with children moves only if no other is there, and only to a rank under its own.

Where neither can move, for all have children and no place is high enough, one of them is *cleared*: nobody is sent to it
any more, its own children move away, each as the rank rule lets it, and once they are where they were sent it moves as any
childless child. There is at most one such child for each that carries too many, the one with the fewest children that
there are places for, and it is given up where places run out.
"""

from functools import partial
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_MAX
from tracker.overlay.columns import END
from tracker.overlay.errands import Clearing
from tracker.overlay.keys import LEVELS, NOWHERE
from tracker.overlay.placement import Move, find_elsewhere, find_slot, is_settled, parent_rank_bound
from tracker.overlay.states import ATTACHED, PENDING
from tracker.overlay.tree import Tree

MOVES_MAX: Final = EMERGENCY_PLACES_MAX
"""Moves planned in one event: what one adopter can be beyond its capacity."""

NODES_MAX: Final = 2
"""How many are looked at in one event."""
CLEARED_AMONG: Final = 4
"""How many children are looked at for one that can be cleared."""


def relieve(tree: Tree, adopter: int, moves_max: int = MOVES_MAX) -> list[Move]:
    """Plan moves that take an adopter back to its capacity; they are in the tree already, as PENDING.

    What a splice under way will take off it is left to the splice. O(children + moves * regions).
    """
    free = tree.free[adopter]
    if free >= 0:
        return []
    heirs = tree.errands.heirs
    owed = tree.splices_at(adopter)
    if heirs:
        owed += len([one for one in tree.children.of(adopter) if one in heirs and not tree.is_promised(one)])
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
            # There is no place, and so none for one that has been cleared: others may have its places again.
            tree.end_clearing(adopter)
            return moves
    if not moves and heads:
        moves = _clear(tree, adopter, heads, moves_max)
    return moves


def _clear(tree: Tree, adopter: int, heads: list[int], moves_max: int) -> list[Move]:
    """Plan moves of the children of one child that is being cleared, or begin with one."""
    clearing = tree.errands.clearings.get(adopter)
    if clearing is None:
        clearing = _begin_clearing(tree, adopter, heads)
        if clearing is None:
            return []
    moves: list[Move] = []
    # Those with children go first: there are fewer places for them.
    for one in sorted(tree.children.of(clearing.child), key=partial(parent_rank_bound, tree)):
        if len(moves) >= moves_max:
            break
        if not is_settled(tree, one):
            continue
        target = find_elsewhere(tree, one, clearing.child)
        if target is None:
            tree.end_clearing(adopter)
            break
        tree.attach(one, target)
        clearing.moved[one] = target
        moves.append(Move(one, clearing.child, target))
    return moves


def _begin_clearing(tree: Tree, adopter: int, heads: list[int]) -> Clearing | None:
    """Choose the child with the fewest children, if they and it itself have somewhere to go."""
    fewest = sorted(heads, key=lambda head: tree.capacity[head] - tree.free[head])
    for head in fewest[:CLEARED_AMONG]:
        children = tree.children.of(head)
        if _are_settled(tree, children) and _have_room(tree, head, children):
            tree.begin_clearing(head)
            return tree.errands.clearings[adopter]
    return None


def _are_settled(tree: Tree, nodes: list[int]) -> bool:
    """Tell whether all of these may be moved."""
    for node in nodes:  # noqa: SIM110 - compiled as it is, a generator is not
        if not is_settled(tree, node):
            return False
    return True


def _have_room(tree: Tree, head: int, children: list[int]) -> bool:
    """Tell whether there are places for these, each at a rank that it may go to, and one more for their parent."""
    bounds = sorted([parent_rank_bound(tree, child) for child in children])
    bounds.append(RANK_MAX)
    ranks = _ranks_of_places(tree, len(bounds), head)
    if len(ranks) < len(bounds):
        return False
    for at in range(len(bounds)):  # noqa: SIM110 - likewise
        if ranks[at] >= bounds[at]:
            return False
    return True


def _ranks_of_places(tree: Tree, most: int, but: int) -> list[int]:
    """Give the ranks of up to `most` free places of others, the lowest first. O(most + bags)."""
    found: list[int] = []
    slots = tree.slots
    for rank in range(RANK_MAX + 1):
        bags, key = slots.bags_at[rank], rank
        while bags > 0:
            size = slots.sizes[key]
            for at in range(size):
                node = slots.one(key, at)
                for _ in range(0 if node == but else tree.free[node]):
                    found.append(rank)
                    if len(found) == most:
                        return found
            bags -= size > 0
            key += LEVELS
    return found


def relieve_some(tree: Tree, nodes_max: int = NODES_MAX) -> list[Move]:
    """Relieve those for whom a place has opened, the highest in the tree first. O(nodes_max * regions).

    Called whenever places open, it keeps newcomers from taking at the top what whole subtrees there are waiting for.
    """
    moves: list[Move] = []
    slots, overcommitted = tree.slots, tree.overcommitted
    for _ in range(nodes_max):
        if not slots.count or not overcommitted.count:
            break
        # A child of one at this rank or deeper may take the place, whether it has children or not.
        rank = slots.lowest_rank()
        region = slots.lowest_region(rank)
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
    errands = tree.errands if tree.errands.is_any else None
    clearing = _clearing_of(tree, adopter)
    chains = tree.children
    following = chains.first[adopter]
    while following != END:
        child = following
        following = chains.next[child]
        if tree.state[child] != ATTACHED or tree.is_promised(child) or tree.role[child] != LISTENER:
            continue
        if clearing is not None and child == clearing.child:
            if not tree.has_children(child) and not _is_awaited(tree, clearing):
                # It has been cleared for this.
                others.insert(0, child)
            elif tree.has_children(child):
                heads.append(child)
            continue
        if errands is not None and not errands.is_free(child):
            continue
        if tree.has_children(child):
            heads.append(child)
        elif tree.capacity[child]:
            others.append(child)
        else:
            leaves.append(child)
            if len(leaves) == most:
                break
    return leaves, others, heads


def _clearing_of(tree: Tree, adopter: int) -> Clearing | None:
    """Give the clearing under way at an adopter; it is over if the child has fallen silent."""
    clearing = tree.errands.clearings.get(adopter)
    if clearing is not None and tree.state[clearing.child] != ATTACHED:
        tree.end_clearing(adopter)
        return None
    return clearing


def _is_awaited(tree: Tree, clearing: Clearing) -> bool:
    """Tell whether somebody has been told to leave a child that is being cleared, and has not said that it did."""
    return any(
        tree.parent[one] == target and tree.state[one] == PENDING for one, target in clearing.moved.items()
    )
