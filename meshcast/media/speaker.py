"""The speaker: the sound card reads a ring, and drift correction keeps the ring at its target."""

from collections.abc import Callable
from typing import Final

from meshcast.media.drift import LevelController, Stretch
from meshcast.media.ring import Ring
from meshcast.media.sound import BLOCK_SAMPLES, SAMPLE_RATE_HZ, PcmFloat
from meshcast.media.soundcard import Device, Fill, open_output

TARGET_SAMPLES: Final = SAMPLE_RATE_HZ * 120 // 1000
"""What the ring holds beside the device's own buffer: six blocks, so that a late block is not heard."""
EXCESS_SAMPLES_MAX: Final = SAMPLE_RATE_HZ * 300 // 1000
"""So far above the target resampling would need minutes: cut instead, once."""
RING_SAMPLES: Final = 4 * SAMPLE_RATE_HZ

assert BLOCK_SAMPLES < TARGET_SAMPLES < TARGET_SAMPLES + EXCESS_SAMPLES_MAX < RING_SAMPLES


class Feed:
    """The ring and who reads it: `fill` belongs to the device's thread, everything else to the writer's."""

    __slots__ = ("is_started", "ring", "underrun_samples")

    def __init__(self) -> None:
        self.ring: Final = Ring(RING_SAMPLES)
        self.underrun_samples = 0
        self.is_started = False

    def fill(self, out: PcmFloat) -> None:
        """Play what waits; silence until the ring has once reached its target."""
        level = self.ring.level
        if not self.is_started and level < TARGET_SAMPLES:
            out[:] = 0
            return
        # A device that took long to start, or slept, finds a backlog: drop it, or everything would be late for good.
        if not self.is_started or level > TARGET_SAMPLES + EXCESS_SAMPLES_MAX:
            self.ring.drop(level - TARGET_SAMPLES)
        self.is_started = True
        self.underrun_samples += len(out) - self.ring.read_into(out)


class Speaker:
    """A sink that plays; write it blocks at the pace of the programme."""

    __slots__ = ("_controller", "_device", "_stretch", "feed")

    def __init__(self, open_device: Callable[[Fill], Device] = open_output) -> None:
        """Open the standard device, or whatever `open_device` opens; `BadInputError` if there is none."""
        self.feed: Final = Feed()
        self._controller: Final = LevelController(TARGET_SAMPLES)
        self._stretch: Final = Stretch()
        self._device: Final = open_device(self.feed.fill)

    @property
    def level_samples(self) -> int:
        """Tell how much waits in the ring."""
        return self.feed.ring.level

    def write(self, pcm: PcmFloat) -> None:
        """Hand over [n, 2]; a device that has stopped reading loses sound and holds nobody up."""
        level = self.level_samples
        if not self.feed.is_started or level > TARGET_SAMPLES + EXCESS_SAMPLES_MAX:
            self._controller.forget_level()
            level = TARGET_SAMPLES
        self.feed.ring.write(self._stretch(pcm, self._controller.ratio(level)))

    def close(self) -> None:
        """Stop, and let the device go."""
        self._device.close()

    def __enter__(self) -> "Speaker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
