"""When delay rises on the uplink less is offered, and more again when it is calm."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.courtesy import BASE_MINUTES, Courtesy
from meshcast.protocol.limits import (
    COURTESY_CALM_US,
    COURTESY_PATIENCE_US,
    COURTESY_STEP_US,
    QUEUEING_US_TARGET,
)
from meshcast.protocol.units import MILLISECOND, MINUTE, SECOND, Micros, PeerId

LINES = [PeerId(name.encode().ljust(32)) for name in ("ann", "bob", "cat", "dan")]
BASES = [20 * MILLISECOND, 80 * MILLISECOND, 140 * MILLISECOND, 35 * MILLISECOND]
MOST = 4


class House:
    """Somebody with four lines, asked once a second."""

    def __init__(self, lines: int = 4) -> None:
        self.courtesy = Courtesy()
        self.lines = lines
        self.now: Micros = 1_000 * SECOND
        self.children = 3

    def second(self, *over_us: Micros) -> int:
        """Let a second pass in which lines are so much longer than they could be; the last value holds for the rest."""
        overs = [*over_us, *[over_us[-1]] * self.lines][: self.lines]
        self.courtesy.measured(
            [(line, base + over) for line, base, over in zip(LINES, BASES, overs, strict=False)], self.now
        )
        places = self.courtesy.places(MOST, self.children, self.now)
        self.now += SECOND
        return places

    def seconds(self, count: int, *over_us: Micros) -> list[int]:
        return [self.second(*over_us) for _ in range(count)]


HIGH = QUEUEING_US_TARGET + MILLISECOND
CALM = 0
BETWEEN = QUEUEING_US_TARGET * 3 // 4


def test_lines_of_any_length_are_no_reason_as_long_as_they_stay_as_they_are() -> None:
    assert set(House().seconds(600, CALM)) == {MOST}


def test_delay_that_lasts_takes_one_place_after_the_other_down_to_none() -> None:
    house = House()
    house.seconds(10, CALM)
    offers = house.seconds(60, HIGH)
    assert offers[: COURTESY_PATIENCE_US // SECOND] == [MOST] * (COURTESY_PATIENCE_US // SECOND)
    changes = [number for number, (one, other) in enumerate(pairwise(offers)) if one != other]
    assert all(later - earlier >= COURTESY_STEP_US // SECOND for earlier, later in pairwise(changes))
    assert offers[-1] == 0
    assert offers == sorted(offers, reverse=True)


def test_the_first_step_is_one_less_than_it_has_children_and_not_one_less_than_it_offered() -> None:
    """What nobody uses is no relief."""
    house = House()
    house.children = 2
    house.seconds(10, CALM)
    assert house.seconds(5, HIGH)[-1] == 1


def test_a_page_that_is_sent_is_no_reason() -> None:
    house = House()
    for _ in range(20):
        house.seconds(10, CALM)
        assert set(house.seconds(2, 5 * HIGH)) == {MOST}


@pytest.mark.parametrize(("overs", "is_ours"), [
    ((HIGH * 9, CALM, CALM, CALM), False),
    ((HIGH * 9, HIGH * 9, CALM, CALM), False),
    ((HIGH, HIGH, HIGH, CALM), True),
])  # fmt: skip
def test_only_when_most_lines_rise_together_is_it_the_uplink(
    overs: tuple[Micros, ...], is_ours: bool
) -> None:
    house = House()
    house.seconds(10, CALM)
    assert (house.seconds(10, *overs)[-1] < MOST) is is_ours


def test_of_two_lines_both_must_rise() -> None:
    house = House(lines=2)
    house.seconds(10, CALM)
    assert set(house.seconds(20, HIGH * 9, CALM)) == {MOST}


def test_calm_brings_places_back_one_by_one_and_slowly() -> None:
    house = House()
    house.seconds(10, CALM)
    low = house.seconds(20, HIGH)[-1]
    offers = house.seconds(300, CALM)
    assert offers[-1] == MOST
    changes = [number for number, (one, other) in enumerate(pairwise([low, *offers])) if one != other]
    assert len(changes) == MOST - low
    assert all(later - earlier >= COURTESY_CALM_US // SECOND for earlier, later in pairwise(changes))
    assert not house.courtesy.is_yielding


def test_between_target_and_half_of_it_nothing_changes() -> None:
    house = House()
    house.seconds(10, CALM)
    low = house.seconds(10, HIGH)[-1]
    assert set(house.seconds(400, BETWEEN)) == {low}


def test_a_way_that_has_become_longer_for_good_is_believed_after_ten_minutes() -> None:
    house = House()
    house.seconds(10, CALM)
    house.seconds(BASE_MINUTES * MINUTE // SECOND + 120, HIGH * 3)
    assert house.courtesy.queueing_us == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 6), st.integers(0, 5)), max_size=150))
def test_it_never_offers_more_than_there_is_nor_less_than_nothing_and_falls_one_at_a_time(
    steps: list[tuple[int, int, int]],
) -> None:
    house, fell_at = House(), None
    before = MOST
    for over_ms, children, _ in steps:
        house.children = children
        asked_at = house.now
        offered = house.second(over_ms * MILLISECOND)
        assert 0 <= offered <= MOST
        if offered < before:
            assert fell_at is None or asked_at - fell_at >= COURTESY_STEP_US
            assert offered >= min(before, max(children, 1)) - 1
            fell_at = asked_at
        assert offered <= before + 1
        before = offered
