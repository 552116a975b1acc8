"""One logic, two fidelities: what a settled crowd does when peers die is the same in both, repair by repair.

The tracker dies with them, so that all that happens is the peers' own doing: what it does later by way of order depends
on the order in which reports reach it, and the flow hears them half a round trip early.
"""

from itertools import pairwise

import pytest

from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId
from sim.experiments import settled_crowd
from sim.flow.flow import Flow
from sim.flow.handover import hand_over
from sim.process import Process
from sim.scenario import Fidelity, Scenario
from sim.truth import relay_of, uplink_of
from sim.weather import Conditions
from sim.world import Settings, World

pytestmark = pytest.mark.plain

PEERS = 500
DYING = 12
AFTER_US = 3 * SECOND
CHUNK_US = 100 * MILLISECOND
SETTINGS = Settings(conditions=Conditions(jitter=0.0), origin_capacity=16)


def in_packets(world: World, victims: list[Process]) -> tuple[dict[PeerId, PeerId], dict[PeerId, Micros]]:
    """Kill them and the tracker; give each orphan's next parent, and the longest silence of every survivor after the last chunk."""
    dead = {one.key for one in victims}
    orphans = {one.key: one for one in world.living if uplink_of(one).parent in dead and one.key not in dead}
    repairs: dict[PeerId, PeerId] = {}

    def watch(process: Process) -> None:
        if process.key in orphans and process.key not in repairs:
            parent = uplink_of(process).parent
            if parent is not None and parent not in dead:
                repairs[process.key] = parent

    world.runner.watchers.append(watch)
    fault_at = world.now
    world.faults.kill(world.tracker, *victims)
    world.run_for(AFTER_US)
    gaps: dict[PeerId, Micros] = {}
    for peer in world.living:
        arrivals = sorted(at for at in peer.ear.arrivals.values() if at >= fault_at - SECOND)
        gaps[peer.key] = max(later - earlier for earlier, later in pairwise(arrivals))
    return repairs, gaps


def in_flow(flow: Flow, victims: list[int]) -> tuple[dict[int, int], dict[int, Micros]]:
    """The same."""
    flow.sound.gaps_us, flow.desk.is_up = {}, False
    repairs: dict[int, int] = {}
    flow.on_repair = repairs.setdefault
    flow.departures.kill(victims)
    flow.run_until(flow.now + AFTER_US)
    return repairs, flow.sound.gaps_us


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 3, 4, 5))])
def test_the_same_orphans_find_the_same_parents_and_gaps_are_within_one_chunk(seed: int) -> None:
    world = settled_crowd(seed, peers=PEERS, settle_us=15 * SECOND, settings=SETTINGS, is_checked=False)
    scenario = Scenario("parity", fidelity=Fidelity.FLOW, duration_us=world.now + 2 * AFTER_US)
    flow, numbers = hand_over(world, scenario)
    parents = [one for one in world.living if relay_of(one).children]
    victims = world.chance("victims").sample(parents, DYING)
    dying = [numbers[one] for one in victims]
    packets_repairs, packets_gaps = in_packets(world, victims)
    flow_repairs, flow_gaps = in_flow(flow, dying)
    number = {peer.key: node for peer, node in numbers.items()}
    assert {number[child]: number[parent] for child, parent in packets_repairs.items()} == flow_repairs
    assert len(flow_repairs) > DYING
    for key, gap_us in packets_gaps.items():
        theirs_us = max(flow_gaps.get(number[key], 0), CHUNK_US)
        assert abs(theirs_us - max(gap_us, CHUNK_US)) <= CHUNK_US, (
            f"{key[:4].hex()}: {gap_us} and {theirs_us}"
        )
