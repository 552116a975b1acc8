"""The microphone, against a card that exists in virtual time alone; the card's clock is off."""

from collections.abc import Callable

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.media.microphone import TARGET_SAMPLES, open_microphone
from meshcast.media.pacing import PAUSED, Block, Source
from meshcast.media.sound import BLOCK_SAMPLES, PcmFloat, to_float
from meshcast.media.soundcard import Device, Take
from meshcast.protocol.errors import BadInputError, UnreachableError


class FakeCard:
    """Hears 440 Hz, 10 ms at a time by a clock of its own."""

    def __init__(self, take: Take, skew_ppm: float) -> None:
        self.take = take
        self.period_s = 0.01 / (1 + skew_ppm * 1e-6)
        self.heard = 0
        self.is_closed = False

    async def run(self) -> None:
        began = trio.current_time()
        while True:
            await trio.sleep_until(began + self.heard * self.period_s)
            self.hear()

    def hear(self) -> None:
        n = np.arange(self.heard * 480, (self.heard + 1) * 480)
        wave = 0.5 * np.sin(2 * np.pi * 440 * n / 48_000)
        self.take(np.repeat(wave[:, None], 2, axis=1).astype(np.float32))
        self.heard += 1

    def close(self) -> None:
        self.is_closed = True


def opener(cards: list[FakeCard], skew_ppm: float = 0.0) -> Callable[[Take], Device]:
    def open_device(take: Take) -> Device:
        cards.append(FakeCard(take, skew_ppm))
        return cards[-1]

    return open_device


async def listen(source: Source, items: list[Block]) -> None:
    """Hear a source to its end, and keep what it gave before an error too."""
    async for item in source:
        items.append(item)  # noqa: PERF401


@pytest.mark.parametrize("skew_ppm", [-300, 300])
async def test_whatever_the_cards_quartz_every_slot_has_sound_without_a_click(
    autojump_clock: trio.testing.MockClock, skew_ppm: float
) -> None:
    cards: list[FakeCard] = []
    heard: list[PcmFloat] = []
    with open_microphone(60.0, opener(cards, skew_ppm)) as source:
        assert source.is_live
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cards[0].run)
            began = trio.current_time()
            async for item in source:
                assert item is not PAUSED
                assert item.shape == (BLOCK_SAMPLES, 2)
                heard.append(to_float(item))
                if len(heard) == 60 * 50:
                    break
            assert trio.current_time() - began == pytest.approx(60 + TARGET_SAMPLES / 48_000, abs=0.1)
            nursery.cancel_scope.cancel()
    pcm = np.concatenate(heard)[9_600:, 0]
    assert float(np.abs(pcm).max()) == pytest.approx(0.5, abs=0.01)
    assert float(np.abs(np.diff(pcm, 2)).max()) < 0.5 * (2 * np.pi * 440 / 48_000) ** 2 * 1.1
    assert cards[0].is_closed


async def test_a_card_that_falls_silent_pauses_and_at_last_is_unreachable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cards: list[FakeCard] = []
    items: list[Block] = []
    with open_microphone(5.0, opener(cards)) as source:
        for _ in range(30):
            cards[0].hear()
        with pytest.raises(UnreachableError, match=r"^the microphone has sent nothing for 5 s"):
            await listen(source, items)
    assert sum(item is PAUSED for item in items) == 250


async def test_a_backlog_is_cut_so_that_nobody_is_late_for_good(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cards: list[FakeCard] = []
    with open_microphone(5.0, opener(cards)) as source:
        for _ in range(190):
            cards[0].hear()
        sound = 0
        async for item in source:
            if item is PAUSED:
                break
            sound += 1
    assert sound * BLOCK_SAMPLES <= TARGET_SAMPLES


def test_a_machine_without_a_microphone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_device(_: Take) -> Device:
        raise BadInputError("no sound input here (none); broadcast a file or a URL instead")

    async def listen() -> None:
        with open_microphone(5.0, open_device):
            pass

    with pytest.raises(BadInputError, match="no sound input here"):
        trio.run(listen)
