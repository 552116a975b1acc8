"""A broadcaster that dies and is started again with the same key goes on with the same event; so do its relays."""

from collections.abc import Callable
from typing import Any

import trio

from meshcast.media.sound import PcmInt
from meshcast.protocol.tickets import Role


async def test_listeners_hear_a_restarted_broadcaster_without_being_started_again(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=6, is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(0.5)
        for number in range(6):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(5)
        stage.kill("source")
        await trio.sleep(6)
        again = await stage.start_broadcast(blocks_of(programme), capacity=2, generation=2)
        await trio.sleep(12)
        for one in stage.listeners():
            assert one.peer.sources.generation == 2
            assert one.peer.uplink.state.is_hearing
            assert one.peer.backlog.newest >= again.source.backlog.newest - 2
            assert one.peer.playout.is_audible


async def test_a_superseded_broadcaster_gives_way(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=6, is_heard=False) as stage:
        await stage.start_tracker()
        first = await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(0.5)
        for number in range(4):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(3)
        await stage.start_broadcast(blocks_of(programme), capacity=2, generation=2)
        await trio.sleep(10)
        assert "taken this broadcast over" in str(first.driver.last_words)
        assert all(one.peer.sources.generation == 2 for one in stage.listeners())
        assert all(one.peer.uplink.state.is_hearing for one in stage.listeners())


async def test_a_relay_serves_near_the_origin_and_takes_the_load_off_it(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=7, is_heard=False) as stage:
        await stage.start_tracker()
        source = await stage.start_broadcast(blocks_of(programme), capacity=1)
        await trio.sleep(0.5)
        relay = await stage.start_listener("relay", capacity=16, role=Role.RELAY)
        await trio.sleep(1)
        for number in range(10):
            await stage.start_listener(f"listener-{number}", capacity=0)
        await trio.sleep(6)
        assert relay.peer.standing.rank == 2
        assert len(source.source.relay.children) == 1
        assert len(relay.peer.relay.children) == 10
        assert all(one.peer.playout.missing == 0 for one in stage.listeners())
