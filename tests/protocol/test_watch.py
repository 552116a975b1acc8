"""Is my parent there? Only new chunks say so."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.doubts import Doubts
from meshcast.protocol.limits import STALLED_EVERY_US, STALLED_FRESH_US, WARY_US, silence_us
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.protocol.watch import Watch

CHUNK_US = 100 * MILLISECOND


def test_a_parent_is_given_up_three_chunks_after_its_last_new_one(crew: Any) -> None:
    watch = Watch(heard_at=0, newest=4)
    watch.heard(crew.chunk(5), SECOND, live=True)
    assert watch.deadline() == SECOND + 300 * MILLISECOND


def test_a_new_parent_has_as_long_from_its_accept_on() -> None:
    assert Watch(heard_at=SECOND, newest=4).deadline() == SECOND + 300 * MILLISECOND


def test_shorter_chunks_make_for_a_shorter_threshold_down_to_150_ms(crew: Any) -> None:
    watch = Watch(heard_at=0, newest=0)
    watch.heard(crew.chunk(1, duration_us=60 * MILLISECOND), 0, live=True)
    assert watch.silence_us == 180 * MILLISECOND
    watch.heard(crew.chunk(2, duration_us=20 * MILLISECOND), 0, live=True)
    assert watch.silence_us == 150 * MILLISECOND


def test_chunks_known_before_prove_nothing(crew: Any) -> None:
    """A parent that repeats old chunks while it withholds new ones is left on time."""
    watch = Watch(heard_at=0, newest=5)
    for sequence in (1, 4, 5):
        watch.heard(crew.chunk(sequence), SECOND, live=True)
    assert watch.heard_at == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 400 * MILLISECOND), min_size=2, max_size=30))
def test_the_threshold_follows_jitter_and_stays_within_its_bounds(crew: Any, delays_us: list[int]) -> None:
    watch = Watch(heard_at=0, newest=0)
    for sequence, delay_us in enumerate(delays_us, 1):
        watch.heard(crew.chunk(sequence), sequence * CHUNK_US + delay_us, live=True)
        assert watch.silence_us == silence_us(CHUNK_US, watch.jitter_us)
        assert 300 * MILLISECOND <= watch.silence_us <= 800 * MILLISECOND
        assert 0 <= watch.jitter_us <= 400 * MILLISECOND


def test_two_lost_chunks_and_one_that_is_late_are_no_death(crew: Any) -> None:
    """At 2 % loss on every hop a crowd of fifty changed a parent every second for nothing (bed, 50 +- 10 ms)."""
    watch = Watch(heard_at=0, newest=0)
    for sequence in range(1, 101):
        watch.heard(crew.chunk(sequence), sequence * CHUNK_US + (sequence % 2) * 8 * MILLISECOND, live=True)
    assert watch.deadline() > 103 * CHUNK_US + 8 * MILLISECOND


def test_whoever_has_raised_a_false_alarm_waits_half_as_long_again(crew: Any) -> None:
    doubts = Doubts()
    doubts.left(crew.id("mum"))
    doubts.heard(crew.id("mum"), SECOND)
    watch = Watch(heard_at=SECOND, newest=4, doubts=doubts)
    assert watch.silence_us == 450 * MILLISECOND
    watch.heard(crew.chunk(5), SECOND + WARY_US, live=True)
    assert watch.silence_us == 300 * MILLISECOND


def test_a_refill_says_nothing_about_jitter(crew: Any) -> None:
    watch = Watch(heard_at=0, newest=0)
    for sequence in range(1, 20):
        watch.heard(crew.chunk(sequence), SECOND, live=False)
    assert watch.jitter_us == 0
    assert watch.newest == 19


def test_a_parent_that_says_it_is_stalled_is_excused_as_long_as_three_notices(crew: Any) -> None:
    watch = Watch(heard_at=0, newest=5)
    watch.stalled(200 * MILLISECOND)
    assert watch.is_excused(200 * MILLISECOND + STALLED_FRESH_US - 1)
    assert not watch.is_excused(200 * MILLISECOND + STALLED_FRESH_US)
    assert watch.deadline() == 200 * MILLISECOND + STALLED_FRESH_US


def test_a_new_chunk_ends_the_excuse(crew: Any) -> None:
    watch = Watch(heard_at=0, newest=5)
    watch.stalled(200 * MILLISECOND)
    watch.heard(crew.chunk(6), 250 * MILLISECOND, live=True)
    assert not watch.is_excused(250 * MILLISECOND)
    assert watch.deadline() == 550 * MILLISECOND


def test_children_are_told_at_half_of_the_threshold() -> None:
    watch = Watch(heard_at=SECOND, newest=5)
    assert watch.notice_from() == SECOND + 150 * MILLISECOND
    assert Watch(SECOND, 5, 20 * MILLISECOND).notice_from() == SECOND + STALLED_EVERY_US
