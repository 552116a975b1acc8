"""Sound made a little shorter or longer: by exactly so much, and without a click."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.media.sound import SAMPLE_RATE_HZ, PcmFloat
from meshcast.media.splice import FADE_SAMPLES, resized

STEP = 480


def tone(hz: float, samples: int = 4_800, loudness: float = 0.5) -> PcmFloat:
    wave = loudness * np.sin(2 * np.pi * hz * np.arange(samples) / SAMPLE_RATE_HZ)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def steepest(pcm: PcmFloat) -> float:
    """Give the greatest step from one sample to the next: a click is one that the sound itself does not make."""
    return float(np.abs(np.diff(pcm, axis=0)).max())


@pytest.mark.parametrize("more", [-960, -STEP, STEP, 960])
@pytest.mark.parametrize("hz", [60.0, 100.0, 333.0, 440.0, 1_234.5, 5_000.0])
def test_a_tone_goes_on_as_a_tone(hz: float, more: int) -> None:
    before = tone(hz)
    after = resized(before, more)
    assert len(after) == len(before) + more
    assert steepest(after) <= steepest(before) * 1.5 + 1e-4
    assert np.abs(after).max() <= np.abs(before).max() + 1e-6


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([-STEP, STEP]))
def test_any_sound_becomes_exactly_so_much_longer_or_shorter_and_no_louder(
    seed: int, blocks: int, more: int
) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, (960 * blocks, 2)).astype(np.float32)
    after = resized(sound, more)
    assert len(after) == len(sound) + more
    assert np.abs(after).max() <= np.abs(sound).max() + 1e-6
    assert np.allclose(after[0], sound[0], atol=1e-3), "it begins where the piece before it ended"
    assert np.allclose(after[-1], sound[-1], atol=1e-3)


@pytest.mark.parametrize("more", [-STEP, STEP])
def test_it_is_done_in_the_pause_if_there_is_one(more: int) -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, (4_800, 2)).astype(np.float32)
    sound[1_500:2_600] = 0
    after = resized(sound, more)
    assert np.array_equal(after[:1_500], sound[:1_500])
    assert np.array_equal(after[-2_200:], sound[-2_200:])
    assert not after[1_500 : 2_600 + more].any()


def test_what_is_too_short_stays_as_it_is() -> None:
    short = tone(440, samples=STEP + FADE_SAMPLES - 1)
    assert resized(short, -STEP) is short
    assert resized(short, 0) is short
