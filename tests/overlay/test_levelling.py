import random
from collections.abc import Callable
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.limits import RANK_LISTENER_MIN
from meshcast.protocol.tickets import Role
from tests.overlay.looks import depth, least_depth
from tracker.overlay.columns import ORIGIN
from tracker.overlay.levelling import LEVELS_MORE, MOVES_MAX, Levelling, least_rank
from tracker.overlay.promises import check
from tracker.overlay.steward import Steward
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
Join: TypeAlias = Callable[..., int]
RUSH_RANK_MAX = RANK_LISTENER_MIN + 15


def hang(tree: Tree, parent: int, capacity: int) -> int:
    """Have a listener hear from this one and no other."""
    node = tree.add(capacity=capacity, region=0)
    tree.attach(node, parent)
    tree.confirm(node)
    return node


def rushed(tree: Tree, chance: random.Random, peers: int) -> list[int]:
    """Have a crowd come in a rush: everybody goes under one of the last with a place; give what they offer."""
    capacities: list[int] = []
    for _ in range(peers):
        with_places = [one for one in tree.nodes() if tree.free[one] > 0 and tree.rank[one] < RUSH_RANK_MAX]
        capacity = chance.choice((0, 2, 2, 4)) if len(with_places) > 1 else 2
        hang(tree, with_places[-1], capacity)
        capacities.append(capacity)
    return capacities


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), peers=st.integers(1, 60))
def test_the_deepest_come_up_as_long_as_they_are_too_deep_and_there_are_places(
    plant: Plant, seed: int, peers: int
) -> None:
    tree = plant(origin_capacity=3, seed=seed)
    capacities = rushed(tree, random.Random(seed), peers)
    levelling, least = Levelling(tree), least_depth(3, capacities)
    assert least_rank(tree) == RANK_LISTENER_MIN + least - 1
    while moves := levelling.bring_up():
        check(tree)
        assert len(moves) <= MOVES_MAX
        for move in moves:
            assert not tree.has_children(move.child)
            assert tree.rank[move.target] + 1 <= least_rank(tree) + LEVELS_MORE
            tree.confirm(move.child)
    bound = least_rank(tree) + LEVELS_MORE
    places = [one for one in tree.nodes() if tree.free[one] > 0 and tree.rank[one] < bound]
    assert depth(tree) <= least + LEVELS_MORE or not places
    check(tree)


def test_a_rush_is_deeper_than_promised_before(plant: Plant) -> None:
    tree = plant(origin_capacity=3)
    capacities = rushed(tree, random.Random(1), 60)
    assert depth(tree) > least_depth(3, capacities) + 3


def test_nobody_is_moved_in_a_tree_that_is_near_the_least_depth(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=3)
    for number in range(200):
        join(tree, capacity=(0, 3)[number % 2])
    assert Levelling(tree).bring_up() == []


def test_places_at_the_top_are_left_for_those_who_can_serve(plant: Plant) -> None:
    tree = plant(origin_capacity=3)
    above = [hang(tree, ORIGIN, 2)]
    for _ in range(9):
        above.append(hang(tree, above[-1], 2))
    hang(tree, above[-1], 0)
    (first, *_) = Levelling(tree).bring_up()
    assert tree.rank[first.target] == least_rank(tree) + LEVELS_MORE - 1
    assert tree.free[ORIGIN] == 2


def test_relays_bring_the_least_depth_down(plant: Plant) -> None:
    tree = plant(origin_capacity=2)
    relay = tree.add(capacity=20, region=0, role=Role.RELAY)
    tree.attach(relay, ORIGIN)
    tree.confirm(relay)
    for _ in range(20):
        hang(tree, relay, 0)
    assert least_rank(tree) == RANK_LISTENER_MIN


def test_where_places_are_wanting_nobody_is_too_deep(plant: Plant) -> None:
    tree = plant(origin_capacity=1)
    hang(tree, ORIGIN, 0)
    tree.add(capacity=0, region=0)
    assert Levelling(tree).bring_up() == []


def test_a_departure_is_followed_by_those_who_come_up(plant: Plant) -> None:
    tree = plant(origin_capacity=3)
    rushed(tree, random.Random(1), 60)
    steward, before = Steward(tree), depth(tree)
    for node in [node for node in tree.nodes() if node != ORIGIN and not tree.has_children(node)][:20]:
        steward.forget(node)
        for move in steward.tidy():
            tree.confirm(move.child)
    assert depth(tree) < before
