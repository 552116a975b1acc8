"""What all sound inside is: 48 kHz, stereo, in blocks of 20 ms.

Everything that comes in is brought into this one shape at the door (`decoding`, `microphone`), and everything that goes
out leaves in it, so that nothing between ever asks for a rate or a channel count. Whole numbers (`PcmInt`) are what
sources and recordings speak; decoded sound is floating (`PcmFloat`), because concealment and drift correction are.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ: Final = 48_000
CHANNELS: Final = 2
BLOCK_SAMPLES: Final = 960
"""20 ms: the longest frame that Opus's low-delay layer codes in one piece (RFC 6716, 2.1.4)."""
BLOCKS_PER_SECOND: Final = SAMPLE_RATE_HZ // BLOCK_SAMPLES
BLOCK_S: Final = BLOCK_SAMPLES / SAMPLE_RATE_HZ
BLOCK_US: Final = 1_000_000 * BLOCK_SAMPLES // SAMPLE_RATE_HZ

PcmInt: TypeAlias = npt.NDArray[np.int16]
"""Samples by channels, [n, 2]."""
PcmFloat: TypeAlias = npt.NDArray[np.float32]
"""Samples by channels, [n, 2]; full scale is -1 to 1."""

_FULL_SCALE: Final = 32_767.0

assert BLOCKS_PER_SECOND * BLOCK_SAMPLES == SAMPLE_RATE_HZ


def to_int(pcm: PcmFloat) -> PcmInt:
    """Round to 16 bits; what is louder than full scale is cut off there, what is no number is silence."""
    bounded = np.clip(np.nan_to_num(pcm), -1.0, 1.0)
    return np.asarray(np.rint(bounded * _FULL_SCALE), np.int16)


def to_float(pcm: PcmInt) -> PcmFloat:
    """Scale 16 bits to -1 to 1."""
    return np.asarray(pcm, np.float32) / np.float32(_FULL_SCALE)


def silence(samples: int) -> PcmFloat:
    """Make `samples` of nothing, [n, 2]."""
    return np.zeros((samples, CHANNELS), np.float32)
