import random
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.units import MILLISECOND
from tests.overlay.looks import depth, least_depth
from tracker.overlay.columns import ORIGIN
from tracker.overlay.lags import RELAY_US, SAME_PLACE_US, UNKNOWN
from tracker.overlay.placement import Move, complete_splice, place
from tracker.overlay.promises import check
from tracker.overlay.rebalance import MOVES_MAX, advance, lift, rebalance
from tracker.overlay.relief import relieve
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.states import State
from tracker.overlay.succession import succeed, vacancy
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
TOWNS_MS = (0, 10, 40, 80, 90, 150)
"""Towns on a line; the first and the fourth have landmarks, and so has the last."""
LANDMARKS = (0, 3, 5)


def rtts(town: int, access_ms: int = 2) -> list[int]:
    return [2 * MILLISECOND * (abs(TOWNS_MS[town] - TOWNS_MS[mark]) + 1 + access_ms) for mark in LANDMARKS]


def enter(tree: Tree, town: int, capacity: int = 0, access_ms: int = 2) -> int:
    node = tree.add(capacity=capacity, region=0)
    tree.prefix[node] = node
    tree.lags.enter(node, rtts(town, access_ms))
    return node


def report(tree: Tree, node: int) -> list[Move]:
    splice = complete_splice(tree, node)
    return ([] if splice is None else [splice]) + advance(tree, node)


def come(tree: Tree, town: int, capacity: int = 0, access_ms: int = 2) -> int:
    node = enter(tree, town, capacity, access_ms)
    assert place(tree, node) is not None
    tree.confirm(node)
    obey(tree, report(tree, node))
    return node


def obey(tree: Tree, moves: list[Move]) -> int:
    """Have everybody who is told to move do it, and what follows from that; count the moves."""
    count = 0
    for move in moves:
        assert tree.parent[move.child] == move.target != move.source
        tree.confirm(move.child)
        count += 1 + obey(tree, report(tree, move.child) + relieve(tree, move.target))
    return count


@pytest.fixture
def town_tree(plant: Plant) -> Callable[..., Tree]:
    def town_tree(origin_capacity: int = 3, seed: int = 1) -> Tree:
        tree = plant(origin_capacity, 3, seed)
        tree.lags.enter(ORIGIN, rtts(0, 0))
        return tree

    return town_tree


def test_peers_whose_round_trips_differ_by_a_constant_are_at_one_place(
    town_tree: Callable[..., Tree],
) -> None:
    tree = town_tree()
    near, far = enter(tree, 2, access_ms=1), enter(tree, 2, access_ms=31)
    elsewhere = enter(tree, 4)
    lags = tree.lags
    assert lags.place[near] == lags.place[far] != lags.place[elsewhere]
    assert UNKNOWN not in (lags.place[near], lags.place[elsewhere])
    assert lags.access(far) - lags.access(near) == 30 * MILLISECOND
    assert lags.delay(near, far) == lags.access(near) + lags.access(far) + SAME_PLACE_US + RELAY_US


def test_a_better_connected_peer_shows_what_the_others_access_is(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree()
    first = enter(tree, 2, access_ms=20)
    assert tree.lags.access(first) <= 5 * MILLISECOND
    enter(tree, 2, access_ms=0)
    assert tree.lags.access(first) == 20 * MILLISECOND


def test_the_way_between_two_places_leads_over_a_landmark(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree()
    one, other = enter(tree, 2, access_ms=0), enter(tree, 3, access_ms=0)
    ways = tree.lags.delay(one, other) - tree.lags.access(one) - tree.lags.access(other) - RELAY_US
    assert 32 * MILLISECOND <= ways <= 52 * MILLISECOND


def test_who_has_measured_nothing_goes_by_rank(plant: Plant) -> None:
    tree = plant(origin_capacity=1)
    tree.lags.enter(ORIGIN, rtts(0, 0))
    top = come(tree, 1, 2)
    node = tree.add(capacity=0, region=0)
    tree.lags.enter(node, ())
    assert tree.lags.place[node] == UNKNOWN
    assert place(tree, node) is not None
    assert tree.parent[node] == top
    check(tree)


def test_a_joiner_goes_where_the_sound_comes_soonest(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree(origin_capacity=2)
    here, there = come(tree, 1, 3, access_ms=15), come(tree, 4, 3)
    assert tree.parent[come(tree, 1)] == here
    assert tree.parent[come(tree, 4)] == there
    check(tree)


def test_lags_follow_a_subtree_that_moves(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree(origin_capacity=2)
    top, other = come(tree, 1, 1), come(tree, 4, 2)
    middle = enter(tree, 1, 1)
    tree.attach(middle, top)
    tree.confirm(middle)
    leaf = enter(tree, 1)
    tree.attach(leaf, middle)
    tree.confirm(leaf)
    before = tree.lags.lag[leaf]
    tree.attach(middle, other)
    assert tree.lags.lag[leaf] - before == tree.lags.lag[middle] - before + tree.lags.delay(middle, leaf)
    assert tree.lags.lag[leaf] > before + 100 * MILLISECOND
    check(tree)


def test_a_peer_far_from_its_parent_is_lifted_to_a_nearer_one(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree(origin_capacity=2)
    here, there = come(tree, 1, 2), come(tree, 4, 2)
    stray = enter(tree, 1)
    tree.attach(stray, there)
    tree.confirm(stray)
    assert lift(tree, stray) == [Move(stray, there, here)]
    assert tree.state[stray] == State.PENDING
    check(tree)


def test_an_heir_takes_the_place_of_the_dead_and_its_children_come_back(
    town_tree: Callable[..., Tree],
) -> None:
    tree = town_tree(origin_capacity=2)
    top, other = come(tree, 2, 3), come(tree, 4, 8)
    heads = []
    for _ in range(3):
        head = enter(tree, 2, 1)
        tree.attach(head, top)
        tree.confirm(head)
        leaf = enter(tree, 2)
        tree.attach(leaf, head)
        tree.confirm(leaf)
        heads.append(head)
    spare = enter(tree, 2, 4)
    tree.attach(spare, other)
    tree.confirm(spare)
    vacant = vacancy(tree, top)
    assert tree.leave(top) == heads
    for head in heads:
        tree.adopted(head, other, rank=4, counter=1)
    moves = succeed(tree, vacant, heads)
    assert moves == [Move(spare, other, ORIGIN)]
    check(tree)
    assert obey(tree, moves) == 4
    assert [tree.parent[head] for head in heads] == [spare] * 3
    assert not tree.errands.heirs
    check(tree)


def test_an_heir_that_dies_on_its_way_keeps_nobody_waiting(town_tree: Callable[..., Tree]) -> None:
    tree = town_tree(origin_capacity=2)
    top, other = come(tree, 2, 2), come(tree, 4, 8)
    head = enter(tree, 2, 1)
    tree.attach(head, top)
    tree.confirm(head)
    spare = enter(tree, 2, 4)
    tree.attach(spare, other)
    tree.confirm(spare)
    vacant = vacancy(tree, top)
    tree.leave(top)
    tree.adopted(head, other, rank=4, counter=1)
    assert succeed(tree, vacant, [head])
    tree.leave(spare)
    assert tree.errands.is_free(head)
    assert advance(tree, head) == []
    check(tree)


def crowd(tree: Tree, peers: int, chance: random.Random) -> None:
    for _ in range(peers):
        capacity = chance.choice((0, 0, 0, 2, 4, 8))
        node = enter(tree, chance.randrange(6), capacity, chance.randrange(1, 30))
        if place(tree, node) is None:
            tree.leave(node)
            continue
        tree.confirm(node)
        obey(tree, report(tree, node))
        refill_standbys(tree, node)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), peers=st.integers(5, 60), lost=st.integers(0, 8))
def test_rebalancing_breaks_no_promise_raises_no_head_and_makes_few_moves(
    town_tree: Callable[..., Tree], seed: int, peers: int, lost: int
) -> None:
    chance = random.Random(seed)
    tree = town_tree(origin_capacity=8, seed=seed)
    crowd(tree, peers, chance)
    for _ in range(lost):
        nodes = [node for node in tree.nodes() if node != ORIGIN]
        if nodes:
            tree.leave(chance.choice(nodes))
    for _ in range(30):
        ranks = {node: tree.rank[node] for node in tree.nodes() if tree.has_children(node)}
        moves = rebalance(tree)
        check(tree)
        assert len(moves) <= MOVES_MAX
        assert all(tree.rank[node] <= rank for node, rank in ranks.items() if tree.has_children(node))
        for move in moves:
            if chance.randrange(4):
                obey(tree, [move])
            check(tree)


def test_rebalancing_brings_a_shuffled_tree_near_again(town_tree: Callable[..., Tree]) -> None:
    chance = random.Random(3)
    tree = town_tree(origin_capacity=4)
    crowd(tree, 300, chance)
    leaves = [node for node in tree.nodes() if node != ORIGIN and not tree.has_children(node)]
    for node in leaves:
        others = [one for one in tree.nodes() if tree.free[one] > 0 and tree.may_attach(node, one)]
        tree.attach(node, chance.choice(others))
        tree.confirm(node)

    def median() -> int:
        return sorted(tree.lags.lag[node] for node in tree.nodes())[150]

    shuffled, count = median(), 0
    for _ in range(2_000):
        count += obey(tree, rebalance(tree))
    assert 3 * median() < 2 * shuffled
    assert count < 900, "at most three moves a peer"
    check(tree)


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_with_few_places_is_near_the_least_depth_by_lag_too(
    town_tree: Callable[..., Tree], seed: int
) -> None:
    chance = random.Random(seed)
    tree = town_tree(origin_capacity=8, seed=seed)
    # With the same price for every level they were four to six levels deeper than need be.
    capacities = [2 * (chance.random() < 0.6) for _ in range(6_000)]
    for capacity in capacities:
        come(tree, chance.randrange(len(TOWNS_MS)), capacity, chance.randrange(1, 12))
        obey(tree, rebalance(tree))
    assert depth(tree) <= least_depth(8, capacities) + 3
    check(tree)
