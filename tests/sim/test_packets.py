"""A scenario in packets fidelity: what it measures, and what becomes of a broken promise."""

import itertools
import os
import subprocess
import sys
from random import Random

import pytest

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.audience import capacity
from sim.checkers import unsettled
from sim.measures import Rehearsal
from sim.packets import VIOLATIONS_MAX, Packets
from sim.process import Process
from sim.scenario import Crowd, Curve, Fault, FaultKind, Law, Nat, Rtts, Scenario, Sessions, Wave
from sim.sums import percentile, spread
from sim.truth import depths, relay_of
from sim.weighing import weigh

DIGEST = """
from meshcast.protocol.units import SECOND
from sim.packets import Packets
from sim.scenario import *
kinds = (FaultKind.MASS_CRASH, FaultKind.WEATHER, FaultKind.POLLUTERS, FaultKind.SLEEP, FaultKind.CLOCK_SKEW)
faults = tuple(Fault(kind, 6 * SECOND, 2 * SECOND, share=0.2, loss=0.02, delay_us=SECOND) for kind in kinds)
scenario = Scenario("digest", waves=(Wave(16, 0, 2 * SECOND),), origin_capacity=2, faults=faults,
    sessions=Sessions(Law.LOG_NORMAL, 10 * SECOND), relays=1, relay_capacity=4)
run = Packets(scenario, "one seed")
run.run_until(9 * SECOND)
found = run.measures()
print(run.digest(), found.events, found.missing_us, found.repair_us, found.samples)
"""


def test_one_seed_is_one_run_in_every_process() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1")
    ]
    assert said[0] == said[1]
    assert int(said[0].split()[1]) > 3_000


def test_a_quiet_run_is_measured_whole() -> None:
    ticks = itertools.count()
    scenario = Scenario("quiet", waves=(Wave(24, 0, 4 * SECOND),), origin_capacity=3)
    run: Rehearsal = Packets(scenario, 1, lambda: next(ticks) * 1e-6)
    assert (run.now, run.peers_alive) == (0, 0)
    for second in range(1, 21):
        run.run_until(second * SECOND)
        assert run.now == second * SECOND
    assert run.peers_alive == 24
    found = run.measures()
    assert found == run.measures()
    assert isinstance(run, Packets)
    world = run.world
    assert unsettled(world) == []
    assert found.violations == []
    assert not found.is_cut_short
    assert (found.joins, found.leaves, found.crashes, found.repairs, found.peers_peak) == (24, 0, 0, 0, 24)
    assert (found.heard, found.gapped, found.missing_us) == (24, [0] * 4, [0] * 4)
    # All are there and hear within six seconds, and the last four seconds do not count.
    assert 24 * 10 * SECOND < found.due_us < 24 * 16 * SECOND
    assert found.events == run.events > 9_000
    deep = depths(world)
    assert found.depth.max == max(deep.values())
    assert found.depth_least <= found.depth.max <= found.depth_least + 3
    assert found.delay_us.p50 >= found.unicast_us.p50 > 10 * MILLISECOND
    top = next(peer for peer in world.living if deep[peer.key] == 1)
    assert world.delay_us(world.source, top) <= found.delay_us.max
    assert found.origin_copies_median == 3
    assert found.origin_copies_peak >= 3
    assert 100 * MILLISECOND < found.wait_us.p50 <= found.wait_us.p99 <= found.wait_us.max < 5 * SECOND
    assert found.join_us == pytest.approx(1.0)
    assert found.bytes_per_peer > 100
    assert [sample.at_us for sample in found.samples] == [second * SECOND for second in range(21)]
    last = found.samples[-1]
    assert (last.listeners, last.waiting, last.orphans, last.joins) == (24, 0, 0, 24)
    assert (last.due_us, last.missing_us) == (found.due_us, (0, 0, 0, 0))
    assert last.depth_max == found.depth.max
    assert last.delay_p50_us == found.delay_us.p50
    assert found.digest == run.digest()


def test_an_audience_keeps_its_size_while_listeners_leave_crash_and_are_replaced() -> None:
    sessions = Sessions(Law.EXPONENTIAL, 8 * SECOND, crashing=0.5)
    scenario = Scenario(
        "churn", duration_us=24 * SECOND, waves=(Wave(20, 0, SECOND),), origin_capacity=3, sessions=sessions
    )
    run = Packets(scenario, 2)
    run.run_until(24 * SECOND)
    found = run.measures()
    assert found.violations == []
    assert run.peers_alive == 20
    assert found.joins == 20 + found.leaves + found.crashes
    assert min(found.leaves, found.crashes) >= 8
    assert found.repairs >= 3
    assert found.repairs_without_tracker <= found.repairs == len(found.repair_us)
    assert all(0 < one < 3 * SECOND for one in found.repair_us)
    assert found.missing_us[2:] == [0, 0]
    assert 20 <= found.heard <= found.joins
    # What has gone is not kept: neither its machine nor what it heard.
    gone = [peer for peer in run.world.peers if not peer.is_alive]
    staying = [one.process for one in run.audience.living]
    handing_over = [peer for peer in run.world.peers if peer.is_alive and peer not in staying]
    assert len(gone) + len(handing_over) == found.leaves + found.crashes
    assert len(handing_over) <= 2, "who goes politely is gone as soon as its children are elsewhere"
    assert sum(weigh(peer.machine, peer.ear) for peer in gone) < 1_000 * len(gone)
    assert all(len(one.hearing.arrivals) < 150 for one in run.audience.living)


def test_those_who_leave_are_not_replaced_where_a_scenario_says_so() -> None:
    sessions = Sessions(Law.TRACE, trace_us=(4 * SECOND,), crashing=0.0, replaced=False)
    run = Packets(Scenario("leave", waves=(Wave(6, 0, SECOND),), sessions=sessions), 1)
    run.run_until(6 * SECOND)
    found = run.measures()
    assert (run.peers_alive, found.leaves, found.crashes, found.violations) == (0, 6, 0, [])


def test_a_crowd_follows_a_curve() -> None:
    curve = Curve(((0, 0), (4 * SECOND, 12), (8 * SECOND, 5)))
    run = Packets(Scenario("curve", curve=curve), 1)
    for at, count in curve.points:
        run.run_until(at)
        assert run.peers_alive == count


def test_relays_take_what_the_origin_would_have_to() -> None:
    scenario = Scenario(
        "relays", waves=(Wave(20, 0, 2 * SECOND),), relays=2, relay_capacity=8, origin_capacity=2
    )
    run = Packets(scenario, 1)
    run.run_until(8 * SECOND)
    relays = [peer for peer in run.world.living if peer.is_watched]
    assert len(relays) == 2
    assert sum(len(relay_of(relay).children) for relay in relays) >= 8
    assert run.peers_alive == 20
    assert run.measures().heard == 20


def test_whoever_cannot_be_dialled_serves_nobody() -> None:
    chance = Random(1)
    nats = ((Nat.OPEN, 0.25), (Nat.SYMMETRIC, 0.75))
    drawn = [capacity(Crowd(serving=0.8, nats=nats), chance) for _ in range(4_000)]
    assert sum(one > 0 for one in drawn) / 4_000 == pytest.approx(0.2, abs=0.03)


def test_a_broken_promise_is_noted_with_its_time_and_the_run_goes_on() -> None:
    run = Packets(Scenario("broken", waves=(Wave(4, 0, SECOND),)), 7)
    run.run_until(4 * SECOND)
    victim = run.audience.living[0].process
    victim.ear.played.append(victim.ear.played[-1])
    run.run_until(6 * SECOND)
    (problem,) = run.measures().violations
    assert problem.startswith("I9: ")
    assert "at 6.0" in problem, "the doors open at 2 s of the world's time"
    assert "seed 7" in problem
    assert run.now == 6 * SECOND
    assert victim.is_alive
    assert run.measures().missing_us == [0] * 4


def test_a_run_that_breaks_everything_stops_cleanly() -> None:
    run = Packets(Scenario("hopeless", waves=(Wave(2, 0, SECOND),)), 7)
    run.run_until(2 * SECOND)

    def object_to(process: Process) -> None:
        raise AssertionError(f"I do not like {process}")

    run.world.runner.watchers.append(object_to)
    run.run_until(60 * SECOND)
    found = run.measures()
    assert run.now == 60 * SECOND
    assert found.is_cut_short
    assert 3 <= len(found.violations) <= VIOLATIONS_MAX
    assert 2 * SECOND <= found.simulated_us < 40 * SECOND


def test_percentiles_are_numbers_that_were_there() -> None:
    assert percentile([], 50) == 0
    assert percentile([1, 2, 3, 4], 50) == 2
    assert percentile([1, 2, 3, 4], 99) == 4
    assert spread([]).max == 0
    assert (spread([5]).p50, spread([5]).p99, spread([5]).max) == (5, 5, 5)


class Village:
    """Two streets, ten milliseconds from each other."""

    places = 1

    def number(self, name: str) -> int:
        return ("High Street", "Mill Lane").index(name)

    def continent(self, city: int) -> str:
        return ("Uphill", "Downhill")[city]

    def draw(self, chance: Random) -> int:
        return chance.randrange(2)

    def draw_many(self, chance: Random, count: int) -> list[int]:
        return [self.draw(chance) for _ in range(count)]

    def delay_us(self, one: int, other: int) -> int:
        return MILLISECOND if one == other else 10 * MILLISECOND

    def landmark_rtts_us(self, city: int, last_mile_us: int) -> tuple[int, ...]:
        return tuple(2 * (self.delay_us(city, mark) + last_mile_us) for mark in range(2))

    def nearest_regions(self) -> tuple[tuple[int, ...], ...]:
        return ((0, 1), (1, 0))


def test_a_run_may_take_place_somewhere_else_than_in_the_model_that_ships() -> None:
    cut = Fault(FaultKind.REGION_GONE, 4 * SECOND, continent="Downhill")
    scenario = Scenario(
        "village", rtts=Rtts("village.csv", "High Street"), waves=(Wave(8, 0, SECOND),), faults=(cut,)
    )
    run = Packets(scenario, 1, geography=Village())
    run.run_until(6 * SECOND)
    assert 1 <= run.peers_alive <= 7
    assert {one.process.city for one in run.audience.living} == {0}
    assert run.measures().violations == []
    with pytest.raises(BadInputError, match=r"the matrix village\.csv has not been read"):
        Packets(scenario, 1)
