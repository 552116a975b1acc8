from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.units import Micros
from sim.flow.calendar import PILE_MIN, SLOT_US, Actor, Calendar
from sim.scheduler import Scheduler

BLOCK_US = 512 * SLOT_US

# Times within a slot, at its edges, across several, and in the past of whoever asks.
TIMES = st.one_of(
    st.integers(0, 5 * SLOT_US),
    st.integers(0, 6).map(lambda slots: slots * SLOT_US),
    st.integers(1, 6).map(lambda slots: slots * SLOT_US - 1),
    st.sampled_from((1_000 * SLOT_US, 1_000 * SLOT_US + 1)),
    st.sampled_from((BLOCK_US - 1, BLOCK_US, BLOCK_US + 1, 3 * BLOCK_US, 3 * BLOCK_US + SLOT_US)),
)
CALLS = st.recursive(
    st.tuples(TIMES, st.just(())),
    lambda inner: st.tuples(TIMES, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=12,
)
Call = tuple[Micros, tuple["Call", ...]]


class Diary:
    """Asks for calls that ask for others, and notes when each was made."""

    def __init__(self, calls: Calendar | Scheduler) -> None:
        self.calls = calls
        self.made: list[tuple[Micros, int]] = []
        self._number = 0

    def ask(self, wanted: Sequence[Call]) -> None:
        for when, inner in wanted:
            self._number += 1
            act = partial(self._act, self._number, inner)
            if isinstance(self.calls, Calendar):
                self.calls.call(when, act)
            else:
                self.calls.at(when, act)

    def _act(self, number: int, inner: Sequence[Call]) -> None:
        self.made.append((self.calls.now, number))
        self.ask(inner)


@given(st.lists(st.tuples(st.lists(CALLS, max_size=5), TIMES), max_size=6))
def test_calls_are_made_in_the_schedulers_order_whoever_asks_for_them_and_when(
    steps: list[tuple[list[Call], Micros]],
) -> None:
    mine, other = Diary(Calendar()), Diary(Scheduler())
    for wanted, until in steps:
        for diary in (mine, other):
            diary.ask(wanted)
            diary.calls.run_until(until)
        assert mine.made == other.made
        assert mine.calls.now == other.calls.now
        assert mine.calls.called == other.calls.called


@pytest.mark.parametrize("when", [0, SLOT_US - 1, SLOT_US, 10 * SLOT_US])
def test_a_call_that_is_due_at_the_end_is_made_and_one_after_it_is_not(when: Micros) -> None:
    calendar, made = Calendar(), list[str]()
    calendar.call(when, made.append, "due")
    calendar.call(when + 1, made.append, "later")
    calendar.run_until(when)
    assert made == ["due"]
    assert calendar.now == when


def test_what_is_asked_for_in_the_past_is_called_at_once_and_time_does_not_go_back() -> None:
    calendar, seen = Calendar(), list[Micros]()
    calendar.run_until(3 * SLOT_US)
    calendar.call(SLOT_US, lambda: seen.append(calendar.now))
    calendar.run_until(SLOT_US)
    assert calendar.now == 3 * SLOT_US
    calendar.run_until(3 * SLOT_US)
    assert seen == [3 * SLOT_US]


def test_only_calls_that_were_made_are_counted() -> None:
    calendar = Calendar()
    for when in (0, SLOT_US, 40 * SLOT_US):
        calendar.call(when, int)
    calendar.run_until(SLOT_US)
    assert calendar.called == 2


class Witness(Actor):
    """Keeps what happens to it."""

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(calendar)
        self.seen: list[tuple[object, ...]] = []

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        self.seen.append((kind, a, b, c, d, thing))


@pytest.mark.parametrize("when", [0, 3 * SLOT_US + 7])
def test_what_happens_is_what_was_asked_for_and_happens_to_whom_it_was_meant(when: Micros) -> None:
    calendar = Calendar()
    ann, bob = Witness(calendar), Witness(calendar)
    calendar.at(when, ann, 1, 1 << 62, -2, 3, -(1 << 62), "thing")
    calendar.at(when, bob, 2)
    calendar.run_until(when)
    assert ann.seen == [(1, 1 << 62, -2, 3, -(1 << 62), "thing")]
    assert bob.seen == [(2, 0, 0, 0, 0, None)]


def test_piles_that_are_used_again_hold_nothing_of_before() -> None:
    calendar = Calendar()
    ann = Witness(calendar)
    rounds = 512 + 50
    for slot in range(1, rounds):
        for number in range(2 * PILE_MIN - slot % 3):
            calendar.at(slot * SLOT_US + 5, ann, number, slot)
        calendar.run_until(slot * SLOT_US)
    calendar.run_until(rounds * SLOT_US)
    assert [one[:2] for one in ann.seen] == [
        (number, slot) for slot in range(1, rounds) for number in range(2 * PILE_MIN - slot % 3)
    ]
    assert calendar.called == len(ann.seen)
