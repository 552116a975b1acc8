"""In a crowd round the world a spare goes on when the source is killed, and nobody misses more than one chunk."""

import pytest

from meshcast.protocol.broadcaster import BroadcasterMachine, Post
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.process import Process
from sim.world import Settings, World


def heard(process: Process) -> PeerMachine:
    assert isinstance(process.machine, PeerMachine)
    return process.machine


@pytest.mark.parametrize("city", ["Tokyo", pytest.param(None, marks=pytest.mark.long)])
def test_a_crowd_hears_the_spare_instead_of_the_source_and_misses_at_most_one_chunk(city: str | None) -> None:
    world = World(5, Settings(origin_capacity=4))
    world.run_for(SECOND)
    spare = world.add_spare(city=city, late_us=37 * MILLISECOND)
    world.run_for(2 * SECOND)
    world.crowd(12, 2 * SECOND)
    world.run_for(7 * SECOND)
    before = {one.key: heard(one).playout.missing for one in world.living}
    assert len(before) == 12
    world.faults.kill(world.source)
    world.run_for(3 * SECOND)
    machine = spare.machine
    assert isinstance(machine, BroadcasterMachine)
    assert machine.post is Post.ON_AIR
    for one in world.living:
        assert heard(one).playout.missing - before[one.key] <= 1
        assert heard(one).playout.is_audible
        assert heard(one).backlog.newest >= machine.backlog.newest - 10
