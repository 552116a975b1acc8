"""Whole worlds, with the tracker that the product runs."""

import os
import subprocess
import sys

import pytest

from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.checkers import unsettled
from sim.experiments import settled_crowd
from sim.process import Process
from sim.truth import believed, depths, rank_of, uplink_of
from sim.world import World

DIGEST = """
from meshcast.protocol.units import SECOND
from sim.experiments import settled_crowd
from sim.world import Settings
world = settled_crowd("digest", peers=30, join_us=3 * SECOND, settle_us=2 * SECOND, settings=Settings(is_traced=True))
world.faults.kill(*world.chance("crash").sample(list(world.living), 10))
world.run_for(4 * SECOND)
print(world.runner.trace.digest(), world.runner.trace.events)
"""


def concealed(world: World) -> int:
    return sum(len(peer.ear.concealed) for peer in world.living)


def test_one_seed_is_one_run_in_every_process() -> None:
    digests = [
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
    assert digests[0] == digests[1]
    assert int(digests[0].split()[1]) > 2_000


def test_thirty_peers_join_and_all_hear() -> None:
    world = settled_crowd("join", peers=30, join_us=6 * SECOND, settle_us=4 * SECOND)
    assert unsettled(world) == []
    assert concealed(world) == 0
    assert all(peer.ear.played for peer in world.living)
    assert set(depths(world).values()) <= {1, 2, 3}
    assert believed(world) == {peer.key: uplink_of(peer).parent for peer in world.living}
    assert all(3 <= rank_of(peer) <= 6 for peer in world.living)


def test_a_tracker_dead_for_ten_seconds_is_not_heard_even_while_peers_die() -> None:
    world = settled_crowd("deaf", peers=30, join_us=6 * SECOND, settle_us=6 * SECOND)
    world.faults.kill(world.tracker)
    parents = list(dict.fromkeys(uplink_of(peer).parent for peer in world.living))
    by_key = {peer.key: peer for peer in world.living}
    victim = next(by_key[key] for key in parents if key in by_key)
    world.run_for(3 * SECOND)
    world.faults.kill(victim)
    world.run_for(7 * SECOND)
    world.start_tracker()
    world.run_for(20 * SECOND)
    assert concealed(world) == 0
    assert all(uplink_of(peer).state.is_hearing for peer in world.living)


def test_the_region_of_a_joiner_is_that_of_its_nearest_landmark() -> None:
    world = World("regions")
    world.run_for(SECOND)
    peer = world.add_peer(city="Tokyo")
    world.run_for(2 * SECOND)
    assert uplink_of(peer).state.is_hearing


class Restless:
    """A machine that wants to be called again and again."""

    def handle(self, event: object, now: Micros) -> list[object]:
        return []

    def deadline(self) -> Micros | None:
        return 0


def test_a_machine_that_stops_time_is_named_with_the_seed_that_shows_it() -> None:
    world = World("restless")
    world.runner.start(
        Process(world.identity("x").peer_id, ("10.9.9.9", 1), "restless", Restless(), None, 0, 0, 0)
    )
    with pytest.raises(AssertionError, match="asks for a tick again and again") as caught:
        world.run_for(MILLISECOND)
    assert any("seed 'restless'" in note for note in caught.value.__notes__)
