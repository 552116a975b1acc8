from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from meshcast.media.sound import SAMPLE_RATE_HZ, PcmInt

MakeSound: TypeAlias = Callable[..., Path]


def coloured_noise(
    seconds: float, rate_hz: int, channels: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    chance = np.random.default_rng(7)
    raw = chance.standard_normal((channels, round(seconds * rate_hz)))
    smooth = [np.convolve(channel, np.hanning(22) / 11, "same") for channel in raw]
    return (0.15 * np.array(smooth)).astype(np.float32)


@pytest.fixture
def noise() -> PcmInt:
    """Four seconds that are nowhere like themselves, [n, 2]."""
    return np.rint(coloured_noise(4.0, SAMPLE_RATE_HZ, 2).T * 32_767).astype(np.int16)


@pytest.fixture
def make_sound(tmp_path: Path) -> MakeSound:
    """Write a sound file of noise and give its path."""

    def make(
        name: str,
        codec: str,
        rate_hz: int = 48_000,
        layout: str = "stereo",
        seconds: float = 4.0,
        title: str | None = None,
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=options or {}) as container:
            if title is not None:
                container.metadata["title"] = title
            stream = container.add_stream(codec, rate=rate_hz)
            assert isinstance(stream, AudioStream)
            stream.layout = layout
            pcm = coloured_noise(seconds, rate_hz, stream.layout.nb_channels)
            for start in range(0, pcm.shape[1], 1024):
                piece = np.ascontiguousarray(pcm[:, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
                frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
