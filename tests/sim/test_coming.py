from random import Random
from statistics import median

import pytest

from meshcast.protocol.units import SECOND
from sim.coming import changes, session_us
from sim.scenario import Curve, Law, Scenario, Sessions, Wave


def test_a_wave_comes_within_its_time() -> None:
    came = changes(Scenario("x", waves=(Wave(100, 5 * SECOND, 10 * SECOND), Wave(3, 0, 0))), Random(1))
    assert len(came) == 103
    assert came == sorted(came)
    assert came[:3] == [(0, 1)] * 3
    assert all(5 * SECOND <= at < 15 * SECOND and step == 1 for at, step in came[3:])


def test_a_curve_is_followed_up_and_down() -> None:
    curve = Curve(((0, 2), (10 * SECOND, 12), (20 * SECOND, 7)))
    came = changes(Scenario("x", curve=curve), Random(1))
    for at, count in curve.points:
        assert sum(step for when, step in came if when <= at) == count
    assert sum(step for when, step in came if when <= 5 * SECOND) == 7


@pytest.mark.parametrize("law", [Law.LOG_NORMAL, Law.EXPONENTIAL, Law.PARETO])
def test_half_of_the_sessions_are_shorter_than_the_median(law: Law) -> None:
    chance = Random(1)
    drawn = [session_us(Sessions(law, 60 * SECOND), chance) for _ in range(4_000)]
    assert median(one for one in drawn if one is not None) == pytest.approx(60 * SECOND, rel=0.1)


def test_sessions_may_never_end_or_be_drawn_from_a_trace() -> None:
    assert session_us(Sessions(), Random(1)) is None
    assert session_us(Sessions(Law.TRACE, trace_us=(7,)), Random(1)) == 7
