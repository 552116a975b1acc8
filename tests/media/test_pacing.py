import numpy as np
import pytest
import trio
import trio.testing

from meshcast.media.pacing import PAUSED, Block, ScriptedSource
from meshcast.media.sound import BLOCK_SAMPLES
from meshcast.protocol.errors import UnreachableError


def block(number: int) -> Block:
    return np.full((BLOCK_SAMPLES, 2), number, np.int16)


async def test_slot_n_comes_at_n_times_20_ms_and_never_drifts(autojump_clock: trio.testing.MockClock) -> None:
    began, number = trio.current_time(), 0
    async for _ in ScriptedSource([block(0)] * 5_000):
        assert trio.current_time() - began == pytest.approx(number * 0.02, abs=1e-6)
        number += 1
    assert number == 5_000


async def test_a_listener_who_was_late_catches_up_and_is_on_time_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    times = []
    async for _ in ScriptedSource([block(0)] * 50):
        times.append(trio.current_time())
        if len(times) == 10:
            await trio.sleep(0.3)
    assert times[11] == times[20]
    assert times[-1] - times[0] == pytest.approx(49 * 0.02)


async def test_a_pause_of_ten_seconds_is_500_slots_and_the_sound_goes_on_where_it_stopped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    source = ScriptedSource([block(1), block(2), *[PAUSED] * 500, block(3)], is_live=True)
    heard: list[int] = []
    longest_s = 0.0
    began = trio.current_time()
    async for item in source:
        longest_s = max(longest_s, source.stalled_for_s)
        if item is not PAUSED:
            assert source.stalled_for_s == 0
            heard.append(int(item[0, 0]))
    assert heard == [1, 2, 3]
    assert longest_s == pytest.approx(10.0)
    assert trio.current_time() - began == pytest.approx(503 * 0.02)


async def test_who_pauses_for_longer_than_our_patience_is_unreachable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    source = ScriptedSource([block(1), *[PAUSED] * 5_000], patience_s=60.0)
    began = trio.current_time()

    async def listen() -> None:
        async for _ in source:
            pass

    with pytest.raises(UnreachableError, match="has sent nothing for 60 s; check what feeds it") as caught:
        await listen()
    assert "\n" not in str(caught.value)
    assert trio.current_time() - began == pytest.approx(60.0, abs=0.05)


async def test_pauses_shorter_than_our_patience_never_add_up(autojump_clock: trio.testing.MockClock) -> None:
    blocks: list[Block] = [block(1), *[PAUSED] * 50] * 20
    assert len([item async for item in ScriptedSource(blocks, patience_s=1.0)]) == len(blocks)


@pytest.mark.parametrize("late_s", [0.0, 0.05, 3.0, 3.03])
async def test_who_falls_in_is_where_somebody_is_who_began_then_and_begins_a_group(
    autojump_clock: trio.testing.MockClock, late_s: float
) -> None:
    source = ScriptedSource([block(number) for number in range(500)])
    began = trio.current_time() - late_s
    await source.catch_up(began, group=5)
    heard: list[int] = []
    async for one in source:
        assert one is not PAUSED
        number = int(one[0, 0])
        heard.append(number)
        if len(heard) > 10:
            assert trio.current_time() == pytest.approx(began + number * 0.02, abs=1e-6)
    assert heard == list(range(heard[0], 500))
    assert heard[0] % 5 == 0
    assert late_s / 0.02 - 5 <= heard[0] <= late_s / 0.02 + 1e-6


async def test_who_falls_in_waits_for_what_is_not_there_yet_and_ends_with_what_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    source = ScriptedSource([*[PAUSED] * 3, *[block(number) for number in range(20)]])
    await source.catch_up(trio.current_time() - 0.2, group=5)
    heard = [int(one[0, 0]) async for one in source if one is not PAUSED]
    assert heard == list(range(heard[0], 20))
    assert heard[0] % 5 == 0
    over = ScriptedSource([block(0)] * 5)
    await over.catch_up(trio.current_time() - 60, group=5)
    assert [one async for one in over] == []
