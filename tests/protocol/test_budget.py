"""A neighbour draws so many chunks a second, and a burst."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.budget import Budget, Budgets
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


def test_several_are_drawn_together_or_not_at_all() -> None:
    budget = Budget(per_second=10, burst=20)
    assert budget.draw(0, 15)
    assert not budget.draw(0, 6)
    assert budget.draw(0, 5)


def test_it_says_when_there_will_be_one_more() -> None:
    budget = Budget(per_second=10, burst=2)
    assert budget.next_at(0) == 0
    budget.draw(0, 2)
    assert budget.next_at(0) == SECOND // 10
    assert not budget.draw(SECOND // 10 - 1)
    assert budget.draw(SECOND // 10)


def test_each_draws_on_a_budget_of_its_own() -> None:
    budgets: Budgets[str] = Budgets(per_second=1, burst=3, names_max=10)
    assert [budgets.draw("ann", 0) for _ in range(4)] == [True, True, True, False]
    assert budgets.draw("bob", 0)
    assert budgets.next_at("ann", 0) == SECOND
    budgets.forget("ann")
    assert budgets.draw("ann", 0)


def test_no_more_are_remembered_than_were_asked_for_and_the_busy_are_remembered_longest() -> None:
    budgets: Budgets[int] = Budgets(per_second=1, burst=1, names_max=100)
    for number in range(5_000):
        budgets.draw(number, 0)
        assert not budgets.draw(0, 0), "whoever goes on asking is not forgotten"
    assert len(budgets) == 100
