"""The stage itself: a process that stands still does nothing at all, and a closed stage leaves nothing behind."""

import trio

from bed.clock import in_virtual_time
from bed.crowd import Casting, depths, gather
from bed.stage import Stage, open_stage

CAST = Casting(peers=4, capacity=2, source_capacity=1, gather_s=2)


def test_a_frozen_process_keeps_no_deadline_and_says_nothing_until_it_goes_on() -> None:
    async def play() -> None:
        async with open_stage() as stage:
            await gather(stage, CAST)
            victim = stage.relays()[0]
            stage.freeze(victim.name)
            await trio.sleep(0.001)
            before = _doings(stage, victim.name)
            await trio.sleep(30)
            assert _doings(stage, victim.name) == before
            assert victim not in stage.peers()
            stage.thaw(victim.name)
            await trio.sleep(6)
            assert victim.peer.uplink.state.is_hearing
            assert victim.peer.backlog.newest >= stage.actors["source"].source.backlog.newest - 2

    in_virtual_time(play)


def _doings(stage: Stage, name: str) -> tuple[object, ...]:
    actor = stage.actors[name]
    assert actor.links is not None
    return actor.links.totals(), actor.peer.backlog.newest, actor.peer.playout.next_sequence


def test_whoever_is_frozen_or_asleep_can_be_killed_and_the_stage_closed() -> None:
    async def play() -> int:
        async with open_stage() as stage:
            await gather(stage, CAST)
            assert sorted(depths(stage).values()) == [1, 2, 2, 3]
            names = [one.name for one in stage.peers()]
            stage.freeze(names[0])
            stage.suspend(names[1])
            stage.freeze(names[2])
            await trio.sleep(4)
            stage.kill(names[0])
            await trio.sleep(1)
            fabric = stage.fabric
        return fabric.sockets

    assert in_virtual_time(play) == 0


def test_whoever_leaves_politely_is_gone_when_that_has_been_waited_for() -> None:
    async def play() -> None:
        async with open_stage() as stage:
            await gather(stage, CAST)
            sockets = stage.fabric.sockets
            await stage.leave(stage.peers()[-1].name)
            assert stage.fabric.sockets == sockets - 1

    in_virtual_time(play)
