"""What the tests of the overlay share: trees, and peers that do as they are told."""

import random
from collections.abc import Callable, Sequence

import pytest

from meshcast.protocol.tickets import Role
from tracker.overlay.placement import complete_splice, place
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.tree import Tree

Plant = Callable[..., Tree]
Join = Callable[..., int]


@pytest.fixture
def plant() -> Plant:
    """Plant a tree whose regions lie on a line."""

    def plant(origin_capacity: int = 3, regions: int = 1, seed: int = 1) -> Tree:
        near = [sorted(range(regions), key=lambda other: abs(other - region)) for region in range(regions)]
        dice = random.Random(seed).randrange
        return Tree(regions=regions, nearest_regions=near, dice=dice, origin_capacity=origin_capacity)

    return plant


@pytest.fixture
def join() -> Join:
    """Have a peer join, attach at once, and let whom it displaced follow."""

    def join(
        tree: Tree, capacity: int = 0, region: int = 0, role: Role = Role.LISTENER, prefix: int | None = None
    ) -> int:
        node = tree.add(capacity=capacity, region=region, role=role)
        tree.prefix[node] = node if prefix is None else prefix
        assert place(tree, node) is not None
        tree.confirm(node)
        move = complete_splice(tree, node)
        if move is not None:
            tree.confirm(move.child)
        return node

    return join


@pytest.fixture
def crowd(plant: Plant, join: Join) -> Callable[..., Tree]:
    """Plant a tree and have peers of these capacities join, each with standbys."""

    def crowd(capacities: Sequence[int], origin_capacity: int = 3, regions: int = 1, seed: int = 1) -> Tree:
        tree = plant(origin_capacity, regions, seed)
        where = random.Random(seed)
        for capacity in capacities:
            refill_standbys(tree, join(tree, capacity, where.randrange(regions)))
            for node in list(tree.standbys.wanting):
                refill_standbys(tree, node)
        return tree

    return crowd
