"""The limits argue with each other; importing the page is the argument."""

import importlib

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol import limits
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND


def test_the_limits_agree_with_each_other() -> None:
    importlib.reload(limits)


@settings(deadline=None, max_examples=200)
@given(st.integers(limits.CHUNK_US_MIN, limits.CHUNK_US_MAX), st.integers(0, 10 * SECOND))
def test_a_parent_may_be_silent_for_three_chunks_and_four_jitters_within_bounds(
    chunk_us: int, jitter_us: int
) -> None:
    silence_us = limits.silence_us(chunk_us, jitter_us)
    assert silence_us == min(max(150 * MILLISECOND, 3 * chunk_us + 4 * jitter_us), 800 * MILLISECOND)
    wary_us = limits.silence_us(chunk_us, jitter_us, is_wary=True)
    assert wary_us == min(silence_us + silence_us // 2, 800 * MILLISECOND)


def test_a_repair_at_the_default_delay_is_never_heard() -> None:
    assert limits.REPAIR_US < limits.PLAYOUT_DELAY_US_DEFAULT


def test_every_role_has_a_rank_and_only_the_source_has_none_above_it() -> None:
    assert [role.rank_min for role in Role] == [0, 1, 2, 3]


def test_a_spare_and_a_relay_can_never_feed_each_other() -> None:
    assert Role.SPARE.rank_min < Role.RELAY.rank_min, (
        "the one may feed the other, and never the other way round"
    )
