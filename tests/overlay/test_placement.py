from collections.abc import Callable
from typing import TypeAlias

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_RELAY
from meshcast.protocol.tickets import Role
from tracker.overlay.columns import ORIGIN
from tracker.overlay.placement import (
    SPLICES_MAX,
    Move,
    Placement,
    complete_splice,
    place,
    place_elsewhere,
    place_in_emergency,
)
from tracker.overlay.promises import check
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
Join: TypeAlias = Callable[..., int]


def test_the_lowest_rank_comes_first_and_then_the_nearest_region(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=3, regions=3)
    tops = [join(tree, 2, region) for region in (0, 1, 2)]
    assert [tree.parent[node] for node in tops] == [ORIGIN] * 3
    for region in (2, 1, 0, 0, 1, 2):
        assert tree.parent[join(tree, 1, region)] == tops[region]
    assert tree.rank[join(tree, 0, 1)] == 5
    check(tree)


def test_a_capable_joiner_takes_the_place_of_the_shallowest_leaf_and_adopts_it(plant: Plant) -> None:
    tree = plant(origin_capacity=1)
    leaf = tree.add(capacity=0, region=0)
    assert place(tree, leaf) == Placement(ORIGIN)
    tree.confirm(leaf)
    joiner = tree.add(capacity=2, region=0)
    assert place(tree, joiner) == Placement(ORIGIN, leaf=leaf)
    assert tree.free[ORIGIN] == -1, "one place more for a moment"
    assert complete_splice(tree, joiner) is None, "not before it is attached"
    check(tree)
    tree.confirm(joiner)
    assert complete_splice(tree, joiner) == Move(leaf, ORIGIN, joiner)
    assert (tree.parent[leaf], tree.free[ORIGIN], tree.state[leaf]) == (joiner, 0, State.PENDING)
    assert complete_splice(tree, joiner) is None
    check(tree)


def test_a_leaf_is_promised_once_and_a_parent_bears_few_splices_at_a_time(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=4)
    leaves = [join(tree, 0) for _ in range(4)]
    joiners = [tree.add(capacity=2, region=0) for _ in range(4)]
    placements = [place(tree, joiner) for joiner in joiners]
    assert placements[SPLICES_MAX:] == [None] * (4 - SPLICES_MAX)
    promised = [one.leaf for one in placements[:SPLICES_MAX] if one is not None]
    assert len(set(promised) & set(leaves)) == SPLICES_MAX
    check(tree)
    for joiner in joiners[:SPLICES_MAX]:
        tree.confirm(joiner)
        assert complete_splice(tree, joiner) is not None
    assert all(place(tree, joiner) is not None for joiner in joiners[SPLICES_MAX:])
    check(tree)


def test_a_joiner_that_never_comes_leaves_its_leaf_where_it_is(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    leaf = join(tree, 0)
    joiner = tree.add(capacity=2, region=0)
    place(tree, joiner)
    tree.leave(joiner)
    assert (tree.parent[leaf], tree.state[leaf], tree.free[ORIGIN]) == (ORIGIN, State.ATTACHED, 0)
    assert not tree.is_promised(leaf)
    check(tree)


def test_a_place_by_splice_that_was_not_taken_makes_room_for_another_one(plant: Plant, join: Join) -> None:
    """An orphan with children was named a second place by splice, and the tracker stumbled over the first one's leaf."""
    tree = plant(origin_capacity=2)
    first, second = join(tree, 0), join(tree, 0)
    joiner = tree.add(capacity=2, region=0)
    promised = place(tree, joiner)
    assert promised is not None
    again = place(tree, joiner)
    assert again is not None
    assert [tree.is_promised(leaf) for leaf in (first, second)].count(True) == 1
    check(tree)


def test_a_leaf_that_went_elsewhere_is_owed_to_nobody(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    leaf = join(tree, 0)
    joiner = tree.add(capacity=2, region=0)
    place(tree, joiner)
    tree.confirm(joiner)
    tree.leave(leaf)
    assert complete_splice(tree, joiner) is None
    check(tree)


def test_a_joiner_that_filled_up_meanwhile_leaves_the_leaf_to_relief(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    leaf = join(tree, 0)
    joiner = tree.add(capacity=1, region=0)
    place(tree, joiner)
    tree.confirm(joiner)
    tree.adopted(tree.add(capacity=0, region=0), joiner, counter=1)
    assert complete_splice(tree, joiner) is None
    assert (tree.parent[leaf], tree.free[ORIGIN]) == (ORIGIN, -1)
    check(tree)


def test_a_leaf_only_peer_waits_while_nothing_is_free(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    join(tree, 0)
    late = tree.add(capacity=0, region=0)
    assert place(tree, late) is None
    assert tree.state[late] == State.ORPHAN


def test_a_head_with_children_only_goes_where_its_rank_does_not_rise(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 1)
    b = join(tree, 1)
    c = join(tree, 3)
    d = join(tree, 3)
    below_d = join(tree, 0), join(tree, 0)
    tree.set_capacity(d, 1)
    top = tree.parent[d]
    assert {tree.parent[c], top} == {a, b}
    assert tree.leave(top) == [d]
    join(tree, 0)
    assert tree.free[ORIGIN] == 0, "only places under c, of the head's own rank, are free"
    assert tree.rank[c] == tree.rank[d]
    assert tree.has_children(d) == any(tree.parent[node] == d for node in below_d)
    placement = place_in_emergency(tree, d)
    assert placement is not None
    assert tree.rank[placement.parent] < 4
    check(tree)


def test_one_that_lost_its_sound_gets_an_emergency_place_beyond_capacity(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 1)
    join(tree, 0)
    extra = []
    for _ in range(9):
        node = tree.add(capacity=0, region=0)
        assert place(tree, node) is None
        extra.append(place_in_emergency(tree, node))
    given = [one for one in extra if one is not None]
    assert all(one.emergency for one in given)
    assert tree.free[ORIGIN] == -EMERGENCY_PLACES_MAX
    assert -EMERGENCY_PLACES_MAX <= tree.free[a] < 0
    check(tree)


def test_who_was_named_a_parent_in_vain_is_named_one_of_any_region(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=6, regions=3)
    tops = [join(tree, 4, region) for region in (0, 0, 1, 1, 2, 2)]
    for top in tops:
        assert tree.parent[top] == ORIGIN
    orphan = tree.add(capacity=0, region=0)
    assert place(tree, orphan) is not None
    assert tree.region[tree.parent[orphan]] == 0, "a joiner is placed near"
    named: list[int] = []
    for _ in range(40):
        before = tree.parent[orphan]
        placement = place_elsewhere(tree, orphan)
        assert placement is not None
        assert placement.parent == tree.parent[orphan] != before
        named.append(tree.region[placement.parent])
        check(tree)
    assert set(named) == {0, 1, 2}


def test_there_may_be_no_place_elsewhere(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    a = join(tree, 2)
    orphan = tree.add(capacity=3, region=0)
    tree.attach(orphan, a)
    assert place_elsewhere(tree, orphan) is None
    assert (tree.parent[orphan], tree.state[orphan]) == (a, State.PENDING)
    check(tree)


def test_the_infrastructure_hangs_under_the_origin_whatever_its_capacity(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=1)
    join(tree, 1)
    relay = tree.add(capacity=8, region=0, role=Role.RELAY)
    placement = place(tree, relay)
    assert placement == Placement(ORIGIN, emergency=True)
    assert tree.rank[relay] == RANK_RELAY
    tree.confirm(relay)
    assert tree.parent[join(tree, 0)] == relay
    check(tree)


def test_newcomers_are_not_sent_beneath_an_orphan_while_others_have_places(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a, b = join(tree, 1), join(tree, 1)
    c, d = join(tree, 1), join(tree, 1)
    e, f = join(tree, 6), join(tree, 6)
    tree.leave(a)
    tree.set_capacity(ORIGIN, 1)
    orphaned, sound = (e, f) if not tree.is_rooted(e) else (f, e)
    assert tree.is_rooted(sound)
    assert tree.slots.key(orphaned) == tree.slots.key(sound)
    assert {tree.parent[join(tree, 0)] for _ in range(6)} == {sound}
    assert tree.parent[join(tree, 0)] == orphaned, "any place is better than none"
    assert len({a, b, c, d, e, f}) == 6
    check(tree)


def test_the_same_dice_give_the_same_tree(crowd: Callable[..., Tree]) -> None:
    capacities = [0, 2, 4, 0, 8, 0, 0, 2] * 20
    one, other, third = (crowd(capacities, regions=4, seed=seed) for seed in (5, 5, 6))
    assert list(one.parent) == list(other.parent)
    assert [list(one.children.of(n)) for n in one.nodes()] == [
        list(other.children.of(n)) for n in other.nodes()
    ]
    assert [one.standbys.of(n) for n in one.nodes()] == [other.standbys.of(n) for n in other.nodes()]
    assert list(one.parent) != list(third.parent)


def test_one_that_is_placed_again_before_it_came_is_promised_one_leaf_and_not_two(
    plant: Plant, join: Join
) -> None:
    # Seen in a crowd of ten thousand: it asked again beside the same parent, and another leaf was drawn.
    tree = plant(origin_capacity=3)
    leaves = [join(tree, 0) for _ in range(3)]
    joiner = tree.add(capacity=2, region=0)
    for _ in range(20):
        placement = place_in_emergency(tree, joiner)
        assert placement is not None
        assert placement.parent == ORIGIN
        assert placement.leaf in leaves
        assert [leaf for leaf in leaves if tree.is_promised(leaf)] == [placement.leaf]
        check(tree)
