"""Packs 20 ms blocks into chunks: encoded sound, silence where a paused source had none, or a pause as a whole."""

from typing import Final

from meshcast.media.opus import Encoder
from meshcast.media.pacing import PAUSED, Block
from meshcast.media.sound import BLOCK_SAMPLES, silence
from meshcast.protocol.events import Captured
from meshcast.protocol.limits import OPUS_FRAME_US
from meshcast.protocol.units import MILLISECOND, Micros

BITRATE_BPS_MIN: Final = 6_000
BITRATE_BPS_MAX: Final = 160_000
"""Its chunks are the shortest there are; above this they would soon not fit a datagram either."""
CHUNK_US_BY_BITRATE: Final = (
    (64_000, 100 * MILLISECOND),
    (96_000, 60 * MILLISECOND),
    (128_000, 40 * MILLISECOND),
    (160_000, 20 * MILLISECOND),
)
"""The longest chunk that fits a datagram of 1,100 bytes, header and signature included. Measured with the shipped
programme: at most 1,072, 1,066, 1,063 and 837 bytes; at 160 kbit/s and 40 ms one chunk in forty overflows."""


def chunk_us_for(bitrate_bps: int) -> Micros:
    """Say how long chunks are at a bitrate that can be sent."""
    return next(chunk_us for most, chunk_us in CHUNK_US_BY_BITRATE if bitrate_bps <= most)


class Packer:
    """Collects the blocks of one chunk."""

    def __init__(self, bitrate_bps: int) -> None:
        self.chunk_us = chunk_us_for(bitrate_bps)
        self._encoder = Encoder(bitrate_bps)
        self._packets: list[bytes] = []
        self._paused = 0
        self._blocks = 0
        self._is_standby = False

    def add(self, block: Block, *, is_standby: bool = False) -> Captured | None:
        """Take a block, of the standby programme or not; give the chunk that it completes, if it does."""
        self._blocks += 1
        self._is_standby = is_standby
        self._paused += block is PAUSED
        self._packets.append(self._encoder.encode(silence(BLOCK_SAMPLES) if block is PAUSED else block))
        if self._blocks * OPUS_FRAME_US < self.chunk_us:
            return None
        return self._pack()

    def rest(self) -> Captured | None:
        """Give what is left when the source has ended, filled up with silence."""
        if not self._blocks:
            return None
        while self._blocks * OPUS_FRAME_US < self.chunk_us:
            self._packets.append(self._encoder.encode(silence(BLOCK_SAMPLES)))
            self._blocks += 1
        return self._pack()

    def _pack(self) -> Captured:
        """Make the chunk."""
        is_paused = self._paused == self._blocks
        packets, self._packets = self._packets, []
        self._paused = self._blocks = 0
        return Captured(() if is_paused else tuple(packets), self.chunk_us, is_paused, self._is_standby)
