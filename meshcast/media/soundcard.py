"""Sound cards, through sounddevice and PortAudio.

sounddevice is imported when a device is opened and not before: without the PortAudio library its import fails, and
everything but the speaker and the microphone has to work on such a machine.
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Final, Protocol, TypeAlias

import numpy as np

from meshcast.media.sound import CHANNELS, SAMPLE_RATE_HZ, PcmFloat
from meshcast.protocol.errors import BadInputError

LATENCY_S: Final = 0.2
"""Asked of the device; with 80 ms two busy cores under-ran, with 200 ms they did not (measured)."""

Fill: TypeAlias = Callable[[PcmFloat], None]
"""Called by the device's thread with [n, 2] to fill, at once and without waiting."""
Take: TypeAlias = Callable[[PcmFloat], None]
"""Called by the device's thread with [n, 2] to copy, at once and without waiting."""


class Device(Protocol):
    """Something that calls its `Fill` or `Take` from when it was opened until it is closed."""

    def close(self) -> None:
        """Stop calling, and let the device go."""


def open_output(fill: Fill) -> Device:
    """Start the standard output; `BadInputError` says in one line what to do where there is none."""

    def callback(out: PcmFloat, _samples: int, _time: object, _status: object) -> None:
        fill(out)

    return _start("output", "listen into a file instead: --output listen.wav", CHANNELS, callback)


def open_input(take: Take) -> Device:
    """Start the standard input; `BadInputError` says in one line what to do where there is none."""
    advice = "broadcast a file or a URL instead"

    def callback(heard: PcmFloat, _samples: int, _time: object, _status: object) -> None:
        take(np.repeat(heard, CHANNELS, axis=1) if heard.shape[1] == 1 else heard)

    try:
        return _start("input", advice, CHANNELS, callback)
    except BadInputError:  # most microphones have one channel, and some drivers insist on it
        return _start("input", advice, 1, callback)


def _start(direction: str, advice: str, channels: int, callback: Callable[..., None]) -> Device:
    """Open and start a stream in one direction."""
    sounddevice = _sounddevice(direction, advice)
    stream_class = sounddevice.OutputStream if direction == "output" else sounddevice.InputStream
    try:
        stream = stream_class(
            samplerate=SAMPLE_RATE_HZ,
            channels=channels,
            dtype="float32",
            latency=LATENCY_S,
            callback=callback,
        )
        stream.start()
    except (sounddevice.PortAudioError, ValueError, OSError) as error:
        raise _no_device(direction, str(error), advice) from error
    device: Device = stream
    return device


def _sounddevice(direction: str, advice: str) -> ModuleType:
    """Import sounddevice, which finds PortAudio or not."""
    try:
        return importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:
        reason = "PortAudio is not installed; its package is called libportaudio2 on Debian"
        raise _no_device(direction, reason, advice) from error


def _no_device(direction: str, reason: str, advice: str) -> BadInputError:
    """Say in one line that there is no device, why, and what to do."""
    return BadInputError(f"no sound {direction} here ({' '.join(reason.split())}); {advice}")
