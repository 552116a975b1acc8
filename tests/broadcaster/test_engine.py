"""One broadcaster: its whole life in virtual time, and every way in which it ends."""

import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.broadcaster.engine import (
    TRACKER_PATIENCE_S,
    BroadcastSettings,
    View,
    delegate,
    run_broadcaster,
)
from meshcast.keys import keep_identity
from meshcast.media.pacing import PAUSED, Block
from meshcast.protocol.broadcaster import Post
from meshcast.protocol.chunk import Flag
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.link import TrackerAddress
from meshcast.protocol.units import SECOND, BroadcastId

Noise = Callable[[int], Iterator[Block]]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., BroadcastSettings]:
    def settings(tracker: TrackerAddress, title: str | None = None, **more: Any) -> BroadcastSettings:
        return BroadcastSettings(
            "music/Evening.ogg", tracker, title, 64_000, 3, tmp_path / "key", tmp_path / "trackers", **more
        )

    return settings


async def ending(run: Any) -> MeshcastError:
    """Give what a run ends with."""
    with pytest.raises((MeshcastError, ExceptionGroup)) as caught:
        await run
    error: BaseException = caught.value
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, MeshcastError)
    return error


def test_a_process_speaks_for_its_broadcast_from_now_on_and_instead_of_those_before() -> None:
    broadcast, source = Identity.from_seed(b"b" * 32), Identity.from_seed(b"s" * 32)
    before = int(time.time())
    one, other = delegate(broadcast, source), delegate(broadcast, source)
    assert one.generation >= before
    assert other.generation >= one.generation
    assert one.run != other.run
    week_us = (one.generation + 6 * 24 * 3600) * SECOND
    assert one.is_valid(BroadcastId(broadcast.peer_id), week_us, verify)
    assert one.key == source.peer_id


async def test_a_programme_is_broadcast_to_its_end_and_heard(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(6_050))
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                await trio.sleep(1)
                await house.listen(views[-1].link)

            nursery.start_soon(listen)
            await run_broadcaster(settings(house.tracker), views.append)
            await house.has_ended.wait()
    machine = views[-1].machine
    assert machine.programme.title == "Evening", "its file's name, where it has no title"
    assert machine.relay.children_peak == 1
    sound = [one.chunk for one in house.heard]
    assert [one.sequence for one in sound] == list(range(sound[0].sequence, 62)), "the last is filled up"
    assert sound[-1].media_time_us + sound[-1].duration_us == 6_100_000


@pytest.mark.parametrize(("asked", "shown"), [("A title", "A title"), (None, "The source's")])
async def test_of_titles_the_one_that_was_asked_for_comes_before_the_sources_own(
    autojump_clock: MockClock,
    open_house: Any,
    script: Any,
    settings: Any,
    noise: Noise,
    asked: str | None,
    shown: str,
) -> None:
    script(noise(100), title="The source's")
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        await run_broadcaster(settings(house.tracker, asked), views.append)
    assert views[-1].machine.programme.title == shown


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ("Two\nlines", "Two lines"),
        ("Non\xa0breaking\u200b", "Non breaking"),
        ("\x00", "Evening"),
        ("\N{GRINNING FACE}" * 60, "\N{GRINNING FACE}" * 50),
        ("long " * 40, "long " * 11 + "long"),
        ("half \udcff a byte", "half a byte"),
    ],
)
async def test_a_title_that_cannot_be_sent_is_made_one_that_can(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise, own: str, shown: str
) -> None:
    script(noise(100), title=own)
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        await run_broadcaster(settings(house.tracker), views.append)
    assert views[-1].machine.programme.title == shown
    assert views[-1].machine.ticket is not None, "the tracker has understood it"


async def test_one_that_is_asked_to_go_ends_the_programme_so_that_nobody_waits(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(60_000))
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        async with trio.open_nursery() as nursery:

            async def interrupt() -> None:
                await trio.sleep(1)
                await house.listen(views[-1].link)
                await trio.sleep(3)
                signal.raise_signal(signal.SIGINT)

            nursery.start_soon(interrupt)
            await run_broadcaster(settings(house.tracker), views.append)
            await house.has_ended.wait()
    assert len(house.heard) > 20
    assert views[-1].machine.backlog.newest < 100


async def test_one_that_is_asked_twice_goes_at_once(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(60_000))
    async with open_house() as house:
        await house.start_tracker()
        async with trio.open_nursery() as nursery:

            async def interrupt() -> None:
                for _ in range(2):
                    await trio.sleep(1)
                    signal.raise_signal(signal.SIGTERM)

            nursery.start_soon(interrupt)
            start = trio.current_time()
            await run_broadcaster(settings(house.tracker), lambda _: None)
            assert trio.current_time() - start < 3


async def test_a_tracker_that_does_not_answer_is_told_of_with_what_to_do(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(1_000))
    async with open_house() as house:
        start = trio.current_time()
        error = await ending(run_broadcaster(settings(house.tracker), lambda _: None))
        assert trio.current_time() - start == pytest.approx(TRACKER_PATIENCE_S, abs=1)
    assert isinstance(error, UnreachableError)
    assert "no tracker answers at 127.0.0.1:4433; start one with: meshcast-tracker serve" in str(error)


async def test_a_source_that_ended_early_is_broadcast_and_then_told_of(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(1_000), ended_early="Evening.ogg is cut short")
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        error = await ending(run_broadcaster(settings(house.tracker), views.append))
    assert str(error) == "Evening.ogg is cut short"
    assert views[-1].machine.backlog.newest >= 10


async def test_a_source_that_stalls_for_too_long_is_ended_and_told_of(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script([*noise(1_000), *[PAUSED] * 500], patience_s=5)
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        error = await ending(run_broadcaster(settings(house.tracker), views.append))
    assert "has sent nothing for 5 s" in str(error)
    assert max(one.source.stalled_for_s for one in views) >= 4.5


async def test_one_that_is_superseded_gives_way(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(60_000))
    async with open_house() as house:
        await house.start_tracker()
        chosen = settings(house.tracker)
        async with trio.open_nursery() as nursery:

            async def take_over() -> None:
                await trio.sleep(2)
                await house.broadcast(keep_identity(chosen.key), generation=2**32 - 1)

            nursery.start_soon(take_over)
            error = await ending(run_broadcaster(chosen, lambda _: None))
    assert isinstance(error, BadInputError)
    assert "another broadcaster has taken this broadcast over with the same key" in str(error)


class Jingle:
    """A standby programme."""

    async def take(self) -> Block:
        return next(self._blocks)

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks


@pytest.fixture
def jingle(monkeypatch: pytest.MonkeyPatch, noise: Noise) -> None:
    """Have something to play while the host is away, whatever file is named."""

    @asynccontextmanager
    async def open_loop(spec: str) -> AsyncIterator[Jingle]:
        assert spec == "jingle.ogg"
        yield Jingle(noise(600_000))

    monkeypatch.setattr("meshcast.broadcaster.engine.open_loop", open_loop)


@pytest.mark.usefixtures("jingle")
async def test_while_the_host_is_away_listeners_hear_the_standby_programme_marked_as_such(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script([*noise(4_000), *[PAUSED] * 250, *noise(4_000)])
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                await trio.sleep(1)
                await house.listen(views[-1].link)
                await trio.sleep(19)
                signal.raise_signal(signal.SIGUSR1)
                await trio.sleep(3)
                signal.raise_signal(signal.SIGINT)

            nursery.start_soon(listen)
            await run_broadcaster(settings(house.tracker, while_away="jingle.ogg"), views.append)
            await house.has_ended.wait()
    flags = [(one.chunk.sequence, one.chunk.flags) for one in house.heard]
    standby = [number for number, flag in flags if flag & Flag.STANDBY]
    paused = [number for number, flag in flags if flag & Flag.PAUSED]
    assert [number for number, _ in flags] == list(range(flags[0][0], flags[-1][0] + 1)), "without a gap"
    assert paused == list(range(41, 41 + len(paused))), "before it counts as away it is silent"
    assert len(paused) == pytest.approx(20, abs=1)
    first = standby[: standby.index(90)]
    assert first == list(range(41 + len(paused), 90)), "and back with the first chunk of its own"
    assert standby[len(first) + 1] > 129, "it has ended"
    assert any(one.is_away for one in views)


@pytest.mark.usefixtures("jingle")
async def test_a_signal_sends_the_host_away_and_brings_it_back(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(60_000))
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        async with trio.open_nursery() as nursery:

            async def turn() -> None:
                await trio.sleep(1)
                await house.listen(views[-1].link)
                for _ in range(2):
                    await trio.sleep(3)
                    signal.raise_signal(signal.SIGUSR1)
                await trio.sleep(3)
                signal.raise_signal(signal.SIGINT)

            nursery.start_soon(turn)
            await run_broadcaster(settings(house.tracker, while_away="jingle.ogg"), views.append)
            await house.has_ended.wait()
    marks = [bool(one.chunk.flags & Flag.STANDBY) for one in house.heard]
    assert 28 <= sum(marks) <= 32
    assert not marks[0]
    assert not marks[-1]


async def test_a_spare_whose_source_fails_leaves_and_the_programme_goes_on(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script([*noise(4_000), *[PAUSED] * 500], patience_s=5, is_live=True)
    async with open_house() as house:
        await house.start_tracker()
        chosen = settings(house.tracker, is_spare=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.broadcast, keep_identity(chosen.key), 1)
            await trio.sleep(1)
            error = await ending(run_broadcaster(chosen, lambda _: None))
    assert "has sent nothing for 5 s" in str(error)


async def test_one_that_is_to_be_a_spare_goes_on_the_air_when_nobody_is(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(3_000))
    views: list[View] = []
    async with open_house() as house:
        await house.start_tracker()
        await run_broadcaster(settings(house.tracker, is_spare=True), views.append)
    assert views[-1].machine.post is Post.ON_AIR
    assert views[-1].machine.backlog.newest == 50, "all of it, and the end"


async def test_a_spare_without_a_tracker_is_told_of_it(
    autojump_clock: MockClock, open_house: Any, script: Any, settings: Any, noise: Noise
) -> None:
    script(noise(1_000))
    async with open_house() as house:
        error = await ending(run_broadcaster(settings(house.tracker, is_spare=True), lambda _: None))
    assert "no tracker answers" in str(error)
