from collections.abc import Callable
from typing import TypeAlias

from meshcast.protocol.tickets import Role
from tracker.overlay.nodes import ORIGIN
from tracker.overlay.placement import Move, place
from tracker.overlay.promises import check
from tracker.overlay.relief import relieve, relieve_some
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
    first, second = adopt(tree, a, 3, children=1), adopt(tree, a, 3, children=1)
    adopt(tree, b, 0)
    assert tree.free[b] == 0
    assert relieve(tree, a) == [], "the free places are all beneath the heads' own rank"
    tree.set_capacity(b, 2)
    assert relieve(tree, a) == [Move(first, a, b)]
    assert list(tree.children.of(a)) == [second]
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
