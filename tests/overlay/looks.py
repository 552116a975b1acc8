"""What tests look for in a tree, in a broadcast, and in what the tracker answers."""

from collections.abc import Sequence
from typing import Any

from meshcast.protocol.messages import Refused, Why
from tracker.overlay.columns import ORIGIN
from tracker.overlay.states import State
from tracker.overlay.tree import Tree


def state(desk: Any, name: str) -> State:
    return State(desk.broadcast.tree.state[desk.node(name)])


def standbys(desk: Any, name: str) -> set[str]:
    tree, registry = desk.broadcast.tree, desk.broadcast.registry
    return {desk.name(registry.key(one)) for one in tree.standbys.of(desk.node(name))}


def refusals(desk: Any, effects: Any) -> list[Why]:
    return [one.why for one in desk.said(effects, Refused)]


def depth(tree: Tree) -> int:
    """Give the greatest depth of anybody."""
    depths = {ORIGIN: 0}
    for node in sorted(tree.nodes(), key=lambda one: tree.rank[one]):
        depths.setdefault(node, depths.get(tree.parent[node], 0) + 1)
    return max(depths.values())


def least_depth(origin_capacity: int, capacities: Sequence[int]) -> int:
    """Give the depth of the best tree: level by level, whoever carries most first."""
    waiting = sorted(capacities, reverse=True)
    places, level = origin_capacity, 0
    while waiting:
        now, waiting = waiting[:places], waiting[places:]
        places, level = sum(now), level + 1
    return level
