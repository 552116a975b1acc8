"""The shelf with real threads, and what is due when it is empty."""

import threading

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.media.pacing import PAUSED
from meshcast.media.shelf import AHEAD_BLOCKS, PREROLL_BLOCKS, FileSupply, LiveSupply, Shelf
from meshcast.media.sound import BLOCK_SAMPLES, PcmInt
from meshcast.protocol.errors import UnreachableError


def block(number: int) -> PcmInt:
    return np.full((BLOCK_SAMPLES, 2), number, np.int16)


def nothing() -> None:
    return None


def put(shelf: Shelf, count: int) -> None:
    for number in range(count):
        shelf.put(block(number))


async def test_the_thread_runs_ahead_by_two_seconds_and_waits_until_half_is_taken() -> None:
    shelf = Shelf()
    thread = threading.Thread(target=put, args=(shelf, 1_000), daemon=True)
    thread.start()
    await shelf.wait_for(AHEAD_BLOCKS)
    for number in range(1_000):
        await shelf.wait_for(1)
        assert shelf.level <= AHEAD_BLOCKS
        taken = shelf.take()
        assert taken is not None
        assert taken[0, 0] == number
    await trio.to_thread.run_sync(thread.join)


async def test_whoever_waits_is_woken_by_the_end_too() -> None:
    shelf = Shelf()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shelf.wait_for, 5)
        await trio.to_thread.run_sync(shelf.end, None)
    assert shelf.take() is None


async def test_what_broke_the_source_comes_after_everything_that_it_gave() -> None:
    shelf = Shelf()
    put(shelf, 2)
    shelf.end(UnreachableError("the server is gone; start it again"))
    assert shelf.take() is not None
    assert shelf.take() is not None
    for _ in range(2):
        with pytest.raises(UnreachableError, match="is gone"):
            shelf.take()


async def test_a_closed_shelf_sends_its_thread_home() -> None:
    shelf = Shelf()
    thread = threading.Thread(target=put, args=(shelf, AHEAD_BLOCKS + 1), daemon=True)
    thread.start()
    await shelf.wait_for(AHEAD_BLOCKS)
    shelf.close()
    await trio.to_thread.run_sync(thread.join)
    assert not shelf.put(block(0))


async def test_a_file_is_waited_for_and_gives_no_pauses(autojump_clock: trio.testing.MockClock) -> None:
    shelf = Shelf()
    supply = FileSupply(shelf, nothing)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _feed() -> None:
            await trio.sleep(0.4)
            shelf.put(block(7))

        item = await supply.take()
    assert item is not PAUSED
    assert item is not None


async def test_a_file_that_hung_for_seconds_gives_the_pauses_that_it_cost_and_then_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shelf = Shelf()
    supply = FileSupply(shelf, nothing)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _feed() -> None:
            await trio.sleep(3.0)
            shelf.put(block(7))

        items = [await supply.take() for _ in range(151)]
    assert items[:150] == [PAUSED] * 150
    assert items[150] is not PAUSED


async def test_a_live_source_that_has_nothing_pauses_at_once_and_resumes_with_some_in_hand() -> None:
    shelf = Shelf()
    supply = LiveSupply(shelf, nothing)
    assert await supply.take() is PAUSED
    put(shelf, PREROLL_BLOCKS - 1)
    assert await supply.take() is PAUSED
    shelf.put(block(99))
    items = [await supply.take() for _ in range(PREROLL_BLOCKS)]
    assert PAUSED not in [item if item is PAUSED else None for item in items]
    assert await supply.take() is PAUSED


async def test_what_a_live_source_gave_last_is_played_however_little_it_is() -> None:
    shelf = Shelf()
    supply = LiveSupply(shelf, nothing)
    assert await supply.take() is PAUSED
    put(shelf, 2)
    shelf.end(None)
    assert await supply.take() is not PAUSED
    assert await supply.take() is not PAUSED
    assert await supply.take() is None


async def test_a_slow_live_source_starts_after_a_second_with_what_is_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shelf = Shelf()
    supply = LiveSupply(shelf, nothing)
    shelf.put(block(1))
    began = trio.current_time()
    await supply.ready()
    assert trio.current_time() - began == pytest.approx(1.0)
    assert await supply.take() is not PAUSED
