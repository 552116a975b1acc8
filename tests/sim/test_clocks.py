import hypothesis.strategies as st
from hypothesis import given

from meshcast.protocol.units import HOUR, SECOND
from sim.clocks import DRIFT_PPM_MAX, Clock


@given(st.integers(-HOUR, HOUR), st.integers(-DRIFT_PPM_MAX, DRIFT_PPM_MAX), st.integers(0, 20 * HOUR))
def test_a_deadline_comes_at_the_first_moment_at_which_the_clock_has_reached_it(
    offset_us: int, drift_ppm: int, shown: int
) -> None:
    clock = Clock(offset_us, drift_ppm)
    when = clock.comes_at(shown)
    assert clock.shows(when) >= shown
    assert clock.shows(when - 1) < shown


def test_a_clock_stands_still_in_a_suspended_machine() -> None:
    clock = Clock(5)
    before = clock.shows(SECOND)
    clock.stand_still(3 * SECOND)
    assert clock.shows(4 * SECOND) == before


def test_a_clock_may_run_fast() -> None:
    assert Clock(0, 100).shows(10_000 * SECOND) == 10_001 * SECOND
