import random
from collections.abc import Callable
from typing import TypeAlias

import pytest

from meshcast.protocol.capacity import clients_max_for
from meshcast.protocol.limits import RANK_LISTENER_MIN
from meshcast.protocol.tickets import Role
from tracker.overlay import standbys
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.placement import place
from tracker.overlay.promises import check
from tracker.overlay.standbys import adopters_below, refill_standbys, take_over_standbys
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]
Join: TypeAlias = Callable[..., int]


def test_standbys_are_lower_and_on_other_branches_than_the_parent_and_each_other(
    crowd: Callable[..., Tree],
) -> None:
    tree = crowd([4] * 200, origin_capacity=8)
    deep = [node for node in tree.nodes() if tree.rank[node] > 3]
    assert all(len(tree.standbys.of(node)) == 2 for node in deep)
    apart = [len({tree.branch(one) for one in (*tree.standbys.of(node), tree.parent[node])}) for node in deep]
    assert sum(branches == 3 for branches in apart) > 0.9 * len(deep)
    check(tree)


def test_standbys_differ_in_their_address_prefixes_where_they_can(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=5)
    for prefix in (1, 1, 1, 2, 3):
        join(tree, 4, prefix=prefix)
    for _ in range(10):
        node = join(tree, 0, prefix=1)
        prefixes = [tree.prefix[one] for one in refill_standbys(tree, node)]
        if tree.prefix[tree.parent[node]] == 1:
            assert sorted(prefixes) == [2, 3]


def test_the_nearest_region_comes_first(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=6, regions=3)
    tops = [join(tree, 8, region) for region in (0, 0, 0, 1, 1, 2)]
    node = tree.add(capacity=0, region=0)
    tree.adopted(node, tops[0], counter=1)
    assert set(refill_standbys(tree, node)) == {tops[1], tops[2]}
    other = tree.add(capacity=0, region=2)
    tree.adopted(other, tops[5], counter=1)
    assert set(refill_standbys(tree, other)) == {tops[3], tops[4]}


def test_the_origin_is_the_last_resort_and_nobodys_where_it_is_the_parent(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=2)
    a = join(tree, 3)
    b = join(tree, 0)
    below = join(tree, 0)
    assert refill_standbys(tree, a) == refill_standbys(tree, b) == ()
    assert tree.parent[below] == a
    assert refill_standbys(tree, below) == (ORIGIN,)
    check(tree)


def test_a_relay_stands_by_for_the_first_listeners(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=4)
    join(tree, 8, role=Role.RELAY)
    spare = join(tree, 2, role=Role.SPARE)
    listener = tree.add(capacity=1, region=0)
    tree.adopted(listener, ORIGIN, counter=1)
    held = refill_standbys(tree, listener)
    assert sorted(tree.role[one] for one in held) == [Role.SPARE, Role.RELAY]
    assert spare in held
    check(tree)


def test_nobody_stands_by_for_more_than_three_times_its_capacity(crowd: Callable[..., Tree]) -> None:
    capacities = random.Random(3)
    tree = crowd([capacities.choice((0, 0, 0, 1, 2, 4)) for _ in range(600)], regions=5)
    for node in tree.nodes():
        if tree.role[node] == Role.LISTENER:
            assert tree.standbys.load[node] <= 3 * tree.capacity[node]
    check(tree)


def looked_for(tree: Tree, node: int, held: tuple[int, ...]) -> int:
    """Look for a standby as `_best` does, simply: the first of the best among those that `adopters_below` gives."""
    bound = [one for one in (tree.parent[node], *held) if one != NOBODY]
    branches = {tree.branch(one) for one in bound}
    prefixes = {tree.prefix[one] for one in (node, *bound)}
    marks: dict[int, int] = {}
    for rank, drawn in adopters_below(tree, node, tree.rank[node]):
        for one in drawn:
            if marks and (rank < RANK_LISTENER_MIN or len(marks) >= 8):
                return max(marks, key=marks.__getitem__)
            most = clients_max_for(tree.role[one], tree.capacity[one], tree.rank[one], tree.rank[node])
            if one not in bound and tree.is_rooted(one) and tree.standbys.load[one] < most:
                marks[one] = 2 * (tree.branch(one) not in branches) + (tree.prefix[one] not in prefixes)
                if marks[one] == 3:
                    return one
    return max(marks, key=marks.__getitem__, default=NOBODY)


@pytest.mark.parametrize("seed", range(12))
def test_a_search_takes_the_best_of_the_adopters_in_their_order(join: Join, seed: int) -> None:
    chance, dice = random.Random(seed), random.Random(seed)
    near = [[0, 1, 2], [1, 0, 2], [2, 1, 0]]
    tree = Tree(regions=3, nearest_regions=near, dice=dice.randrange, origin_capacity=4 + seed % 3)
    for capacity in (2, 2, *chance.choices((0, 0, 1, 2, 4), k=120)):
        if tree.slots.count or capacity:
            refill_standbys(tree, join(tree, capacity, chance.randrange(3), prefix=chance.randrange(4)))
    nodes = [node for node in tree.nodes() if node != ORIGIN]
    for orphan in chance.sample(nodes, len(nodes) // 20):
        tree.detach(orphan)
    for node in nodes:
        for held in ((), *[(one,) for one in tree.standbys.of(node)]):
            state = dice.getstate()
            expected = looked_for(tree, node, held)
            dice.setstate(state)
            assert standbys._best(tree, node, tree.parent[node], held[0] if held else NOBODY) == expected


def test_nearly_everybody_has_two_standbys_where_supply_allows(crowd: Callable[..., Tree]) -> None:
    capacities = random.Random(4)
    tree = crowd([capacities.choice((0, 0, 0, 2, 4, 8)) for _ in range(3000)], origin_capacity=16, regions=8)
    without = sum(len(tree.standbys.of(node)) < 2 for node in tree.nodes() if tree.parent[node] > ORIGIN)
    assert without < 60


def test_who_loses_a_standby_wants_another_and_keeps_the_one_it_has(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=4)
    tops = [join(tree, 4) for _ in range(4)]
    node = join(tree, 0)
    first, second = refill_standbys(tree, node)
    tree.leave(first)
    assert list(tree.standbys.wanting) == [node]
    held = refill_standbys(tree, node)
    assert second in held
    assert len(held) == 2
    assert set(held) <= set(tops) - {first, tree.parent[node]}
    assert not tree.standbys.wanting
    check(tree)


def test_who_has_two_standbys_keeps_them(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=6)
    for _ in range(6):
        join(tree, 4)
    node = join(tree, 0)
    held = refill_standbys(tree, node)
    assert len(held) == 2
    assert {refill_standbys(tree, node) for _ in range(20)} == {held}


def test_a_peer_sent_down_gives_its_standbys_back_to_those_who_stay_up(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=3)
    a, _b, c = (join(tree, 2) for _ in range(3))
    leaf = join(tree, 0)
    assert refill_standbys(tree, leaf)
    below = join(tree, 2)
    assert tree.rank[below] == tree.rank[leaf] == 4
    tree.attach(leaf, below)
    assert tree.standbys.of(leaf) == ()
    assert leaf in tree.standbys.wanting
    assert a != c


def test_a_new_parent_is_no_longer_its_childs_standby(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=3)
    for _ in range(3):
        join(tree, 4)
    node = join(tree, 0)
    first, second = refill_standbys(tree, node)
    tree.leave(tree.parent[node])
    tree.adopted(node, first, counter=1)
    assert tree.standbys.of(node) == (second,)
    assert node in tree.standbys.wanting
    check(tree)


def test_what_a_peer_says_of_its_standbys_is_believed_within_reason(plant: Plant, join: Join) -> None:
    tree = plant(origin_capacity=5)
    tops = [join(tree, 4) for _ in range(5)]
    node = join(tree, 2)
    deeper = tree.add(capacity=0, region=0)
    place(tree, deeper)
    tree.adopted(deeper, node, counter=1)
    refill_standbys(tree, node)
    others = [one for one in tops if one != tree.parent[node]]
    said = [others[0], others[0], others[3], tree.parent[node], deeper]
    assert take_over_standbys(tree, node, said) == (others[0], others[3])
    assert take_over_standbys(tree, node, []) == ()
    assert node in tree.standbys.wanting
    check(tree)
