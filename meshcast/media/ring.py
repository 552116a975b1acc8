"""A ring of samples between the event loop and a sound card's callback.

The callback runs in a thread of the sound system that must never wait, so there is no lock: one side only writes and
advances `written`, the other only reads and advances `read_count`. Each counter has one writer, and Python's
assignments of an attribute are whole, so either side sees the other's counter as it was or as it is, never between.
"""

from typing import Final

import numpy as np

from meshcast.media.sound import CHANNELS, PcmFloat


class Ring:
    """Room for `samples_max` samples of stereo, one writer and one reader in two threads."""

    __slots__ = ("_read_count", "_samples", "_written", "samples_max")

    def __init__(self, samples_max: int) -> None:
        self.samples_max: Final = samples_max
        self._samples: Final[PcmFloat] = np.zeros((samples_max, CHANNELS), np.float32)
        self._written = 0
        self._read_count = 0

    @property
    def level(self) -> int:
        """Tell how many samples wait to be read."""
        return self._written - self._read_count

    def write(self, pcm: PcmFloat) -> int:
        """Append what fits of [n, 2]; tell how many samples did. The writer's side."""
        count = min(len(pcm), self.samples_max - self.level)
        start = self._written % self.samples_max
        before_end = min(count, self.samples_max - start)
        self._samples[start : start + before_end] = pcm[:before_end]
        self._samples[: count - before_end] = pcm[before_end:count]
        self._written += count
        return count

    def read_into(self, out: PcmFloat) -> int:
        """Fill `out` [n, 2], with silence where nothing waits; tell how many samples were real. The reader's side."""
        count = min(len(out), self.level)
        start = self._read_count % self.samples_max
        before_end = min(count, self.samples_max - start)
        out[:before_end] = self._samples[start : start + before_end]
        out[before_end:count] = self._samples[: count - before_end]
        out[count:] = 0
        self._read_count += count
        return count

    def drop(self, samples: int) -> None:
        """Forget the oldest samples. The reader's side."""
        self._read_count += min(samples, self.level)
