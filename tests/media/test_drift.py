import numpy as np
import pytest

from meshcast.media.drift import CORRECTION_MAX, LevelController, Stretch
from meshcast.media.sound import BLOCK_SAMPLES, PcmFloat


def tone(samples: int) -> PcmFloat:
    wave = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(samples) / 48_000)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def test_on_target_nothing_is_corrected() -> None:
    controller = LevelController(5_000)
    assert {controller.ratio(5_000) for _ in range(100)} == {1.0}


def test_too_full_hurries_and_too_empty_dawdles_but_never_beyond_the_bound() -> None:
    full, empty = LevelController(5_000), LevelController(5_000)
    for _ in range(2_000):
        assert 1.0 < full.ratio(100_000) <= 1 + CORRECTION_MAX
        assert 1.0 > empty.ratio(0) >= 1 - CORRECTION_MAX


@pytest.mark.parametrize("skew_ppm", [-300, -20, 100, 300])
def test_in_an_hour_a_wrong_quartz_is_learnt_and_the_level_comes_back_to_its_target(skew_ppm: int) -> None:
    controller, level = LevelController(5_760), 5_760.0
    levels = []
    for _ in range(3_600 * 50):
        level += BLOCK_SAMPLES / controller.ratio(level) - BLOCK_SAMPLES * (1 + skew_ppm * 1e-6)
        levels.append(level)
    assert np.abs(np.array(levels) - 5_760).max() < 0.012 * 48_000
    assert levels[-1] == pytest.approx(5_760, abs=5)


def test_after_a_cut_the_level_is_forgotten_but_not_the_quartz() -> None:
    controller = LevelController(5_000)
    for _ in range(5_000):
        ratio = controller.ratio(6_000)
    controller.forget_level()
    assert 1.0 < controller.ratio(5_000) < ratio


@pytest.mark.parametrize("ratio", [1 - CORRECTION_MAX, 1.0, 1.0003, 1 + CORRECTION_MAX])
def test_stretching_gives_the_length_that_the_ratio_says(ratio: float) -> None:
    stretch = Stretch()
    out = [stretch(block, ratio) for block in tone(500 * BLOCK_SAMPLES).reshape(-1, BLOCK_SAMPLES, 2)]
    assert sum(map(len, out)) == pytest.approx(500 * BLOCK_SAMPLES / ratio, abs=1_500)
    assert sum(map(len, out[100:])) == pytest.approx(400 * BLOCK_SAMPLES / ratio, abs=5)


def test_a_change_of_the_ratio_is_not_heard() -> None:
    stretch = Stretch()
    blocks = tone(400 * BLOCK_SAMPLES).reshape(-1, BLOCK_SAMPLES, 2)
    out = np.concatenate(
        [stretch(block, 1 + 0.001 * (number // 20 % 2)) for number, block in enumerate(blocks)]
    )
    steady = out[5 * BLOCK_SAMPLES : -5 * BLOCK_SAMPLES, 0]
    power = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
    hz = np.fft.rfftfreq(len(steady), 1 / 48_000)
    assert power[abs(hz - 1_000) > 50].sum() < 1e-7 * power.sum()
