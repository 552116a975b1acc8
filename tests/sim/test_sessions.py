import numpy as np
import pytest

from meshcast.protocol.units import MILLISECOND, SECOND
from sim.scenario import Law, Scenario, Sessions
from sim.sessions import FOREVER_US, PIECE, Stays, session_lengths

LAWS = [Law.LOG_NORMAL, Law.EXPONENTIAL, Law.PARETO]


def scenario(law: Law, **more: float) -> Scenario:
    return Scenario("x", sessions=Sessions(law, 60 * SECOND, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("law", LAWS)
def test_half_of_the_sessions_are_shorter_than_the_median(law: Law) -> None:
    drawn = session_lengths(scenario(law), 1, 20_000)
    assert drawn.dtype == np.int64
    assert float(np.median(drawn)) == pytest.approx(60 * SECOND, rel=0.05)
    assert (drawn >= 0).all()
    assert (drawn % MILLISECOND == 0).all()


@pytest.mark.parametrize("law", [*LAWS, Law.FOREVER])
def test_lives_drawn_one_by_one_are_those_drawn_at_once(law: Law) -> None:
    count = 2 * PIECE + 7
    one_by_one = Stays(scenario(law), 9)
    lives = [one_by_one.draw() for _ in range(count)]
    lengths, crashes = Stays(scenario(law), 9).take(count)
    assert [FOREVER_US if us is None else us for us, _ in lives] == lengths.tolist()
    assert [is_crash for _, is_crash in lives] == crashes.tolist()


def test_lives_taken_in_pieces_are_those_taken_at_once() -> None:
    pieces, whole = Stays(scenario(Law.LOG_NORMAL), 4), Stays(scenario(Law.LOG_NORMAL), 4)
    taken = np.concatenate([pieces.take(count)[0] for count in (1, 10, 100)])
    assert taken.tolist() == whole.take(111)[0].tolist()


def test_the_tail_is_as_heavy_as_it_is_said_to_be() -> None:
    drawn = session_lengths(scenario(Law.LOG_NORMAL, sigma=1.0), 1, 20_000)
    assert float(np.std(np.log(drawn))) == pytest.approx(1.0, rel=0.05)
    least = session_lengths(scenario(Law.PARETO, alpha=1.0), 1, 20_000).min()
    assert least == pytest.approx(30 * SECOND, rel=0.01)


def test_lengths_may_be_drawn_from_a_trace() -> None:
    sessions = Sessions(Law.TRACE, trace_us=(7, 8, 9))
    drawn = session_lengths(Scenario("x", sessions=sessions), 1, 3_000).tolist()
    assert {one: pytest.approx(drawn.count(one), rel=0.15) for one in (7, 8, 9)} == dict.fromkeys(
        (7, 8, 9), 1_000
    )


def test_the_share_of_crashes_is_the_scenarios() -> None:
    _, crashes = Stays(scenario(Law.EXPONENTIAL, crashing=0.25), 1).take(20_000)
    assert float(crashes.mean()) == pytest.approx(0.25, abs=0.02)


def test_a_session_may_last_to_the_end() -> None:
    assert Stays(scenario(Law.FOREVER), 1).draw()[0] is None
    assert session_lengths(scenario(Law.FOREVER), 1, 2).tolist() == [FOREVER_US] * 2
