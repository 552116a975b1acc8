"""The rank rule, as one peer keeps it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.limits import LEASE_US, PATH_MAX, RANK_MAX
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import PeerId

ME = PeerId(b"m" * 32)


def standing(role: Role = Role.LISTENER, **more: Any) -> Standing:
    return Standing(ME, role, **more)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, RANK_MAX), st.integers(0, RANK_MAX))
def test_rule_1_a_peer_adopts_only_a_greater_rank(own: int, child: int) -> None:
    assert standing(rank=own).may_adopt(child) == (own < child)
    assert not standing(rank=own, is_raising=True).may_adopt(child)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, RANK_MAX), min_size=1))
def test_rule_2_following_a_parent_never_raises_the_rank(parents: list[int]) -> None:
    one = standing()
    for parent in parents:
        before = one.rank
        one.follow(parent, ())
        assert one.rank == min(before, max(3, parent + 1))


@pytest.mark.parametrize(("role", "rank"), [(Role.SPARE, 1), (Role.RELAY, 2), (Role.LISTENER, 3)])
def test_rule_2_under_the_source_the_rank_is_the_least_of_the_role(role: Role, rank: int) -> None:
    one = standing(role)
    assert one.follow(0, (b"root",))
    assert one.rank == rank
    assert one.path == (b"root", ME[:4])
    assert not one.follow(0, (b"root",)), "nothing has changed"


def test_rule_3_a_peer_with_children_never_raises() -> None:
    assert not standing(rank=4).may_raise(10**9, children=1)
    assert standing(rank=4).may_raise(10**9, children=0)


def test_rule_3_who_has_dropped_a_child_waits_for_a_lease() -> None:
    one = standing(rank=4)
    one.dropped(1_000)
    assert not one.may_raise(1_000 + LEASE_US - 1, children=0)
    assert one.may_raise(1_000 + LEASE_US, children=0)


def test_a_raise_asks_from_the_highest_rank_and_settles_under_the_parent() -> None:
    one = standing(rank=4)
    one.begin_raise()
    assert (one.rank, one.is_raising) == (RANK_MAX, True)
    one.end_raise(6)
    assert (one.rank, one.is_raising) == (7, False)


def test_a_raise_that_found_nobody_stays_at_the_highest_rank() -> None:
    one = standing(rank=4)
    one.begin_raise()
    one.end_raise(None)
    assert one.rank == RANK_MAX


def test_a_path_is_never_longer_than_ranks_allow() -> None:
    one = standing()
    one.follow(3, (b"long",) * PATH_MAX)
    assert len(one.path) == PATH_MAX
    assert one.path[-1] == ME[:4]
