"""Whoever goes of its own accord is not heard going, at the shortest delay and over the longest ways: real QUIC, virtual time."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import trio

from meshcast.media.sound import PcmInt
from meshcast.protocol.limits import PLAYOUT_DELAY_US_MIN
from meshcast.protocol.units import MILLISECOND
from meshcast.transport.fabric import Conditions


@pytest.mark.parametrize("one_way_ms", [5, 150])
async def test_relays_that_leave_one_after_the_other_are_not_heard_leaving_at_the_shortest_delay(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
    one_way_ms: int,
) -> None:
    """At 150 ms one way a Bye is answered by sound 300 ms later at best: without a hand-over that is heard at 0.3 s."""
    async with open_stage(
        Conditions(delay_us=one_way_ms * MILLISECOND), seed=one_way_ms, is_heard=False
    ) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(1)
        for number in range(6):
            await stage.start_listener(f"listener-{number}", capacity=2, delay_us=PLAYOUT_DELAY_US_MIN)
            await trio.sleep(0.5)
        await trio.sleep(3)
        missing = {one.name: one.peer.playout.missing for one in stage.listeners()}
        for _ in range(2):
            leaver = max(stage.relays(), key=lambda one: len(one.peer.relay.children))
            assert leaver.peer.relay.children
            await _leave(stage, leaver)
            await trio.sleep(1.5)
        assert len(stage.listeners()) == 4
        for one in stage.listeners():
            assert one.peer.playout.missing == missing[one.name], one.name
            assert one.peer.uplink.state.is_hearing


async def test_all_may_leave_at_once_and_nobody_waits_for_anybody(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=1)
        await trio.sleep(1)
        for number in range(5):
            await stage.start_listener(f"listener-{number}", capacity=1)
            await trio.sleep(0.5)
        await trio.sleep(1.5)
        ranks = sorted(one.peer.standing.rank for one in stage.listeners())
        assert all(later > earlier for earlier, later in pairwise(ranks)), "a chain, the worst case"
        asked_at = trio.current_time()
        for one in stage.listeners():
            one.driver.stop()
        for one in stage.listeners():
            await one.listener.outcome.departed.wait()
        assert trio.current_time() - asked_at < 0.5


async def _leave(stage: Any, leaver: Any) -> None:
    """Do what the listener's shell does at Ctrl-C."""
    leaver.driver.stop()
    await leaver.listener.outcome.departed.wait()
    del stage.actors[leaver.name]
    leaver.scope.cancel()
