"""What the mesh of `test_mesh_stateful.py`, and the evening of `test_planted_bugs.py`, have found: each story as it was told."""

import pytest

from sim.story import Story

STORIES = {
    "a move that a child does not make, and a former parent that still counts it among its children": """
        world = watched(World(2, Settings(origin_capacity=2, conditions=Conditions(jitter=1.0))))
        peers.append(world.add_peer(capacity=4))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=0))
        world.run_for(4 * SECOND)
        world.run_for(20 * MILLISECOND)
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=0))
        world.faults.tear([everybody(), [peers[at] for at in [1]]])
        world.run_for(1500 * MILLISECOND)
        """,
    "a suspension in which the parent raises its rank, and an old chunk that waits at its end": """
        world = watched(World(409, Settings(origin_capacity=2, conditions=Conditions(0.1, jitter=0.0, duplication=0.1))))
        peers.append(world.add_peer(capacity=4))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=4))
        peers.append(world.add_peer(capacity=1))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=4))
        world.run_for(4 * SECOND)
        world.faults.tear([everybody(), [peers[at] for at in [2, 5]]])
        world.faults.freeze(peers[0])
        world.run_for(6000 * MILLISECOND)
        """,
    "a tracker that has forgotten everything, to which listeners come back before the broadcaster": """
        world = watched(World(0, Settings(origin_capacity=2, conditions=Conditions(jitter=0.0))))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=2))
        world.run_for(4 * SECOND)
        world.faults.kill(world.tracker)
        world.start_tracker()
        """,
    "a place that is given twice, while its parent is being asked": """
        world = watched(World(113, Settings(origin_capacity=2, conditions=Conditions(jitter=1.0))))
        peers.append(world.add_peer(capacity=2))
        peers.append(world.add_peer(capacity=0))
        peers.append(world.add_peer(capacity=4))
        peers.append(world.add_peer(capacity=2))
        peers.append(world.add_peer(capacity=1))
        peers.append(world.add_peer(capacity=4))
        world.run_for(4 * SECOND)
        world.run_for(100 * MILLISECOND)
        peers.append(world.add_peer(capacity=2))
        world.faults.swallow(peers[3])
        world.faults.kill(world.tracker)
        world.start_tracker()
        world.faults.swallow(peers[5])
        peers.append(world.add_peer(capacity=2))
        peers.append(world.add_peer(capacity=1))
        world.run_for(6000 * MILLISECOND)
        world.run_for(1500 * MILLISECOND)
        peers.append(world.add_peer(capacity=2))
        double(True)
        world.run_for(3000 * MILLISECOND)
        """,
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_that_went_wrong_once_ends_well(name: str) -> None:
    Story().play(STORIES[name])
