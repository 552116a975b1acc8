import random
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.tickets import Role
from tracker.overlay.columns import ORIGIN
from tracker.overlay.keys import NOWHERE
from tracker.overlay.placement import Move, place
from tracker.overlay.promises import check
from tracker.overlay.relief import CLEARED_AMONG, relieve, relieve_some
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
Join: TypeAlias = Callable[..., int]


def adopt(tree: Tree, adopter: int, capacity: int = 0, children: int = 0) -> int:
    """Have somebody report a new child, which has so many children of its own."""
    node = tree.add(capacity=capacity, region=0)
    tree.adopted(node, adopter, counter=1)
    for _ in range(children):
        adopt(tree, node)
    return node


def test_nobody_is_relieved_who_carries_what_it_can(plant: Plant, join: Join) -> None:
    tree = plant()
    assert relieve(tree, join(tree, 1)) == []


def test_a_leaf_only_child_moves_first_then_a_childless_one(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 1)
    b = join(tree, 4)
    head, capable, leaf = adopt(tree, a, 1, children=1), adopt(tree, a, 2), adopt(tree, a, 0)
    tree.suspect(capable)
    tree.clear(capable)
    moves = relieve(tree, a)
    assert moves == [Move(leaf, a, b), Move(capable, a, b)]
    assert [tree.state[move.child] for move in moves] == [State.PENDING] * 2
    assert list(tree.children.of(a)) == [head]
    assert tree.free[a] == 0
    check(tree)


def test_moves_are_bounded(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 1)
    join(tree, 9)
    for _ in range(6):
        adopt(tree, a)
    assert len(relieve(tree, a, moves_max=2)) == 2
    assert len(relieve(tree, a)) == 3
    assert relieve(tree, a) == []


def test_one_with_children_moves_only_if_no_other_can_and_only_to_a_lower_rank(
    plant: Plant, join: Join
) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 1)
    b = join(tree, 1)
    first, second = adopt(tree, a, 1, children=1), adopt(tree, a, 1, children=1)
    adopt(tree, b, 0)
    assert tree.free[b] == 0
    assert relieve(tree, a) == [], "there is no free place"
    tree.set_capacity(b, 2)
    assert relieve(tree, a) == [Move(first, a, b)]
    assert list(tree.children.of(a)) == [second]
    check(tree)


def test_where_all_have_children_and_no_place_is_high_enough_the_least_is_cleared_and_then_moves(
    plant: Plant, join: Join
) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 1)
    first, second = adopt(tree, a, 4, children=2), adopt(tree, a, 4, children=1)
    (only,) = tree.children.of(second)
    assert relieve(tree, a) == [Move(only, second, first)]
    assert tree.slots.key(second) == NOWHERE, "nobody is sent to it any more"
    assert relieve(tree, a) == [], "it has its child until that one has said that it has gone"
    check(tree)
    tree.confirm(only)
    assert relieve(tree, a) == [Move(second, a, first)]
    tree.confirm(second)
    assert tree.free[a] == 0
    assert tree.slots.key(second) != NOWHERE, "and it may have children again"
    check(tree)


def test_a_child_of_one_that_is_cleared_goes_only_where_its_rank_does_not_rise(
    plant: Plant, join: Join
) -> None:
    tree = plant(origin_capacity=2)
    a, b = join(tree, 1), join(tree, 1)
    middle = adopt(tree, b, 2, children=1)
    first, second = adopt(tree, a, 1, children=1), adopt(tree, a, 1, children=1)
    head = next(iter(tree.children.of(first)))
    tree.set_capacity(head, 3)
    adopt(tree, head)
    over = next(iter(tree.children.of(second)))
    tree.set_capacity(over, 3)
    adopt(tree, over)
    assert relieve(tree, a) == [Move(head, first, middle)], (
        "it has a child, and the places under the others are too deep"
    )
    assert tree.rank[head] == tree.rank[middle] + 1
    check(tree)


def test_nobody_is_cleared_where_places_are_too_few(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 1)
    adopt(tree, a, 3, children=2), adopt(tree, a, 3, children=3)
    assert relieve(tree, a) == [], "one place for two children and their parent"
    assert not tree.errands.closed
    check(tree)


@pytest.mark.parametrize("what", ["its adopter is let off", "it falls silent", "it leaves", "places run out"])
def test_a_clearing_is_over_with_its_reason(plant: Plant, join: Join, what: str) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 1)
    first, second = adopt(tree, a, 4, children=3), adopt(tree, a, 5, children=2)
    third = adopt(tree, first, 3)
    assert len(relieve(tree, a, moves_max=1)) == 1
    assert tree.errands.closed == {second: a}
    match what:
        case "its adopter is let off":
            tree.set_capacity(a, 2)
        case "it falls silent":
            tree.suspect(second)
            relieve(tree, a)
        case "it leaves":
            tree.leave(second)
        case _:
            tree.set_capacity(third, 0)
            relieve(tree, a)
    assert not tree.errands.closed
    assert not tree.errands.clearings
    check(tree)


@example(shapes=[(1, 1), (1, 2), (1, 3), (2, 1)], capacity=1, others=[0, 0, 0, 0, 1, 1, 1, 2], seed=0)
@example(
    shapes=[(1, 2), (1, 3), (1, 4), (3, 2), (3, 2)], capacity=1, others=[0, 0, 0, 0, 1, 1, 2, 4], seed=210
)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=6),
    st.integers(1, 3),
    st.lists(st.integers(0, 4), min_size=4, max_size=8),
    st.integers(0, 2**32),
)
def test_whatever_hangs_under_it_one_beyond_its_capacity_is_relieved_while_there_are_places_and_the_highest_go_first(
    shapes: list[tuple[int, int]], capacity: int, others: list[int], seed: int
) -> None:
    """Everybody does as told; children of children move first, and at no time is anybody's rank not above its parent's."""
    tree = Tree(regions=1, nearest_regions=[()], dice=random.Random(seed).randrange, origin_capacity=2)
    a, b = adopt(tree, ORIGIN, capacity), adopt(tree, ORIGIN, 8)
    for places, children in shapes:
        adopt(tree, a, places, children=children)
    for places in others:
        adopt(tree, b, places)
    tree.set_capacity(ORIGIN, 2)
    moved = 0
    while moves := relieve(tree, a):
        moved += len(moves)
        assert moved <= 40, "it comes to an end"
        check(tree)
        # But for places under those that may have been closed until just now.
        open_to_all = [
            one for one in tree.nodes() if tree.slots.key(one) != NOWHERE and tree.parent[one] != a
        ]
        shallowest = min((tree.rank[one] for one in open_to_all), default=RANK_MAX)
        for move in moves:
            assert tree.parent[move.child] == move.target != move.source
            assert tree.rank[move.target] <= shallowest, "no place that is left lies higher"
            tree.confirm(move.child)
    # L4, in its stronger form: of the children with the fewest children none has somewhere to send these and to go itself.
    left = sorted(tree.children.of(a), key=lambda one: len(tree.children.of(one)))[:CLEARED_AMONG]
    for one in left if tree.free[a] < 0 else []:
        if any(tree.has_children(child) for child in tree.children.of(one)):
            # Whoever has been moved there may have got children of its own: their rank binds them too.
            continue
        elsewhere = sum(max(0, tree.free[node]) for node in tree.nodes() if node != one)
        assert elsewhere <= len(tree.children.of(one))
    check(tree)


def test_childless_children_without_a_place_do_not_push_subtrees_away(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 1)
    adopt(tree, a), adopt(tree, a, 1, children=1)
    assert relieve(tree, a) == []
    assert tree.free[a] == -1


def test_silent_and_unconfirmed_children_are_left_alone(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 1)
    join(tree, 4)
    silent, _heard = adopt(tree, a), adopt(tree, a)
    tree.suspect(silent)
    assert [move.child for move in relieve(tree, a)] == [_heard]


def test_what_a_splice_will_take_off_is_left_to_the_splice(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=3)
    join(tree, 5), join(tree, 0), join(tree, 0)
    joiner = tree.add(capacity=1, region=0)
    placement = place(tree, joiner)
    assert placement is not None
    assert placement.leaf is not None
    assert tree.free[ORIGIN] == -1
    assert relieve(tree, ORIGIN) == []
    extra = adopt(tree, ORIGIN)
    assert len(relieve(tree, ORIGIN)) == 1
    assert tree.free[ORIGIN] == -1
    assert extra != joiner


def test_a_full_origin_hands_its_listeners_to_a_relay(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    head = join(tree, 2)
    join(tree, 0)
    relay = join(tree, 8, role=Role.RELAY)
    assert tree.free[ORIGIN] == -1
    assert relieve(tree, ORIGIN) == [Move(head, ORIGIN, relay)]
    assert tree.rank[head] == 3
    check(tree)


def test_places_that_open_at_the_top_go_to_subtrees_that_wait_for_them(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a, b = join(tree, 1), join(tree, 0)
    heads = [adopt(tree, a, 1, children=1) for _ in range(3)]
    assert relieve_some(tree) == []
    tree.leave(b)
    c = join(tree, 1)
    assert tree.parent[c] == ORIGIN
    moves = relieve_some(tree)
    assert moves == [Move(heads[0], a, c)]
    assert relieve_some(tree) == []
    check(tree)


def test_over_commitment_drains_while_there_are_childless_children_and_places(
    plant: Plant, join: Join
) -> None:
    tree = plant(origin_capacity=3)
    a, *others = (join(tree, 3) for _ in range(3))
    for _ in range(3):
        join(tree, 0)
    for _ in range(4):
        adopt(tree, a)
    over = -tree.free[a]
    assert over > 0
    places = sum(max(0, tree.free[node]) for node in others)
    moved = 0
    while moves := relieve_some(tree):
        moved += len(moves)
        for move in moves:
            tree.confirm(move.child)
    assert moved == min(over, places)
    check(tree)
