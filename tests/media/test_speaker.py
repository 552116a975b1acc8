"""The speaker against a device that exists in virtual time alone; the device's clock is off."""

from collections.abc import Callable

import numpy as np
import pytest

from meshcast.media.sound import BLOCK_SAMPLES, PcmFloat
from meshcast.media.soundcard import Device, Fill
from meshcast.media.speaker import EXCESS_SAMPLES_MAX, RING_SAMPLES, TARGET_SAMPLES, Speaker


class FakeDevice:
    """Reads 10 ms at a time, by a clock of its own that starts late."""

    def __init__(self, fill: Fill, skew_ppm: float = 0.0, starts_at_s: float = 0.0) -> None:
        self.fill = fill
        self.period_s = 0.01 / (1 + skew_ppm * 1e-6)
        self.next_s = starts_at_s
        self.heard: list[PcmFloat] = []
        self.is_closed = False

    def run_until(self, now_s: float) -> None:
        while self.next_s <= now_s:
            out = np.full((480, 2), 9.0, np.float32)
            self.fill(out)
            self.heard.append(out)
            self.next_s += self.period_s

    def close(self) -> None:
        self.is_closed = True


def opener(devices: list[FakeDevice], skew_ppm: float, starts_at_s: float = 0.0) -> Callable[[Fill], Device]:
    def open_device(fill: Fill) -> Device:
        devices.append(FakeDevice(fill, skew_ppm, starts_at_s))
        return devices[-1]

    return open_device


def play(speaker: Speaker, device: FakeDevice, blocks: range) -> list[int]:
    """Write a block every 20 ms of the world's time; tell the levels."""
    levels = []
    for number in blocks:
        n = np.arange(number * BLOCK_SAMPLES, (number + 1) * BLOCK_SAMPLES)
        wave = 0.5 * np.sin(2 * np.pi * 440 * n / 48_000)
        speaker.write(np.repeat(wave[:, None], 2, axis=1).astype(np.float32))
        device.run_until(number * 0.02)
        levels.append(speaker.level_samples)
    return levels


@pytest.mark.parametrize("skew_ppm", [-300, 300])
def test_whatever_the_cards_quartz_the_level_stays_near_its_target_and_nothing_is_missing(
    skew_ppm: float,
) -> None:
    devices: list[FakeDevice] = []
    with Speaker(opener(devices, skew_ppm)) as speaker:
        levels = play(speaker, devices[0], range(150 * 50))
        assert speaker.feed.underrun_samples == 0
        settled = np.array(levels[50:])
        assert np.abs(settled - TARGET_SAMPLES).max() < 0.03 * 48_000
    assert devices[0].is_closed


def test_what_is_heard_is_the_tone_that_was_written_without_a_click() -> None:
    devices: list[FakeDevice] = []
    speaker = Speaker(opener(devices, 300))
    play(speaker, devices[0], range(30 * 50))
    heard = np.concatenate(devices[0].heard)[2 * 48_000 : -48_000, 0]
    assert float(np.abs(heard).max()) == pytest.approx(0.5, abs=0.01)
    assert float(np.abs(np.diff(heard, 2)).max()) < 0.5 * (2 * np.pi * 440 / 48_000) ** 2 * 1.1


def test_before_the_ring_is_filled_the_device_plays_silence_and_counts_no_underrun() -> None:
    devices: list[FakeDevice] = []
    speaker = Speaker(opener(devices, 0))
    play(speaker, devices[0], range(3))
    assert not np.concatenate(devices[0].heard).any()
    assert speaker.feed.underrun_samples == 0


def test_a_device_that_starts_late_finds_no_backlog() -> None:
    devices: list[FakeDevice] = []
    speaker = Speaker(opener(devices, 0, starts_at_s=1.5))
    assert max(play(speaker, devices[0], range(70))) > TARGET_SAMPLES + EXCESS_SAMPLES_MAX
    assert abs(play(speaker, devices[0], range(70, 120))[-1] - TARGET_SAMPLES) < 2 * BLOCK_SAMPLES


def test_a_device_that_stops_reading_holds_nobody_up_and_is_caught_up_with_by_one_cut() -> None:
    devices: list[FakeDevice] = []
    speaker = Speaker(opener(devices, 0))
    play(speaker, devices[0], range(100))
    devices[0].next_s += 8.0
    assert max(play(speaker, devices[0], range(100, 450))) == RING_SAMPLES
    assert abs(play(speaker, devices[0], range(450, 600))[-1] - TARGET_SAMPLES) < 2 * BLOCK_SAMPLES


def test_a_programme_that_stops_is_silence_and_counted() -> None:
    devices: list[FakeDevice] = []
    speaker = Speaker(opener(devices, 0))
    play(speaker, devices[0], range(100))
    devices[0].run_until(4.0)
    assert not devices[0].heard[-1].any()
    assert speaker.feed.underrun_samples > 48_000
