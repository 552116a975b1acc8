"""The shape of whole trees: how deep they are, and what an operation costs however large they get."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.limits import RANK_LISTENER_MIN
from tests.overlay.looks import depth, least_depth
from tracker.overlay.columns import ORIGIN
from tracker.overlay.placement import complete_splice, place, place_in_emergency
from tracker.overlay.promises import check
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
Join: TypeAlias = Callable[..., int]
Crowd: TypeAlias = Callable[..., Tree]


def test_twelve_listeners_of_three_places_lie_two_deep(crowd: Crowd) -> None:
    for regions in (1, 4, 12):
        tree = crowd([3] * 12, origin_capacity=3, regions=regions)
        assert depth(tree) == 2
        assert max(tree.rank) == RANK_LISTENER_MIN + 1


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    capacities=st.lists(st.sampled_from([2, 3, 4, 8, 0, 0]), min_size=1, max_size=120),
    origin=st.integers(3, 12),
    regions=st.integers(1, 6),
)
def test_the_greatest_depth_is_within_three_of_the_least_possible(
    crowd: Crowd, capacities: list[int], origin: int, regions: int
) -> None:
    # Whoever brings places comes before those who only take them, as admission has it; otherwise some would wait.
    capacities = [2] * (len(capacities) // 2) + capacities
    tree = crowd(capacities, origin_capacity=origin, regions=regions)
    check(tree)
    assert depth(tree) <= least_depth(origin, capacities) + 3


@pytest.mark.parametrize("seed", range(4))
def test_large_crowds_stay_near_the_least_depth(crowd: Crowd, seed: int) -> None:
    chance = random.Random(seed)
    capacities = [16] + [chance.choice((0, 0, 0, 0, 0, 2, 2, 4, 4, 8)) for _ in range(3000)]
    tree = crowd(capacities, origin_capacity=32, regions=24, seed=seed)
    assert depth(tree) <= least_depth(32, capacities) + 1


def test_leaves_that_came_first_do_not_keep_the_top(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=4)
    leaves = [join(tree, 0) for _ in range(4)]
    for _ in range(8):
        join(tree, 4)
    assert all(tree.capacity[node] for node in tree.children.of(ORIGIN))
    assert depth(tree) == 2
    assert all(tree.rank[leaf] == RANK_LISTENER_MIN + 1 for leaf in leaves)
    check(tree)


def confirm_all(tree: Tree, moves: Sequence[object]) -> None:
    for node in list(tree.nodes()) if moves else ():
        if tree.state[node] == State.PENDING:
            tree.confirm(node)


def churn(tree: Tree, deaths: int, chance: random.Random) -> None:
    """Let peers die, their children be adopted by their standbys, and others join."""
    for _ in range(deaths):
        nodes = [node for node in tree.nodes() if node != ORIGIN]
        dead = chance.choice(nodes)
        known = {head: tree.standbys.of(head) for head in tree.children.of(dead)}
        for head in tree.leave(dead):
            willing = [one for one in known[head] if tree.free[one] > -4 and tree.is_rooted(one)]
            if willing:
                tree.adopted(head, willing[0], rank=tree.rank[willing[0]] + 1, counter=tree.counter[head] + 1)
                confirm_all(tree, relieve(tree, willing[0]))
            elif place_in_emergency(tree, head) is not None:
                tree.confirm(head)
                complete_splice(tree, head)
        node = tree.add(capacity=chance.choice((0, 0, 0, 2, 4, 8)), region=0)
        if place(tree, node) is None:
            tree.leave(node)
        else:
            tree.confirm(node)
            complete_splice(tree, node)
        confirm_all(tree, relieve_some(tree))
        for one in list(tree.standbys.wanting):
            refill_standbys(tree, one)


def test_churn_does_not_deepen_the_tree(crowd: Crowd) -> None:
    chance = random.Random(8)
    capacities = [4] * 20 + [chance.choice((0, 0, 0, 2, 4, 8)) for _ in range(280)]
    tree = crowd(capacities, origin_capacity=8)
    before = depth(tree)
    churn(tree, 600, chance)
    check(tree)
    assert depth(tree) <= before + 2
    assert max(tree.rank[node] for node in tree.nodes()) <= RANK_LISTENER_MIN + before + 3


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the calls of functions: what an operation costs, on any machine."""
    calls = [0]

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        calls[0] += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def test_twenty_thousand_peers_cost_no_more_apiece_than_one_thousand(plant: Plant) -> None:
    chance = random.Random(2)
    tree = plant(origin_capacity=64, regions=24)

    def come(peers: int) -> None:
        for _ in range(peers):
            node = tree.add(capacity=chance.choice((0, 0, 0, 2, 4, 8)), region=chance.randrange(24))
            assert place(tree, node) is not None
            tree.confirm(node)
            move = complete_splice(tree, node)
            if move is not None:
                tree.confirm(move.child)
            refill_standbys(tree, node)

    def go(peers: int) -> None:
        for _ in range(peers):
            node = chance.randrange(1, 1_000)
            if tree.state[node] != State.FREE:
                tree.leave(node)

    def cost(act: Callable[[int], None], peers: int) -> float:
        with counted() as calls:
            act(peers)
        return calls[0] / peers

    come(500)
    small = cost(come, 1_000)
    small_leave = cost(go, 200)
    come(17_500)
    large = cost(come, 1_000)
    large_leave = cost(go, 200)
    assert large < 1.5 * small
    assert large_leave < 2 * small_leave
    assert large < 300
    check(tree)
