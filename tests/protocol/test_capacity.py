"""How many a peer serves, and whom it names when it is full."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.capacity import children_max, clients_max, clients_max_for, may_go_below, referred
from meshcast.protocol.limits import (
    CLIENTS_MAX,
    EMERGENCY_PLACES_MAX,
    RANK_MAX,
    REFERRALS_MAX,
    RESERVE_PLACES_MAX,
)
from meshcast.protocol.tickets import Role

CAPACITIES = st.integers(0, 64)
RANKS = st.integers(0, RANK_MAX)


def test_a_listener_has_a_few_emergency_places_and_infrastructure_a_reserve() -> None:
    assert children_max(Role.LISTENER, 3) == 3 + EMERGENCY_PLACES_MAX
    assert children_max(Role.SOURCE, 3) == children_max(Role.RELAY, 3) == 3 + RESERVE_PLACES_MAX


@pytest.mark.parametrize("role", list(Role))
def test_one_without_places_feeds_nobody_and_stands_by_for_nobody(role: Role) -> None:
    assert (children_max(role, 0), clients_max(role, 0)) == (0, 0)


@given(st.sampled_from(Role), CAPACITIES, RANKS, RANKS)
def test_deeper_clients_get_no_more_room_than_those_one_rank_below(
    role: Role, capacity: int, own: int, client: int
) -> None:
    near = clients_max_for(role, capacity, own, own + 1)
    assert clients_max_for(role, capacity, own, client) <= near == clients_max(role, capacity) <= CLIENTS_MAX


def test_a_third_of_a_listeners_room_is_for_deeper_clients_and_joiners_count_as_near() -> None:
    assert clients_max_for(Role.LISTENER, 4, own=5, client=6) == 12
    assert clients_max_for(Role.LISTENER, 4, own=5, client=7) == 4
    assert clients_max_for(Role.LISTENER, 4, own=5, client=RANK_MAX) == 12
    assert clients_max_for(Role.RELAY, 4, own=2, client=9) == 32


def test_only_those_deeper_than_ones_children_can_go_under_them() -> None:
    assert [may_go_below(5, asker) for asker in (5, 6, 7)] == [False, False, True]


@given(st.lists(st.integers(), unique=True, max_size=20), st.integers())
def test_different_ones_are_named_never_one_twice_and_never_too_many(able: list[int], seed: int) -> None:
    named = referred(able, random.Random(seed).randrange)
    assert len(set(named)) == len(named) == min(len(able), REFERRALS_MAX)
    assert set(named) <= set(able)
