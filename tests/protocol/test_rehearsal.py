"""What a spare goes on with: its own chunk that was captured nearest to when the source's next would have been."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.events import Captured
from meshcast.protocol.limits import RESYNC_US
from meshcast.protocol.rehearsal import AGE_US_MAX, KEPT_US, RUNNING_US, Rehearsal, epoch_of
from meshcast.protocol.units import MILLISECOND, SECOND

CHUNK_US = 100 * MILLISECOND
EPOCH_US = 50 * SECOND
LAST = 40


def rehearsal(phase_us: int, since_us: int, until_us: int) -> Rehearsal:
    """Capture every 100 ms, so long after the source does."""
    one = Rehearsal()
    at = EPOCH_US + phase_us
    while at <= until_us:
        if at >= since_us:
            one.add(Captured((at.to_bytes(8, "big"),), CHUNK_US), at)
        at += CHUNK_US
    return one


@given(phase_us=st.integers(-49_000, 49_000), silence_us=st.integers(150_000, 1_500_000))
def test_it_goes_on_within_half_a_chunk_of_where_the_source_stopped_and_up_to_now(
    crew: Any, phase_us: int, silence_us: int
) -> None:
    last = crew.chunk(LAST)
    captured_at = EPOCH_US + LAST * CHUNK_US
    now = captured_at + silence_us
    what = rehearsal(phase_us, 0, now).after(last, EPOCH_US, now)
    assert (what.skipped, what.missing) == (0, 0)
    assert abs(what.takes[0].at - (captured_at + CHUNK_US)) <= CHUNK_US // 2
    assert now - what.takes[-1].at < CHUNK_US
    assert [one.at for one in what.takes] == sorted(one.at for one in what.takes)


@given(late_us=st.integers(0, 900_000))
def test_what_its_input_did_not_hear_yet_is_silence_so_that_time_goes_on(crew: Any, late_us: int) -> None:
    captured_at = EPOCH_US + LAST * CHUNK_US
    now = captured_at + SECOND
    what = rehearsal(0, captured_at + late_us, now).after(crew.chunk(LAST), EPOCH_US, now)
    assert what.missing + len(what.takes) == 10


def test_after_a_silence_that_nobody_has_waited_through_numbers_and_time_are_skipped(crew: Any) -> None:
    captured_at = EPOCH_US + LAST * CHUNK_US
    now = captured_at + 60 * SECOND
    what = rehearsal(0, 0, now).after(crew.chunk(LAST), EPOCH_US, now)
    assert what.skipped == (60 * SECOND - RESYNC_US) // CHUNK_US
    assert what.missing == 0
    assert what.skipped + len(what.takes) == 600


def test_only_so_much_is_kept_and_an_input_that_has_stopped_is_noticed() -> None:
    now = EPOCH_US + 60 * SECOND
    one = rehearsal(0, 0, now)
    assert len(one._takes) <= KEPT_US // CHUNK_US + 1
    assert one.is_running(now + RUNNING_US)
    assert not one.is_running(now + RUNNING_US + 1)
    assert not Rehearsal().is_running(now)


@given(
    delays_us=st.lists(st.integers(0, 300_000), min_size=1, max_size=30),
    ages_us=st.lists(st.integers(0, 300_000), min_size=30, max_size=30),
)
def test_the_epoch_is_by_the_chunk_that_tells_best_and_an_age_that_is_no_lie_makes_it_no_earlier_than_it_was(
    crew: Any, delays_us: list[int], ages_us: list[int]
) -> None:
    backlog = Backlog()
    for number, delay_us in enumerate(delays_us, 1):
        age_us = min(ages_us[number - 1], delay_us)
        backlog.add(crew.chunk(number), EPOCH_US + number * CHUNK_US + delay_us, age_us)
    found = epoch_of(backlog)
    assert found is not None
    assert EPOCH_US <= found <= EPOCH_US + min(delays_us)


def test_before_anything_is_heard_there_is_none_and_a_huge_age_is_not_believed(crew: Any) -> None:
    backlog = Backlog()
    assert epoch_of(backlog) is None
    backlog.add(crew.chunk(1), EPOCH_US + CHUNK_US, 60 * SECOND)
    assert epoch_of(backlog) == EPOCH_US - AGE_US_MAX
