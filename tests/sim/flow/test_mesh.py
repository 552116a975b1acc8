from collections.abc import Callable
from typing import Any

import pytest

from meshcast.protocol.limits import (
    EMERGENCY_PLACES_MAX,
    LAST_RESORT_CLIENTS_PER_PLACE,
    RANK_MAX,
    RESERVE_PLACES_MAX,
    STANDBY_CLIENTS_PER_PLACE,
)
from tracker.overlay.columns import NOBODY, ORIGIN

Seated = Callable[..., Any]


def test_a_parents_children_are_those_who_hear_from_it(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 1}).mesh
    assert mesh.children.of(1) == [2, 3]
    mesh.unlink(2)
    assert mesh.parent[2] == NOBODY
    assert mesh.children.of(1) == [3]
    mesh.link(2, 3)
    assert mesh.parent[2] == 3
    assert list(mesh.walk(1)) == [1, 3, 2]
    assert mesh.head_of(2) == ORIGIN


def test_a_stalled_tree_has_a_head(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2}).mesh
    mesh.unlink(2)
    assert mesh.head_of(3) == 2
    assert mesh.head_of(2) == 2


def test_a_listener_takes_four_children_beyond_its_capacity_in_an_emergency(seated: Seated) -> None:
    mesh = seated({1: 0, **dict.fromkeys(range(2, 4), 1)}).mesh
    assert mesh.room(1) == EMERGENCY_PLACES_MAX
    assert mesh.beyond_capacity(1) == 0
    for node in range(4, 4 + EMERGENCY_PLACES_MAX):
        assert mesh.may_adopt(1, RANK_MAX)
        mesh.enter(node, capacity=0, city=0, access_us=0)
        mesh.link(node, 1)
    assert not mesh.may_adopt(1, RANK_MAX)
    assert mesh.beyond_capacity(1) == EMERGENCY_PLACES_MAX


def test_the_origin_has_a_larger_reserve(stand: Any) -> None:
    assert stand.mesh.room(ORIGIN) == 4 + RESERVE_PLACES_MAX


def test_who_has_no_places_adopts_nobody_and_stands_by_for_nobody(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1}, {2: 0}).mesh
    mesh.enter(3, capacity=2, city=0, access_us=0)
    assert mesh.room(2) == 0
    assert not mesh.may_adopt(2, RANK_MAX)
    assert not mesh.take_standby(3, 2, 0)


def test_only_a_greater_rank_is_adopted_and_stood_by_for(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2}).mesh
    assert [mesh.rank[node] for node in (1, 2, 3)] == [3, 4, 5]
    assert not mesh.may_adopt(3, mesh.rank[2])
    assert not mesh.may_adopt(2, mesh.rank[2])
    assert mesh.may_adopt(2, mesh.rank[3])
    assert not mesh.take_standby(1, 3, 0)
    assert not mesh.take_standby(2, 2, 0)
    assert mesh.take_standby(3, 1, 0)


def test_a_standby_is_kept_by_both_and_let_go_by_both(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2}).mesh
    assert mesh.take_standby(3, 1, 500)
    assert not mesh.take_standby(3, 1, 500), "the same twice"
    assert mesh.take_standby(3, ORIGIN, 0)
    assert mesh.standbys(3) == [1, ORIGIN]
    assert mesh.clients_of(1) == [3]
    assert not mesh.has_warm(3, 1, 499)
    assert mesh.has_warm(3, 1, 500)
    assert mesh.drop_standby(3, 1)
    assert not mesh.drop_standby(3, 1)
    assert mesh.standbys(3) == [ORIGIN]
    assert not mesh.load[1]
    assert not mesh.has_warm(3, 1, 500)


def test_who_has_the_number_of_a_standby_that_is_gone_does_not_stand_by_for_its_clients(
    seated: Seated,
) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2}).mesh
    assert mesh.take_standby(3, 1, 0)
    assert mesh.leave(1) == ([2], [3])
    mesh.enter(1, capacity=2, city=1, access_us=0)
    mesh.rank[1] = 3
    assert mesh.standbys(3) == [1], "it has not heard yet"
    assert not mesh.is_client(3, 1)
    assert not mesh.load[1]
    assert mesh.drop_standby(3, 1)
    assert (mesh.load[1], mesh.clients_of(1)) == (0, [])
    assert mesh.take_standby(3, 1, 0)
    assert mesh.is_client(3, 1)
    assert (mesh.load[1], mesh.clients_of(1)) == (1, [3])


def test_who_can_serve_is_known_among_children(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 1}, {1: 3, 2: 2, 3: 0}).mesh
    assert (mesh.feeds[1], mesh.servers.of(1)) == (2, [2])
    mesh.unlink(2)
    assert (mesh.feeds[1], mesh.servers.of(1)) == (1, [])
    mesh.link(2, 1)
    assert mesh.leave(1)[0] == [3, 2]
    assert (mesh.feeds[1], mesh.servers.of(1)) == (0, [])


def test_nobody_has_more_than_two_standbys(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 0, 3: 0, 4: 1, 5: 4}).mesh
    assert [mesh.take_standby(5, one, 0) for one in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("standby", "clients_max"),
    [(1, 2 * STANDBY_CLIENTS_PER_PLACE), (ORIGIN, 4 * LAST_RESORT_CLIENTS_PER_PLACE)],
)
def test_a_peer_stands_by_for_so_many_at_most(seated: Seated, standby: int, clients_max: int) -> None:
    mesh = seated({1: 0}).mesh
    for node in range(2, 2 + clients_max):
        mesh.enter(node, capacity=0, city=0, access_us=0)
        assert mesh.take_standby(node, standby, 0)
    mesh.enter(1000, capacity=0, city=0, access_us=0)
    assert not mesh.take_standby(1000, standby, 0)
    assert mesh.drop_standby(2, standby)
    assert mesh.take_standby(1000, standby, 0)


def test_whose_rank_falls_lets_go_of_standbys_of_no_lower_rank(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2, 4: 3}).mesh
    assert mesh.take_standby(4, 2, 0)
    assert mesh.take_standby(4, ORIGIN, 0)
    assert not mesh.drop_higher_standbys(4)
    mesh.rank[4] = mesh.rank[2]
    assert mesh.drop_higher_standbys(4)
    assert mesh.standbys(4) == [ORIGIN]
    assert not mesh.load[2]


def test_whose_rank_rises_lets_go_of_clients_that_are_not_beneath_it_any_more(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2, 4: 3, 5: 4}).mesh
    assert mesh.take_standby(4, 2, 0)
    assert mesh.take_standby(5, 2, 0)
    mesh.rank[2] = mesh.rank[4]
    assert mesh.drop_lower_clients(2) == [4]
    assert mesh.standbys(4) == []
    assert mesh.standbys(5) == [2]
    assert mesh.drop_lower_clients(2) == []


def test_who_leaves_is_let_go_by_its_parent_and_its_standbys_and_names_whom_it_leaves_behind(
    seated: Seated,
) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2, 4: 2, 5: 3}).mesh
    assert mesh.take_standby(2, ORIGIN, 0)
    assert mesh.take_standby(5, 2, 0)
    assert mesh.leave(2) == ([3, 4], [5])
    assert not mesh.alive[2]
    assert mesh.living == 4
    assert not mesh.feeds[1]
    assert not mesh.load[ORIGIN]
    assert mesh.parent[3] == mesh.parent[4] == NOBODY
    assert not mesh.may_adopt(2, RANK_MAX)


def test_nothing_of_an_earlier_peer_reaches_the_next_one_of_its_number(seated: Seated) -> None:
    mesh = seated({1: 0, 2: 1, 3: 2}).mesh
    assert mesh.take_standby(2, ORIGIN, 7)
    mesh.counter[2] = 5
    earlier = mesh.generation[2]
    mesh.leave(2)
    mesh.enter(2, capacity=4, city=1, access_us=9)
    assert mesh.generation[2] != earlier
    assert mesh.parent[2] == NOBODY
    assert not mesh.feeds[2]
    assert not mesh.load[2]
    assert mesh.standbys(2) == []
    assert (mesh.rank[2], mesh.capacity[2], mesh.counter[2]) == (RANK_MAX, 4, 0)
    assert mesh.lag_us[2] == mesh.base_us[2] == 0
    assert mesh.attached_at[2] == -1
    assert mesh.living == 3


def test_delays_are_the_cities_and_both_last_miles(stand: Any) -> None:
    stand.far(1, 2, 1_234)
    stand.mesh.enter(1, capacity=0, city=1, access_us=10)
    stand.mesh.enter(2, capacity=0, city=2, access_us=200)
    assert stand.mesh.delay_us(1, 2) == stand.mesh.delay_us(2, 1) == 1_444


def test_a_peer_may_have_any_number(stand: Any) -> None:
    mesh = stand.mesh
    mesh.enter(100_000, capacity=2, city=0, access_us=0)
    assert mesh.alive[100_000]
    assert not mesh.alive[99_999]
    mesh.link(100_000, ORIGIN)
    assert mesh.children.of(ORIGIN) == [100_000]
