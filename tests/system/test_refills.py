"""A backlog passes through a relay whole: what comes on a short stream goes on on a short stream."""

from collections.abc import Callable
from typing import Any

import trio

from meshcast.media.sound import PcmInt


async def test_what_a_relay_missed_for_a_second_and_a_half_reaches_its_child_whole(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    """Found in the demo: passed on as a burst of datagrams, half of a backlog did not fit the link."""
    async with open_stage(seed=8, is_heard=False) as stage:
        await stage.start_tracker()
        source = await stage.start_broadcast(blocks_of(programme), capacity=1)
        await trio.sleep(0.5)
        relay = await stage.start_listener("relay", capacity=1)
        await trio.sleep(1)
        child = await stage.start_listener("child", delay_us=4_000_000)
        await trio.sleep(4)
        assert child.peer.uplink.parent == relay.peer.member.me
        stage.fabric.partition([source.address[0]], [relay.address[0]])
        await trio.sleep(1.5)
        stage.fabric.heal()
        await trio.sleep(10)
        assert relay.peer.uplink.parent == source.source.member.me
        # The live chunk that comes while the window is full of backlog may not fit; it is pulled.
        assert relay.driver.dropped_chunks <= 1
        assert child.peer.playout.missing == 0
