import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.units import SECOND
from sim.arrivals import Arrivals, arrival_times, changes, count_at
from sim.scenario import Curve, Scenario, Wave

WAVES = Scenario("x", waves=(Wave(100, 5 * SECOND, 10 * SECOND), Wave(3, 0, 0)))
CURVES = st.lists(st.tuples(st.integers(1, 60 * SECOND), st.integers(0, 300)), min_size=1, max_size=6).map(
    lambda steps: Curve(tuple((sum(us for us, _ in steps[: n + 1]), steps[n][1]) for n in range(len(steps))))
)


def test_a_wave_comes_within_its_time_and_in_order() -> None:
    came = arrival_times(WAVES, 1)
    assert came.dtype == np.int64
    assert len(came) == 103
    assert came.tolist() == sorted(came.tolist())
    assert came[:3].tolist() == [0, 0, 0]
    assert all(5 * SECOND <= at < 15 * SECOND for at in came[3:].tolist())


def test_whoever_asks_one_by_one_hears_the_same_times_as_whoever_asks_for_all() -> None:
    assert list(Arrivals(WAVES, 7)) == arrival_times(WAVES, 7).tolist()
    assert [at for at, step in Arrivals(WAVES, 7).changes() if step > 0] == arrival_times(WAVES, 7).tolist()


def test_another_seed_is_another_crowd_and_the_same_seed_the_same() -> None:
    assert arrival_times(WAVES, 1).tolist() == arrival_times(WAVES, 1).tolist()
    assert arrival_times(WAVES, 1).tolist() != arrival_times(WAVES, 2).tolist()


def test_a_second_wave_does_not_reshuffle_the_first() -> None:
    one = arrival_times(Scenario("x", waves=(Wave(50, 0, SECOND),)), 3)
    two = arrival_times(Scenario("x", waves=(Wave(50, 0, SECOND), Wave(50, 2 * SECOND, SECOND))), 3)
    assert two[:50].tolist() == one.tolist()


def test_the_times_of_a_seed_do_not_change_with_the_version() -> None:
    assert arrival_times(Scenario("x", waves=(Wave(4, 0, SECOND),)), 1).tolist() == PINNED


@given(CURVES)
def test_a_curve_is_met_at_each_of_its_points(curve: Curve) -> None:
    found = changes(Scenario("x", curve=curve), 1)
    assert (np.diff(found.at_us) >= 0).all()
    for at, count in curve.points:
        assert int(found.steps[found.at_us <= at].sum()) == count == count_at(curve, at)


@given(CURVES, st.integers(0, 400 * SECOND))
def test_a_curve_wants_what_its_changes_add_up_to(curve: Curve, at: int) -> None:
    found = changes(Scenario("x", curve=curve), 1)
    assert int(found.steps[found.at_us <= at].sum()) == count_at(curve, at)


def test_what_is_due_is_what_the_curve_lacks() -> None:
    arrivals = Arrivals(Scenario("x", curve=Curve(((10 * SECOND, 100), (20 * SECOND, 50)))), 1)
    assert arrivals.due(5 * SECOND, 48) == 2
    assert arrivals.due(20 * SECOND, 53) == -3
    assert Arrivals(WAVES, 1).due(SECOND, 5) == 0


def test_nobody_may_come_at_all() -> None:
    assert arrival_times(Scenario("x"), 1).tolist() == []
    assert list(Arrivals(Scenario("x"), 1)) == []


PINNED = [137_074, 233_964, 341_475, 890_915]
