"""A parent is judged by what it did not bring, and by what others have."""

from typing import Any

import pytest

from meshcast.protocol.judge import CHUNKS_MIN, LAGGING_APART_US, Judge
from meshcast.protocol.limits import JUDGE_US
from meshcast.protocol.standbys import Standby
from meshcast.protocol.units import MILLISECOND, SECOND

CHUNK_US = 100 * MILLISECOND


@pytest.mark.parametrize(
    ("brought", "withheld", "is_bad"),
    [(95, 5, False), (94, 6, True), (50, 0, False), (CHUNKS_MIN - 2, 1, False), (0, CHUNKS_MIN, True)],
)
def test_more_than_5_percent_withheld_in_a_window_is_too_much(
    brought: int, withheld: int, is_bad: bool
) -> None:
    judge = Judge(0, brought, withheld)
    assert judge.deadline() == JUDGE_US
    assert judge.verdict(JUDGE_US) is is_bad


def test_each_window_is_judged_by_itself() -> None:
    judge = Judge(0, 50, 50)
    assert judge.verdict(JUDGE_US)
    judge.brought = 50
    assert not judge.verdict(2 * JUDGE_US)
    assert judge.deadline() == 3 * JUDGE_US


@pytest.fixture
def standby(crew: Any) -> Standby:
    return Standby(crew.ticket("ann"), is_from_uncles=False)


def test_a_standby_300_ms_ahead_in_two_beats_5_s_apart_is_better(standby: Standby) -> None:
    judge = Judge(0)
    standby.newest = 104
    assert not judge.compare(standby, 100, CHUNK_US, 0)
    standby.newest = 154
    assert judge.compare(standby, 150, CHUNK_US, 5 * SECOND)


def test_beats_that_come_together_count_once(standby: Standby) -> None:
    judge = Judge(0)
    standby.newest = 104
    assert not judge.compare(standby, 100, CHUNK_US, 0)
    assert not judge.compare(standby, 100, CHUNK_US, LAGGING_APART_US - 1)


def test_one_beat_that_is_not_ahead_starts_the_count_again(standby: Standby) -> None:
    judge = Judge(0)
    standby.newest = 104
    for newest, now in ((100, 0), (101, 5), (100, 10)):
        assert not judge.compare(standby, newest, CHUNK_US, now * SECOND)
    assert judge.compare(standby, 100, CHUNK_US, 15 * SECOND)
