"""A listener that lets its delay choose itself, while the weather on its line changes: real QUIC and Opus, virtual time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import trio

from meshcast.media.sound import PcmInt, to_float
from meshcast.protocol.limits import PLAYOUT_DELAY_US_MIN
from meshcast.protocol.units import MILLISECOND
from meshcast.transport.fabric import Conditions


async def test_when_the_line_begins_to_jitter_the_delay_grows_at_once_and_nothing_is_passed_over(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    """Two on lines alike, both at 0.3 s: the one whose delay stays there loses much of the storm."""
    async with open_stage(seed=6) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=3)
        await trio.sleep(1)
        stays = await stage.start_listener("stays", capacity=0, delay_us=PLAYOUT_DELAY_US_MIN)
        adapts = await stage.start_listener("adapts", capacity=0, delay_us=PLAYOUT_DELAY_US_MIN, adapts=True)
        await trio.sleep(5)
        assert adapts.peer.playout.delay_us >= PLAYOUT_DELAY_US_MIN
        assert adapts.peer.playout.missing == stays.peer.playout.missing == 0
        for one in (stays, adapts):
            stage.fabric.downlink(one.address[0], Conditions(jitter_us=650 * MILLISECOND))
        await trio.sleep(18)
        assert stays.peer.playout.missing >= 15
        assert adapts.peer.playout.missing <= 3
        in_force_us = adapts.peer.playout.delay_us
        # The jitter, and a repair: the next chunk and a round trip and a half of some 600 ms.
        assert 650 * MILLISECOND <= in_force_us <= 650 * MILLISECOND + (100 + 10 + 900) * MILLISECOND
        assert adapts.peer.status().playout_delay_us == in_force_us
        for one in (stays, adapts):
            stage.fabric.downlink(one.address[0], Conditions())
        await trio.sleep(8)
        assert adapts.peer.playout.missing <= 3
        assert adapts.peer.playout.delay_us < in_force_us, "and it shrinks again, slowly"
        # No step from one sample to the next is much greater than the programme's own: none of it clicks.
        assert _steepest(adapts.sink.pcm) <= 1.5 * _steepest(to_float(programme))
        assert adapts.listener.player.position_us > 25_000 * MILLISECOND


def _steepest(pcm: Any) -> float:
    return float(np.abs(np.diff(pcm, axis=0)).max())
