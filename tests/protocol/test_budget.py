"""A neighbour draws so many chunks a second, and a burst."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.budget import Budget
from meshcast.protocol.limits import PULL_CHUNKS_BURST, PULL_CHUNKS_PER_SECOND
from meshcast.protocol.units import SECOND


def test_a_burst_is_there_at_once_and_no_more() -> None:
    budget = Budget(at=5)
    assert [budget.draw(5) for _ in range(PULL_CHUNKS_BURST + 1)] == [True] * PULL_CHUNKS_BURST + [False]


def test_after_a_burst_64_chunks_a_second_are_earned() -> None:
    budget = Budget()
    while budget.draw(0):
        pass
    drawn = sum(budget.draw(now) for now in range(0, 10 * SECOND, 5_000))
    assert abs(drawn - 10 * PULL_CHUNKS_PER_SECOND) <= 1


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-SECOND, 5 * SECOND), max_size=300))
def test_no_pattern_of_asking_draws_more_than_burst_and_rate_allow(steps: list[int]) -> None:
    budget, now, drawn = Budget(), 0, 0
    for step in steps:
        now += max(0, step)
        drawn += budget.draw(now)
    assert drawn <= PULL_CHUNKS_BURST + now * PULL_CHUNKS_PER_SECOND // SECOND + 1
