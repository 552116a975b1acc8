"""The microphone: the sound card writes a ring, slots of trio's clock take from it.

Two clocks again, so the same drift correction as for the speaker, the other way round: the ring's level says how much
faster or slower the card is than the world, and a slot takes a hair more or less sound than 20 ms.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import numpy as np
import trio

from meshcast.media.drift import LevelController, Stretch
from meshcast.media.pacing import PAUSED, Block, Source
from meshcast.media.ring import Ring
from meshcast.media.sound import BLOCK_SAMPLES, CHANNELS, SAMPLE_RATE_HZ, PcmFloat, silence, to_int
from meshcast.media.soundcard import Device, Take, open_input

TARGET_SAMPLES: Final = SAMPLE_RATE_HZ * 150 // 1000
"""What the ring holds: a card that was asked for 200 ms of latency hands over up to 100 ms at once."""
START_S_MAX: Final = 3.0
EXCESS_SAMPLES_MAX: Final = SAMPLE_RATE_HZ * 300 // 1000
RING_SAMPLES: Final = 2 * SAMPLE_RATE_HZ

assert TARGET_SAMPLES + EXCESS_SAMPLES_MAX < RING_SAMPLES


class MicrophoneSupply:
    """What the card heard, corrected for its drift; what is late is a pause."""

    ended_early: Final = None

    def __init__(self, open_device: Callable[[Take], Device] = open_input) -> None:
        """Start to listen; `BadInputError` if there is no microphone."""
        self.ring: Final = Ring(RING_SAMPLES)
        self._controller: Final = LevelController(TARGET_SAMPLES)
        self._stretch: Final = Stretch()
        self._ready: PcmFloat = silence(0)
        self._enough: Final = trio.Event()
        self._token: Final = trio.lowlevel.current_trio_token()
        self._is_announced = False
        self._device: Final = open_device(self._hear)

    def _hear(self, pcm: PcmFloat) -> None:
        """Keep what the card heard; belongs to its thread. What nobody fetches is lost."""
        self.ring.write(pcm)
        if not self._is_announced and self.ring.level >= TARGET_SAMPLES:
            self._is_announced = True
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._enough.set)

    async def ready(self) -> None:
        """Wait until the card has delivered enough to go on with, or is silent for longer than cards take to start."""
        with trio.move_on_after(START_S_MAX):
            await self._enough.wait()

    async def take(self) -> Block | None:
        """Give 20 ms of what was heard."""
        await trio.lowlevel.checkpoint()
        level = self.ring.level
        if level > TARGET_SAMPLES + EXCESS_SAMPLES_MAX:  # somebody slept: do not be late for good
            self.ring.drop(level - TARGET_SAMPLES)
            self._controller.forget_level()
            level = TARGET_SAMPLES
        ratio = self._controller.ratio(level + len(self._ready))
        while len(self._ready) < BLOCK_SAMPLES:
            if self.ring.level < BLOCK_SAMPLES:
                return PAUSED
            heard = np.empty((BLOCK_SAMPLES, CHANNELS), np.float32)
            self.ring.read_into(heard)
            self._ready = np.concatenate([self._ready, self._stretch(heard, ratio)])
        block, self._ready = self._ready[:BLOCK_SAMPLES], self._ready[BLOCK_SAMPLES:]
        return to_int(block)

    def close(self) -> None:
        """Let the card go."""
        self._device.close()


@contextmanager
def open_microphone(
    patience_s: float, open_device: Callable[[Take], Device] = open_input
) -> Iterator[Source]:
    """Listen to the standard microphone; `BadInputError` says in one line what to do where there is none."""
    supply = MicrophoneSupply(open_device)
    try:
        yield Source(supply, name="the microphone", is_live=True, patience_s=patience_s)
    finally:
        supply.close()
