"""Two broadcasters of one event over real QUIC: the first dies, the spare goes on, and nobody hears more than one chunk of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trio

from meshcast.media.sound import PcmInt, to_float
from meshcast.media.timeline import compare
from meshcast.protocol.broadcaster import Post
from meshcast.protocol.units import MILLISECOND
from meshcast.transport.fabric import Conditions

LISTENERS = 8


async def open_event(stage: Any, blocks: Callable[[], Any], *, listeners: int = LISTENERS) -> tuple[Any, Any]:
    """Start a source, its spare and a crowd, and let all hear for a while."""
    await stage.start_tracker()
    first = await stage.start_broadcaster("first", blocks(), capacity=2)
    await trio.sleep(1)
    spare = await stage.start_broadcaster("spare", blocks(), capacity=2, is_spare=True)
    await trio.sleep(1)
    for number in range(listeners):
        await stage.start_listener(f"listener-{number}", capacity=2)
    await trio.sleep(6)
    assert first.broadcaster.post is Post.ON_AIR
    assert spare.broadcaster.post is Post.STANDING_BY
    assert spare.broadcaster.serving.standing.rank == 1
    assert all(one.peer.uplink.state.is_hearing for one in stage.listeners())
    return first, spare


@pytest.mark.parametrize(
    ("weather", "seed"),
    [
        (Conditions(delay_us=10 * MILLISECOND), 1),
        (Conditions(delay_us=20 * MILLISECOND, jitter_us=5 * MILLISECOND, loss=0.01), 2),
        (Conditions(delay_us=60 * MILLISECOND, jitter_us=20 * MILLISECOND), 3),
    ],
    ids=["near", "lossy", "far"],
)
async def test_the_spare_goes_on_when_the_source_is_killed_and_at_most_one_chunk_is_concealed(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
    weather: Conditions,
    seed: int,
) -> None:
    async with open_stage(weather, seed=seed) as stage:
        _, spare = await open_event(stage, lambda: blocks_of(programme))
        numbers = {one.name: one.peer.backlog.newest for one in stage.listeners()}
        missing = {one.name: one.peer.playout.missing for one in stage.listeners()}
        stage.kill("first")
        await trio.sleep(10)
        assert spare.broadcaster.post is Post.ON_AIR
        print("took over after", [one / 1000 for one in spare.broadcaster.takeovers_us], "ms")
        reference = to_float(programme).mean(axis=1).astype(np.float32)
        for one in stage.listeners():
            concealed = one.peer.playout.missing - missing[one.name]
            print(one.name, concealed, one.peer.standing.rank, one.peer.uplink.repairs_us)
            assert concealed <= 1, one.name
            assert one.peer.backlog.newest >= numbers[one.name] + 95, "the numbers go on"
            assert one.peer.uplink.state.is_hearing
            timeline = compare(reference, one.sink.pcm.mean(axis=1).astype(np.float32))
            assert timeline.jumps == (), "both read the same file, in step"
