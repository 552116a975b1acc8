"""Each kind of attacker that a scenario can turn on: what honest listeners promise each other holds all the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import SECOND, Micros
from sim.attacks import CROOKS, flipped
from sim.checkers import unsettled
from sim.listener import Listener
from sim.packets import Packets
from sim.scenario import Crowd, Fault, FaultKind, Scenario, Wave
from sim.truth import relay_of, uplink_of
from tracker.overlay.machine import TrackerMachine

WAKES_US = 8 * SECOND
Attack = Callable[..., Packets]


@pytest.fixture
def attack() -> Attack:
    """Let thirty come within four seconds, a fifth of them crooks; most can serve, so crooks feed others."""

    def make(
        kind: FaultKind, *more: Fault, at: Micros = WAKES_US, share: float = 0.2, factor: float = 2.0
    ) -> Packets:
        scenario = Scenario(
            "attack",
            duration_us=24 * SECOND,
            origin_capacity=2,
            crowd=Crowd(serving=0.9),
            waves=(Wave(30, 0, 4 * SECOND),),
            faults=(Fault(kind, at, share=share, factor=factor), *more),
        )
        return Packets(scenario, 3)

    return make


def crooks(run: Packets) -> list[Listener]:
    return [one for one in run.audience.living if one.process.is_hostile]


def victims(run: Packets) -> list[Listener]:
    """Give the honest who hear from a crook."""
    keys = {one.process.key for one in crooks(run)}
    return [one for one in run.audience.living if not one.process.is_hostile and one.uplink.parent in keys]


def assert_the_honest_are_well(run: Packets) -> None:
    found = run.measures()
    assert found.violations == []
    assert found.missing_us[2:] == [0, 0]
    assert [one for one in unsettled(run.world) if "believes" not in one] == []


@pytest.mark.parametrize("kind", [FaultKind.POLLUTERS, FaultKind.FORGERS, FaultKind.WITHHOLDERS])
def test_crooked_parents_are_left_and_nothing_forged_is_played_or_passed_on(
    kind: FaultKind, attack: Attack
) -> None:
    run = attack(kind)
    run.run_until(WAKES_US - SECOND // 2)
    assert len(crooks(run)) == 6
    before = victims(run)
    assert len(before) >= 3
    run.run_until(20 * SECOND)
    assert not [one for one in before if one in victims(run)]
    assert_the_honest_are_well(run)
    if kind is not FaultKind.WITHHOLDERS:
        forgers = {one.process.key for one in crooks(run)}
        for one in before:
            assert isinstance(one.process.machine, PeerMachine)
            assert forgers & set(one.process.machine.tally.accused)
        machine = run.world.tracker.machine
        assert isinstance(machine, TrackerMachine)
        (broadcast,) = machine.broadcasts.values()
        assert forgers & broadcast.bans.keys()


def test_crooks_that_repent_are_honest_again(attack: Attack) -> None:
    run = attack(FaultKind.WITHHOLDERS)
    scenario = replace(run.scenario, faults=(replace(run.scenario.faults[0], for_us=SECOND),))
    run = Packets(scenario, 3)
    run.run_until(20 * SECOND)
    assert_the_honest_are_well(run)


def test_liars_lose_the_children_that_they_cannot_feed(attack: Attack) -> None:
    run = attack(FaultKind.LIARS, factor=8.0)
    run.run_until(20 * SECOND)
    assert all(one.process.capacity >= 8 for one in crooks(run))
    assert all(one.process.uplink is not None for one in crooks(run))
    assert run.measures().repairs >= 3
    assert_the_honest_are_well(run)


def test_one_ticket_in_many_places_takes_places_but_no_sound_from_anybody(attack: Attack) -> None:
    run = attack(FaultKind.TICKET_REUSE, Fault(FaultKind.MASS_CRASH, 14 * SECOND, share=0.1), share=0.1)
    run.run_until(14 * SECOND)
    keys = {one.process.key for one in crooks(run)}
    honest = [run.world.source, *(one for one in run.world.living if not one.is_hostile)]
    fed = sum(key in relay_of(one).children for one in honest for key in keys)
    assert fed > 2 * len(keys), "the attack takes place"
    for one in honest[1:]:
        assert len(relay_of(one).children) <= one.capacity + EMERGENCY_PLACES_MAX
    run.run_until(20 * SECOND)
    assert_the_honest_are_well(run)


def test_an_eclipse_leaves_an_honest_standby_to_whoever_the_tracker_gave_one(attack: Attack) -> None:
    run = attack(FaultKind.ECLIPSE, Fault(FaultKind.MASS_CRASH, 14 * SECOND, share=0.2), at=0, share=0.3)
    run.run_until(13 * SECOND)
    keys = {one.process.key for one in crooks(run)}
    fooled = [one for one in victims(run) if set(uplink_of(one.process).neighbours.uncles) <= keys]
    assert fooled, "the attack takes place"
    run.run_until(24 * SECOND)
    assert_the_honest_are_well(run)


def test_starvers_of_standbys_leave_enough_to_repair_with(attack: Attack) -> None:
    run = attack(FaultKind.STARVATION, Fault(FaultKind.MASS_CRASH, 14 * SECOND, share=0.2), share=0.1)
    run.run_until(13 * SECOND)
    keys = {one.process.key for one in crooks(run)}
    honest = [run.world.source, *(one for one in run.world.living if not one.is_hostile)]
    held = sum(key in relay_of(one).clients for one in honest for key in keys)
    assert held > 3 * len(keys), "the attack takes place"
    run.run_until(24 * SECOND)
    assert_the_honest_are_well(run)


def test_crooks_are_no_audience_and_no_promise_is_asked_of_them(attack: Attack) -> None:
    run = attack(FaultKind.WITHHOLDERS, share=0.5)
    run.run_until(20 * SECOND)
    found = run.measures()
    assert found.joins == 30
    assert found.heard == 15
    assert found.violations == []


def test_every_kind_of_crook_has_a_machine_of_its_own() -> None:
    assert len(set(CROOKS.values())) == len(CROOKS) == 6


def test_a_chunk_without_sound_has_nothing_to_flip(attack: Attack) -> None:
    run = attack(FaultKind.POLLUTERS)
    run.world.is_paused = True
    run.run_until(SECOND)
    silent = run.world.broadcast.chunks[-1]
    assert silent is not None
    assert flipped(silent) is silent
