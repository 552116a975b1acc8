"""Where sound goes: the speaker, a recording, or nowhere."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np

from meshcast.media.sound import PcmFloat, silence
from meshcast.media.speaker import Speaker
from meshcast.media.wav import WavSink
from meshcast.protocol.errors import BadInputError


class Sink(Protocol):
    """Takes sound at the pace of the programme; the event loop calls it, so nothing here may wait for a device."""

    def write(self, pcm: PcmFloat) -> None:
        """Take [n, 2]; `BadInputError` if the sink can take no more."""

    def close(self) -> None:
        """Finish; a second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class NullSink:
    """Counts and forgets."""

    __slots__ = ("samples",)

    def __init__(self) -> None:
        self.samples = 0

    def write(self, pcm: PcmFloat) -> None:
        """Count [n, 2]."""
        self.samples += len(pcm)

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> "NullSink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MemorySink:
    """Keeps everything: for tests, and for comparing what was heard without a file between."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: list[PcmFloat] = []

    @property
    def pcm(self) -> PcmFloat:
        """Give everything written so far, [n, 2]."""
        return np.concatenate([silence(0), *self._blocks])

    def write(self, pcm: PcmFloat) -> None:
        """Keep a copy of [n, 2]."""
        self._blocks.append(pcm.copy())

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> "MemorySink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_sink(spec: str) -> Sink:
    """Open `speaker`, `null`, or the path of a .wav file; `BadInputError` says in one line what is wrong with it."""
    if spec == "speaker":
        return Speaker()
    if spec == "null":
        return NullSink()
    path = Path(spec)
    if path.suffix.lower() != ".wav" and not path.is_char_device():
        raise BadInputError(f"{spec!r} is no output; write speaker, null, or a file that ends in .wav")
    return WavSink(path)
