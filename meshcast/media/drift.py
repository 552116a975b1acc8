"""No two clocks agree: keep a sound card's buffer from running dry or over.

A card's quartz is off by up to some 100 ppm; at 100 ppm a buffer of 200 ms runs dry in half an hour. So the sound is
resampled by a hair, and how much follows the buffer's level: a proportional and integral controller on its smoothed
distance from the target. The proportional part answers in about 50 s, the integral learns the quartz within some
minutes and then holds the level on target; a quartz 300 ppm off moves the level by 11 ms at most. The correction is bounded to 0.4 % (7 cents), far below what anyone hears,
and moves by steps that nobody could.

Only what is far off (a device that took a second to start, a laptop that slept) is cut instead: see `Speaker`.
"""

from typing import Final

import numpy as np
import soxr

from meshcast.media.sound import BLOCK_S, BLOCK_SAMPLES, CHANNELS, SAMPLE_RATE_HZ, PcmFloat

CORRECTION_MAX: Final = 0.004
QUARTZ_MAX: Final = 0.002
"""Bound of the learnt part: no sound card is off by 2,000 ppm."""

SMOOTHING: Final = 0.02
"""Share of each new level in the mean: about one second of blocks, longer than a card's irregular callbacks."""
PROPORTIONAL: Final = 0.02
"""Correction per second of distance: 100 ms off is corrected at 2,000 ppm, so the distance shrinks with tau = 50 s."""
INTEGRAL: Final = 0.0001
"""Correction per second of distance and second of time."""

assert QUARTZ_MAX < CORRECTION_MAX
assert INTEGRAL <= PROPORTIONAL**2 / 4, "critically damped: beyond this the level would swing"


class LevelController:
    """Say by how much to hurry or dawdle, told the level once a block."""

    __slots__ = ("_mean", "_quartz", "target_samples")

    def __init__(self, target_samples: int) -> None:
        self.target_samples: Final = target_samples
        self._mean = float(target_samples)
        self._quartz = 0.0

    def ratio(self, level_samples: float) -> float:
        """Take the level; give samples in per sample out: above 1 shortens the sound and lowers the level."""
        self._mean += SMOOTHING * (level_samples - self._mean)
        distance_s = (self._mean - self.target_samples) / SAMPLE_RATE_HZ
        self._quartz = _bounded(self._quartz + INTEGRAL * BLOCK_S * distance_s, QUARTZ_MAX)
        return 1.0 + _bounded(self._quartz + PROPORTIONAL * distance_s, CORRECTION_MAX)

    def forget_level(self) -> None:
        """Start from the target again after a cut; what was learnt of the quartz stays."""
        self._mean = float(self.target_samples)


class Stretch:
    """Resample by a ratio close to 1 that may change at every block (soxr, variable rate; SNR 112 dB measured)."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: Final = soxr.ResampleStream(
            1.0 + 10 * CORRECTION_MAX, 1.0, CHANNELS, dtype="float32", quality="HQ", vr=True
        )

    def __call__(self, pcm: PcmFloat, ratio: float) -> PcmFloat:
        """Take [n, 2], give about n / ratio samples, gliding to the new ratio over half a block."""
        self._stream.set_io_ratio(ratio, 1.0, BLOCK_SAMPLES // 2)
        return np.asarray(self._stream.resample_chunk(pcm), np.float32)


def _bounded(value: float, limit: float) -> float:
    """Keep a value within plus or minus a limit."""
    return max(-limit, min(limit, value))
