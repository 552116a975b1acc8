"""The main job in virtual time: relays and the tracker die, over real QUIC and real Opus, and nobody hears it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trio

from meshcast.media.pacing import PAUSED
from meshcast.media.sound import PcmInt, to_float
from meshcast.media.timeline import compare
from meshcast.protocol.limits import silence_us
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.transport.fabric import Conditions

LISTENERS = 12
CHILDREN = 3


async def test_three_relays_and_the_tracker_die_and_every_survivor_hears_everything(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=2) as stage:
        await stage.start_tracker()
        source = await stage.start_broadcast(blocks_of(programme), capacity=CHILDREN)
        await trio.sleep(0.5)
        for number in range(LISTENERS):
            await stage.start_listener(f"listener-{number}", capacity=CHILDREN)
        await trio.sleep(5)
        await _kill_a_relay(stage)
        await trio.sleep(2)
        stage.kill("tracker")
        await trio.sleep(2)
        await _kill_a_relay(stage)
        await trio.sleep(8)
        await stage.start_tracker()
        await trio.sleep(4)
        await _kill_a_relay(stage)
        await trio.sleep(10)

        survivors = stage.listeners()
        assert len(survivors) == LISTENERS - 3
        reference = to_float(programme).mean(axis=1).astype(np.float32)
        for one in survivors:
            assert one.peer.playout.missing == 0, one.name
            assert one.listener.heard.ratio == 1.0
            timeline = compare(reference, one.sink.pcm.mean(axis=1).astype(np.float32))
            assert timeline.found > 200
            assert timeline.found_share >= 0.995
            assert timeline.jumps == ()
        relay = source.source.relay
        assert relay.children_peak <= CHILDREN
        assert len(relay.children) <= CHILDREN, "the tracker has relieved the broadcaster again"
        assert relay.served_bytes / source.source.audio_bytes <= 3.3


@pytest.mark.parametrize("delay_ms", [300, 1_000, 3_000, 30_000])
async def test_a_joiner_has_sound_at_once_from_its_parents_backlog(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
    delay_ms: int,
) -> None:
    """One of 30 s was silent for twenty: a refill of 96 KiB reaches back ten."""
    async with open_stage(is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme))
        await trio.sleep(1 + delay_ms / 1000)
        one = await stage.start_listener("joiner", delay_us=delay_ms * MILLISECOND)
        await trio.sleep(4)
        tally = one.peer.tally
        assert tally.first_play_at - tally.joined_at <= 300 * MILLISECOND
        assert delay_ms * MILLISECOND <= one.peer.delay_us <= (delay_ms + 50) * MILLISECOND
        assert one.peer.playout.missing == 0


async def test_who_arrives_while_the_tracker_is_dead_waits_and_is_in_soon_after_its_return(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme))
        await trio.sleep(0.5)
        for number in range(4):
            await stage.start_listener(f"listener-{number}")
        await trio.sleep(3)
        stage.kill("tracker")
        await trio.sleep(1)
        late = await stage.start_listener("late")
        await trio.sleep(9)
        assert "tracker" in late.peer.status().waiting
        assert not late.peer.playout.is_audible
        await stage.start_tracker()
        returned = trio.current_time()
        while not late.peer.playout.is_audible:
            await trio.sleep(0.05)
        assert trio.current_time() - returned <= 3.0
        assert all(one.peer.playout.missing == 0 for one in stage.listeners())


async def test_a_paused_source_moves_nobody_and_goes_on_where_it_resumed(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    def paused() -> Any:
        blocks = blocks_of(programme)
        for number, block in enumerate(blocks):
            if number == 300:
                yield from [PAUSED] * 500
            yield block

    async with open_stage() as stage:
        await stage.start_tracker()
        await stage.start_broadcast(paused(), capacity=2)
        await trio.sleep(0.5)
        for number in range(6):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(4)
        parents = {one.name: (one.peer.uplink.parent, one.peer.tally.parents) for one in stage.listeners()}
        await trio.sleep(24)
        for one in stage.listeners():
            assert (one.peer.uplink.parent, one.peer.tally.parents) == parents[one.name]
            assert one.peer.playout.missing == 0
            assert one.listener.player.silence_us >= 9.5 * SECOND
            timeline = compare(
                to_float(programme).mean(axis=1).astype(np.float32),
                one.sink.pcm.mean(axis=1).astype(np.float32),
            )
            assert [round(jump.by_s) for jump in timeline.jumps] == [-10], (
                "it stood still for ten seconds, and no more"
            )
            assert timeline.found > 150


async def test_two_percent_loss_is_repaired_before_anybody_hears_it(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    weather = Conditions(delay_us=20 * MILLISECOND, jitter_us=5 * MILLISECOND, loss=0.02)
    async with open_stage(weather, seed=5, is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(0.5)
        for number in range(8):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(30)
        assert [one.peer.playout.missing for one in stage.listeners()] == [0] * 8
        assert all(not one.peer.tally.forged for one in stage.listeners())


async def test_the_end_of_the_programme_reaches_everybody(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme[: 48_000 * 5]), capacity=2)
        await trio.sleep(0.5)
        for number in range(5):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(12)
        for one in stage.listeners():
            assert one.listener.outcome.has_ended
            assert one.peer.playout.missing == 0


async def _kill_a_relay(stage: Any) -> None:
    """Kill the relay that feeds most at this moment."""
    victim = max(stage.relays(), key=lambda one: len(one.peer.relay.children))
    assert victim.peer.relay.children
    stage.kill(victim.name)


def test_a_repair_is_over_before_playout_runs_dry() -> None:
    assert silence_us(100 * MILLISECOND, 0) == 300 * MILLISECOND
