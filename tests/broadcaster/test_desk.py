"""Who is heard: the host, or the standby programme while the host is away; it changes between chunks only."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from meshcast.broadcaster.desk import AWAY_AFTER_S, Desk
from meshcast.media.pacing import PAUSED, Block, ScriptedSource
from meshcast.media.sound import BLOCK_S, BLOCK_SAMPLES, PcmInt
from meshcast.protocol.errors import UnreachableError

GROUP = 5
HOST: PcmInt = np.full((BLOCK_SAMPLES, 2), 1, np.int16)
MUSIC: PcmInt = np.full((BLOCK_SAMPLES, 2), 2, np.int16)


class Music:
    """A standby programme."""

    async def take(self) -> Block:
        return MUSIC


async def heard(desk: Desk, count: int) -> list[bool]:
    """Take so many blocks; tell which are of the standby programme, and are marked so."""
    marks = []
    async for block, is_standby in desk:
        assert (block is MUSIC) == is_standby
        marks.append(is_standby)
        if len(marks) == count:
            break
    return marks


def changes(marks: list[bool]) -> list[int]:
    """Say where it changes."""
    return [at for at, (one, other) in enumerate(itertools.pairwise(marks), 1) if one != other]


def hiccup(before: int, paused: int, after: int) -> Iterator[Block]:
    yield from [HOST] * before
    yield from [PAUSED] * paused
    yield from [HOST] * after


async def test_a_host_that_stalls_is_away_after_a_while_and_is_back_with_the_next_chunk(
    autojump_clock: MockClock,
) -> None:
    desk = Desk(ScriptedSource(hiccup(103, 402, 300)), Music(), GROUP)
    marks = await heard(desk, 805)
    assert all(at % GROUP == 0 for at in changes(marks))
    gone, back = changes(marks)
    assert gone == pytest.approx(103 + AWAY_AFTER_S / BLOCK_S, abs=GROUP)
    assert back == 505
    assert not desk.is_away


async def test_a_short_hiccup_is_silence_as_ever(autojump_clock: MockClock) -> None:
    desk = Desk(ScriptedSource(hiccup(50, 90, 50)), Music(), GROUP)
    assert not any(await heard(desk, 190))


async def test_a_host_that_says_so_is_away_and_comes_back(autojump_clock: MockClock) -> None:
    desk = Desk(ScriptedSource([HOST] * 1_000), Music(), GROUP)
    assert not any(await heard(desk, 7))
    desk.turn()
    marks = await heard(desk, 100)
    assert changes(marks) == [3]
    assert desk.is_away
    desk.turn()
    assert changes(await heard(desk, 100)) == [3]


@pytest.mark.parametrize("script", [[HOST] * 50, [*[HOST] * 50, *[PAUSED] * 500]], ids=["ended", "failed"])
async def test_after_the_hosts_end_the_standby_programme_goes_on_at_the_same_pace_until_it_is_back(
    autojump_clock: MockClock, script: list[Any]
) -> None:
    desk = Desk(ScriptedSource(script, patience_s=4), Music(), GROUP)
    began = trio.current_time()
    marks = await heard(desk, 1_000)
    assert trio.current_time() - began == pytest.approx(1_000 * BLOCK_S, abs=2 * BLOCK_S)
    assert desk.gone.is_set()
    assert all(marks[-500:])
    desk.welcome(ScriptedSource([HOST] * 100))
    marks = await heard(desk, 50)
    assert not any(marks[GROUP:])


async def test_without_a_standby_programme_the_end_is_the_end(autojump_clock: MockClock) -> None:
    desk = Desk(ScriptedSource([HOST] * 50), None, GROUP)
    assert await heard(desk, 100) == [False] * 50
    stalled = Desk(ScriptedSource([PAUSED] * 500, patience_s=3), None, GROUP)
    with pytest.raises(UnreachableError):
        await heard(stalled, 500)
