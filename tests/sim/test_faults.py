"""Each kind of fault that a scenario can turn on, and what must hold while it lasts and once it is over."""

from collections.abc import Callable

import pytest

from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.checkers import unsettled
from sim.clocks import Clock
from sim.measures import Measures
from sim.mishaps import LOSS_MAX
from sim.packets import Packets
from sim.scenario import Crowd, Fault, FaultKind, Scenario, Wave
from sim.truth import uplink_of
from tracker.overlay.machine import TrackerMachine

BEGINS_US = 8 * SECOND
LASTS_US = 6 * SECOND
Rehearse = Callable[..., Packets]


@pytest.fixture(scope="module")
def rehearse() -> Rehearse:
    """Let a crowd of twenty-four come within four seconds, and faults befall it; the run ends when it has settled."""

    def make(*faults: Fault, until: Micros = 24 * SECOND, seed: int = 1, peers: int = 24) -> Packets:
        scenario = Scenario(
            "fault",
            duration_us=until,
            origin_capacity=3,
            crowd=Crowd(serving=0.8),
            waves=(Wave(peers, 0, 4 * SECOND),),
            faults=faults,
        )
        run = Packets(scenario, seed)
        run.run_until(until)
        return run

    return make


@pytest.fixture(scope="module")
def usual(rehearse: Rehearse) -> Measures:
    """What is measured where nothing befalls them."""
    return rehearse().measures()


def fault(kind: FaultKind, **more: object) -> Fault:
    return Fault(kind, BEGINS_US, **more)  # type: ignore[arg-type]


def still_amiss(run: Packets) -> list[str]:
    """Say what is not as it must be; the tracker's memory of the dead lasts as long as its leases."""
    return [one for one in unsettled(run.world) if "believes in" not in one]


def test_after_a_mass_crash_nobody_who_lives_misses_anything_at_two_seconds(rehearse: Rehearse) -> None:
    run = rehearse(fault(FaultKind.MASS_CRASH, share=0.4))
    found = run.measures()
    assert (found.crashes, found.leaves, run.peers_alive) == (10, 0, 14)
    assert found.repairs >= 3
    assert max(found.repair_us) < SECOND
    assert found.missing_us[2:] == [0, 0]
    assert found.violations == []
    assert still_amiss(run) == []


def test_a_region_that_goes_is_missed_by_nobody_elsewhere_and_nobody_comes_from_there(
    rehearse: Rehearse,
) -> None:
    run = rehearse(fault(FaultKind.REGION_GONE, continent="Europe"))
    late = Scenario(
        "late",
        waves=(Wave(24, 0, 4 * SECOND), Wave(10, BEGINS_US + SECOND, SECOND)),
        faults=(fault(FaultKind.REGION_GONE, continent="North America"),),
    )
    other = Packets(late, 1)
    other.run_until(BEGINS_US + 4 * SECOND)
    geography = run.world.geography
    assert all(geography.continent(one.process.city) != "Europe" for one in run.audience.living)
    assert all(geography.continent(one.process.city) != "North America" for one in other.audience.living)
    found = run.measures()
    assert found.crashes >= 3
    assert found.missing_us[2:] == [0, 0]
    assert found.violations == other.measures().violations == []
    assert still_amiss(run) == []


def test_a_continent_cut_off_is_silent_meanwhile_comes_back_and_harms_nobody_elsewhere(
    rehearse: Rehearse,
) -> None:
    run = rehearse(
        fault(FaultKind.PARTITION, for_us=LASTS_US, continent="Europe"),
        until=BEGINS_US + LASTS_US + 14 * SECOND,
    )
    found = run.measures()
    lost = [one for one in run.audience.living if run.world.geography.continent(one.process.city) == "Europe"]
    assert len(lost) >= 3
    assert all(one.hearing.so_far(run.world.now)[1][3] > 5 for one in lost)
    others = [one for one in run.audience.living if one not in lost]
    assert all(one.hearing.so_far(run.world.now)[1][2:] == [0, 0] for one in others)
    assert found.gapped[2] == len(lost)
    assert found.violations == []
    assert still_amiss(run) == []


def test_a_short_partition_of_a_share_of_the_listeners_is_not_heard_at_two_seconds(
    rehearse: Rehearse,
) -> None:
    run = rehearse(fault(FaultKind.PARTITION, for_us=SECOND, share=0.3))
    found = run.measures()
    assert found.missing_us[2:] == [0, 0]
    assert found.missing_us[0] > 0
    assert found.violations == []
    assert still_amiss(run) == []


def test_bad_weather_is_not_heard_at_two_seconds_and_passes(rehearse: Rehearse, usual: Measures) -> None:
    run = rehearse(fault(FaultKind.WEATHER, for_us=LASTS_US, loss=0.03, jitter_us=15 * MILLISECOND))
    found = run.measures()
    # Three tries at 3 % leave one chunk in a million a hop: of twelve seeds, this one loses one.
    assert found.missing_us[3] <= found.missing_us[2] <= run.scenario.chunk_us
    assert found.missing_us[0] > usual.missing_us[0]
    assert found.violations == []
    assert still_amiss(run) == []
    before = sum(one.hearing.so_far(run.world.now)[1][0] for one in run.audience.living)
    run.run_until(34 * SECOND)
    assert sum(one.hearing.so_far(run.world.now)[1][0] for one in run.audience.living) == before


def test_weather_that_loses_everything_is_bounded(rehearse: Rehearse) -> None:
    run = rehearse(fault(FaultKind.WEATHER, for_us=SECOND, loss=1.0), until=BEGINS_US + SECOND // 2, peers=4)
    assert run.world.network.weather.conditions.loss == LOSS_MAX


def test_a_tracker_that_is_down_is_not_heard_and_finds_its_tree_again(rehearse: Rehearse) -> None:
    run = rehearse(
        fault(FaultKind.TRACKER_DOWN, for_us=LASTS_US),
        Fault(FaultKind.MASS_CRASH, BEGINS_US + SECOND, share=0.2),
        until=BEGINS_US + LASTS_US,
    )
    machine = run.world.tracker.machine
    assert isinstance(machine, TrackerMachine)
    (broadcast,) = machine.broadcasts.values()
    assert len(broadcast.registry) >= 1 + 19, "what it had kept is there again before anybody comes back"
    run.run_until(BEGINS_US + LASTS_US + 8 * SECOND)
    found = run.measures()
    assert found.missing_us[1:] == [0, 0, 0]
    assert found.repairs_without_tracker == found.repairs >= 2
    assert found.violations == []
    assert still_amiss(run) == []


def test_a_tracker_that_never_comes_back_is_not_heard_either(rehearse: Rehearse) -> None:
    run = rehearse(fault(FaultKind.TRACKER_DOWN), Fault(FaultKind.MASS_CRASH, BEGINS_US + SECOND, share=0.2))
    assert not run.world.tracker.is_alive
    assert run.measures().missing_us[1:] == [0, 0, 0]
    assert unsettled(run.world, tracker=False) == []


def test_joiners_of_a_slow_tracker_wait_longer_and_then_hear_as_well(
    rehearse: Rehearse, usual: Measures
) -> None:
    run = rehearse(Fault(FaultKind.TRACKER_SLOW, 0, 10 * SECOND, delay_us=600 * MILLISECOND))
    found = run.measures()
    assert found.wait_us.p50 > usual.wait_us.p50 + SECOND
    assert found.heard == 24
    assert found.missing_us[2:] == [0, 0]
    assert found.violations == []
    assert still_amiss(run) == []
    assert run.world.tracker.lag_us == 0


def test_children_on_slow_lines_miss_sound_and_hardly_anybody_else_does(rehearse: Rehearse) -> None:
    # Who was left twice is shunned for twenty seconds, and the tracker does not know it: it takes that long to settle.
    run = rehearse(fault(FaultKind.SLOW_CHILDREN, for_us=LASTS_US, share=0.2, factor=2.0), until=45 * SECOND)
    missed = [one.hearing.so_far(run.world.now)[1] for one in run.audience.living]
    slow = [one for one in missed if one[0] > 20]
    assert len(slow) == 5
    # A listener under a slow parent may ask it three times for a chunk that nobody else is asked for in time.
    assert sum(one[2] for one in missed if one not in slow) <= 1
    assert all(one.process.downlink is None for one in run.audience.living)
    assert run.measures().violations == []
    assert still_amiss(run) == []


def test_sleepers_are_not_missed_and_hear_again_when_they_wake(rehearse: Rehearse) -> None:
    run = rehearse(fault(FaultKind.SLEEP, for_us=LASTS_US, share=0.25), until=30 * SECOND)
    found = run.measures()
    assert found.missing_us[2:] == [0, 0]
    clocks = [one.process.clock for one in run.audience.living if one.process.clock is not None]
    assert len(clocks) == 3
    assert all(clock.shows(run.world.now) == run.world.now - LASTS_US for clock in clocks)
    assert not any(one.process.is_frozen for one in run.audience.living)
    assert found.violations == []
    assert still_amiss(run) == []


def test_a_broadcaster_that_comes_back_is_heard_by_all(rehearse: Rehearse) -> None:
    run = rehearse(fault(FaultKind.BROADCASTER_RESTART, for_us=3 * SECOND), until=26 * SECOND)
    found = run.measures()
    assert list(run.world.runs) == [1, 2]
    for one in run.audience.living:
        assert uplink_of(one.process).backlog.newest >= run.world.broadcast.newest - 5
    assert found.heard == 24
    assert found.missing_us[2:] == [0, 0]
    assert found.violations == []
    assert still_amiss(run) == []


def test_clocks_that_are_off_and_drift_change_nothing(rehearse: Rehearse) -> None:
    skew = Fault(FaultKind.CLOCK_SKEW, 0, share=0.5, delay_us=300 * SECOND)
    run = rehearse(skew, Fault(FaultKind.MASS_CRASH, BEGINS_US, share=0.2))
    assert sum(isinstance(one.clock, Clock) for one in run.world.peers) == 12
    found = run.measures()
    assert found.repairs >= 1
    assert all(0 < one < SECOND for one in found.repair_us)
    assert found.missing_us[2:] == [0, 0]
    assert found.violations == []
    assert still_amiss(run) == []
