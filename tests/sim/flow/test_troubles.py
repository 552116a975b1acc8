from collections.abc import Callable

import pytest

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.flow.flow import Flow
from sim.flow.troubles import RETURN_US
from sim.scenario import Fault, FaultKind, Wave
from sim.scenario_file import read_scenario
from tracker.overlay.columns import ORIGIN

MakeFlow = Callable[..., Flow]
AT_US = 30 * SECOND
KNOWN = {
    FaultKind.MASS_CRASH,
    FaultKind.REGION_GONE,
    FaultKind.TRACKER_DOWN,
    FaultKind.TRACKER_SLOW,
    FaultKind.BROADCASTER_RESTART,
}


def continents(flow: Flow) -> list[str]:
    """Say where everybody is."""
    return [flow.crowd.continent_of[flow.mesh.city[one]] for one in flow.people.all]


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in KNOWN])
def test_what_only_whole_machines_can_do_is_refused_in_one_line(flow_of: MakeFlow, kind: FaultKind) -> None:
    with pytest.raises(BadInputError, match=f"no {kind.value}: run it with --fidelity packets") as caught:
        flow_of(1, faults=(Fault(kind, 0),))
    assert "\n" not in str(caught.value)


def test_a_mass_crash_takes_its_share_in_one_instant_and_the_others_go_on(flow_of: MakeFlow) -> None:
    flow = flow_of(400, faults=(Fault(FaultKind.MASS_CRASH, AT_US, share=0.3),))
    flow.run_until(AT_US - 1)
    assert flow.peers_alive == 400
    flow.run_until(AT_US)
    assert flow.peers_alive == 280
    flow.run_until(90 * SECOND)
    found = flow.measures()
    assert (found.crashes, found.leaves) == (120, 0)
    assert found.repairs > 20
    assert found.missing_us[2] == 0
    assert all(flow.mesh.head_of(one) == ORIGIN for one in flow.people.all)
    assert found.violations == []


@pytest.mark.parametrize(("share", "left"), [(0.0, 0.0), (0.5, 0.5)])
def test_a_region_or_a_share_of_it_is_gone_at_once(flow_of: MakeFlow, share: float, left: float) -> None:
    fault = Fault(FaultKind.REGION_GONE, AT_US, continent="Europe", share=share)
    flow = flow_of(400, faults=(fault,))
    flow.run_until(AT_US - 1)
    before = continents(flow).count("Europe")
    assert before > 20
    flow.run_until(AT_US)
    assert continents(flow).count("Europe") == pytest.approx(left * before, abs=1)
    assert flow.peers_alive == 400 - before + continents(flow).count("Europe")


def test_nobody_comes_from_a_region_that_is_gone_until_it_is_back(flow_of: MakeFlow) -> None:
    fault = Fault(FaultKind.REGION_GONE, AT_US, for_us=30 * SECOND, continent="Europe")
    waves = (Wave(50), Wave(100, AT_US, 30 * SECOND), Wave(100, AT_US + 31 * SECOND, 10 * SECOND))
    flow = flow_of(0, waves=waves, faults=(fault,))
    flow.run_until(AT_US + 30 * SECOND)
    assert flow.peers_alive > 80
    assert "Europe" not in continents(flow)
    flow.run_until(110 * SECOND)
    assert "Europe" in continents(flow)


def test_without_a_tracker_nobody_joins_and_who_is_there_does_not_hear_it(flow_of: MakeFlow) -> None:
    faults = (Fault(FaultKind.TRACKER_DOWN, AT_US, for_us=40 * SECOND),)
    waves = (Wave(200, over_us=10 * SECOND), Wave(50, AT_US + SECOND, 10 * SECOND))
    flow = flow_of(0, waves=waves, faults=faults, duration_us=150 * SECOND)
    flow.run_until(AT_US + 20 * SECOND)
    assert flow.measures().joins == 200
    assert flow.coming == 50
    for one in [one for one in flow.people.all if flow.mesh.feeds[one]][::5]:
        flow.departures.remove(one, is_crash=True)
    flow.run_until(AT_US + 39 * SECOND)
    found = flow.measures()
    assert found.repairs > 0
    assert found.repairs_without_tracker == found.repairs
    assert found.missing_us[1:] == [0, 0, 0]
    flow.run_until(150 * SECOND)
    found = flow.measures()
    assert found.joins == 250
    assert flow.coming == 0
    assert found.wait_us.max > 25 * SECOND
    assert found.violations == []


def test_a_tracker_that_goes_for_good_does_not_come_back(flow_of: MakeFlow) -> None:
    waves = (Wave(50, over_us=10 * SECOND), Wave(10, AT_US + SECOND, SECOND))
    flow = flow_of(0, waves=waves, faults=(Fault(FaultKind.TRACKER_DOWN, AT_US),))
    flow.run_until(100 * SECOND)
    assert flow.measures().joins == 50
    assert flow.coming == 10


def test_a_slow_tracker_makes_joiners_wait_and_nobody_else(flow_of: MakeFlow) -> None:
    slow = Fault(FaultKind.TRACKER_SLOW, 0, for_us=60 * SECOND, delay_us=700 * MILLISECOND)
    waits = []
    for faults in ((), (slow,)):
        flow = flow_of(1, faults=faults)
        flow.run_until(30 * SECOND)
        waits.append(flow.measures().wait_us.max)
        assert flow.measures().missing_us == [0, 0, 0, 0]
        flow.run_until(61 * SECOND)
        assert flow.desk.slow_us == 0
    assert waits[1] - waits[0] == 2 * slow.delay_us


def test_after_the_broadcast_has_begun_again_everybody_is_back(flow_of: MakeFlow) -> None:
    fault = Fault(FaultKind.BROADCASTER_RESTART, AT_US, for_us=20 * SECOND)
    flow = flow_of(200, relays=2, faults=(fault,))
    flow.run_until(AT_US)
    assert flow.peers_alive == 2
    assert not flow.people.all
    flow.run_until(AT_US + 20 * SECOND - 1)
    assert not flow.people.all
    flow.run_until(AT_US + 20 * SECOND + RETURN_US + 5 * SECOND)
    found = flow.measures()
    assert len(flow.people.all) == 200
    assert (found.leaves, found.crashes) == (200, 0)
    assert found.joins == 400
    assert found.missing_us == [0, 0, 0, 0]
    assert found.violations == []


def test_whoever_asks_while_there_is_no_broadcast_stands_in_line(flow_of: MakeFlow) -> None:
    fault = Fault(FaultKind.BROADCASTER_RESTART, AT_US, for_us=20 * SECOND)
    waves = (Wave(40, over_us=10 * SECOND), Wave(30, AT_US + SECOND, SECOND))
    flow = flow_of(0, waves=waves, faults=(fault,))
    flow.run_until(AT_US + 10 * SECOND)
    assert len(flow.desk.waiting) == 30
    flow.run_until(100 * SECOND)
    assert len(flow.people.all) == 70


def test_who_lives_near_a_lost_region_hears_again_within_seconds() -> None:
    # A crowd in which two peers were named one of the dead each second, for 6 s: parent, standbys and uncles were there.
    scenario = read_scenario("region-loss", ("relays=2", "origin_capacity=8"), 15_000)
    (fault,) = scenario.faults
    flow = Flow(scenario, 7)
    flow.run_until(fault.at_us)
    before = len(flow.figures.repair_us)
    flow.run_until(fault.at_us + 8 * SECOND)
    assert len(flow.figures.repair_us) - before > 100
    assert max(flow.figures.repair_us[before:]) < 3 * SECOND
    assert flow.measures().missing_us[-1] == 0
    assert flow.problems() == []
