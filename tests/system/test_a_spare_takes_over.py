"""Two broadcasters of one event over real QUIC: the first dies, the spare goes on, and nobody hears more than one chunk of it.

The same conversations as in `tests/protocol/test_broadcaster.py`; here with a real tracker, links that are lost and dialled
again, and sound that is held against the original.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import trio

from meshcast.media.sound import PcmInt, to_float
from meshcast.media.timeline import compare
from meshcast.protocol.broadcaster import Post
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.transport.fabric import Conditions

NEAR = Conditions(delay_us=10 * MILLISECOND)
LOSSY = Conditions(delay_us=20 * MILLISECOND, jitter_us=5 * MILLISECOND, loss=0.01)
FAR = Conditions(delay_us=60 * MILLISECOND, jitter_us=20 * MILLISECOND)

Blocks = Callable[[], Iterator[Any]]


@pytest.fixture
def blocks(programme: PcmInt, blocks_of: Callable[[PcmInt], Any]) -> Blocks:
    """Give the programme from its beginning."""
    return lambda: blocks_of(programme)


def post(actor: Any) -> Post:
    """Say where a broadcaster stands now."""
    return Post(actor.broadcaster.post)


async def open_event(stage: Any, blocks: Blocks, listeners: int) -> tuple[Any, Any]:
    """Start a source, its spare and a crowd, and let all hear for a while."""
    await stage.start_tracker()
    first = await stage.start_broadcaster("first", blocks(), capacity=2)
    await trio.sleep(0.5)
    spare = await stage.start_broadcaster("spare", blocks(), capacity=2, is_spare=True)
    await trio.sleep(0.5)
    for number in range(listeners):
        await stage.start_listener(f"listener-{number}", capacity=2)
    await trio.sleep(5)
    assert post(first) is Post.ON_AIR
    assert post(spare) is Post.STANDING_BY
    assert spare.broadcaster.serving.standing.rank == 1
    assert all(one.peer.uplink.state.is_hearing for one in stage.listeners())
    return first, spare


def others(stage: Any, hosts: set[str]) -> list[str]:
    """Name all hosts but these."""
    return [one.address[0] for one in stage.actors.values() if one.address[0] not in hosts]


def missing(stage: Any) -> dict[str, int]:
    """Count the chunks that were due and not there, by listener."""
    return {one.name: one.peer.playout.missing for one in stage.listeners()}


def assert_nobody_noticed(stage: Any, before: dict[str, int], speaker: Any) -> None:
    """At most one chunk is concealed, and everybody hears whoever speaks now."""
    for one in stage.listeners():
        assert one.peer.playout.missing - before[one.name] <= 1, one.name
        assert one.peer.uplink.state.is_hearing, one.name
        assert one.peer.sources.generation == speaker.broadcaster.serving.sources.generation, one.name
        assert one.peer.backlog.newest >= speaker.broadcaster.backlog.newest - 5, one.name


@pytest.mark.parametrize(
    ("weather", "listeners", "seed"),
    [
        pytest.param(NEAR, 4, 1, id="near"),
        pytest.param(LOSSY, 12, 2, id="lossy", marks=pytest.mark.long),
        pytest.param(FAR, 12, 3, id="far", marks=pytest.mark.long),
    ],
)
async def test_the_spare_goes_on_when_the_source_is_killed_and_at_most_one_chunk_is_concealed(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks: Blocks,
    weather: Conditions,
    listeners: int,
    seed: int,
) -> None:
    async with open_stage(weather, seed=seed) as stage:
        _, spare = await open_event(stage, blocks, listeners)
        before = missing(stage)
        numbers = {one.name: one.peer.backlog.newest for one in stage.listeners()}
        stage.kill("first")
        await trio.sleep(4)
        assert post(spare) is Post.ON_AIR
        assert_nobody_noticed(stage, before, spare)
        assert all(one.peer.backlog.newest >= numbers[one.name] + 35 for one in stage.listeners())
        reference = to_float(programme).mean(axis=1).astype(np.float32)
        timeline = compare(reference, stage.listeners()[0].sink.pcm.mean(axis=1).astype(np.float32))
        assert timeline.found > 30
        assert timeline.jumps == (), "both read the same file, in step"


@pytest.mark.long
async def test_a_source_that_was_cut_off_gives_way_when_it_comes_back_and_takes_over_in_its_turn(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks
) -> None:
    async with open_stage(NEAR, seed=4, is_heard=False) as stage:
        first, spare = await open_event(stage, blocks, 6)
        before = missing(stage)
        stage.fabric.partition([first.address[0]], others(stage, {first.address[0]}))
        await trio.sleep(5)
        assert post(spare) is Post.ON_AIR
        assert post(first) is Post.ON_AIR, "it has heard of nothing"
        stage.fabric.heal()
        await trio.sleep(10)
        assert post(first) is Post.STANDING_BY
        assert first.broadcaster.serving.standing.rank == 1
        assert first.broadcaster.backlog.newest >= spare.broadcaster.backlog.newest - 2, "it is warm"
        assert_nobody_noticed(stage, before, spare)
        stage.kill("spare")
        await trio.sleep(6)
        assert post(first) is Post.ON_AIR
        assert_nobody_noticed(stage, before, first)


@pytest.mark.long
async def test_a_spare_that_alone_does_not_hear_the_source_leaves_it_on_the_air(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks
) -> None:
    async with open_stage(NEAR, seed=5, is_heard=False) as stage:
        first, spare = await open_event(stage, blocks, 4)
        before = missing(stage)
        stage.fabric.partition([first.address[0]], [spare.address[0]])
        await trio.sleep(10)
        assert post(spare) is Post.STANDING_BY
        assert spare.broadcaster.backlog.newest >= first.broadcaster.backlog.newest - 4, (
            "others keep it supplied"
        )
        assert_nobody_noticed(stage, before, first)
        stage.kill("first")
        await trio.sleep(5)
        assert post(spare) is Post.ON_AIR
        assert_nobody_noticed(stage, before, spare)


@pytest.mark.long
async def test_a_spare_that_has_lost_its_network_says_nothing_and_comes_back_to_its_place(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks
) -> None:
    async with open_stage(NEAR, seed=6, is_heard=False) as stage:
        first, spare = await open_event(stage, blocks, 4)
        before = missing(stage)
        stage.fabric.partition([spare.address[0]], others(stage, {spare.address[0]}))
        await trio.sleep(8)
        assert post(spare) is Post.STANDING_BY
        stage.fabric.heal()
        await trio.sleep(8)
        assert post(spare) is Post.STANDING_BY
        assert spare.broadcaster.backlog.newest >= first.broadcaster.backlog.newest - 2
        assert_nobody_noticed(stage, before, first)


@pytest.mark.long
@pytest.mark.parametrize("tracker_is_with", ["first", "spare"])
async def test_in_a_partition_each_half_hears_its_own_and_afterwards_all_hear_the_later(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks, tracker_is_with: str
) -> None:
    async with open_stage(NEAR, seed=7, is_heard=False) as stage:
        first, spare = await open_event(stage, blocks, 6)
        before = missing(stage)
        fed = [one for one in stage.listeners() if one.peer.uplink.parent == first.broadcaster.member.me]
        near = {first.address[0], fed[0].address[0]}
        if tracker_is_with == "first":
            near.add(stage.actors["tracker"].address[0])
        stage.fabric.partition([*near], others(stage, near))
        await trio.sleep(6)
        assert (post(first), post(spare)) == (Post.ON_AIR, Post.ON_AIR)
        assert all(one.peer.uplink.state.is_hearing for one in stage.listeners())
        stage.fabric.heal()
        await trio.sleep(14)
        assert (post(first), post(spare)) == (Post.STANDING_BY, Post.ON_AIR)
        assert_nobody_noticed(stage, before, spare)


@pytest.mark.long
async def test_when_the_spare_dies_too_the_crowd_waits_and_hears_whoever_is_started_next(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks
) -> None:
    async with open_stage(NEAR, seed=8, is_heard=False) as stage:
        await open_event(stage, blocks, 4)
        stage.kill("first")
        await trio.sleep(3)
        stage.kill("spare")
        await trio.sleep(4)
        again = await stage.start_broadcaster("again", blocks(), capacity=2, is_spare=True)
        await trio.sleep(25)
        assert post(again) is Post.ON_AIR, "the tracker has said for ten seconds that nobody is"
        for one in stage.listeners():
            assert one.peer.sources.generation == again.broadcaster.serving.sources.generation
            assert one.peer.backlog.newest >= again.broadcaster.backlog.newest - 3
            assert one.peer.playout.is_audible


@pytest.mark.long
async def test_with_nobody_listening_the_spare_goes_on_when_the_tracker_has_lost_the_source(
    autojump_clock: object, open_stage: Callable[..., Any], blocks: Blocks
) -> None:
    async with open_stage(NEAR, seed=9, is_heard=False) as stage:
        _, spare = await open_event(stage, blocks, 0)
        stage.kill("first")
        await trio.sleep(30)
        assert post(spare) is Post.ON_AIR
        assert spare.broadcaster.takeovers_us[0] <= 25 * SECOND
        late = await stage.start_listener("late")
        await trio.sleep(3)
        assert late.peer.playout.is_audible
