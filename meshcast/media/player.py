"""Turn what playout decided into sound: packets, holes to conceal, pauses.

Playout knows when; the player knows how. It is synchronous and as fast as decoding: the pace comes from whoever calls.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from meshcast.media.opus import Decoder
from meshcast.media.sinks import Sink
from meshcast.media.sound import BLOCK_US, SAMPLE_RATE_HZ, PcmFloat, silence
from meshcast.media.splice import resized
from meshcast.protocol.units import SECOND, Micros


class Player:
    """Writes to one sink, in order, without a gap: `position_us` counts everything it wrote."""

    __slots__ = (
        "_decoder",
        "_sink",
        "bad_packets",
        "concealed_us",
        "played_blocks",
        "position_us",
        "silence_us",
    )

    def __init__(self, sink: Sink) -> None:
        self._decoder: Final = Decoder()
        self._sink: Final = sink
        self.position_us: Micros = 0
        self.played_blocks = 0
        self.bad_packets = 0
        self.concealed_us: Micros = 0
        self.silence_us: Micros = 0

    def play(self, packets: Sequence[bytes], longer_us: Micros = 0) -> None:
        """Decode packets of 20 ms and write them; a bad one is concealed, and counted twice: as bad and as concealed.

        They sound `longer_us` longer, or shorter, than they are.
        """
        blocks = [self._decode(packet) for packet in packets]
        if longer_us:
            blocks = [resized(np.concatenate(blocks), _samples(longer_us))]
        for block in blocks:
            self._sink.write(block)
            self.position_us += len(block) * SECOND // SAMPLE_RATE_HZ

    def _decode(self, packet: bytes) -> PcmFloat:
        """Decode a packet, and count it."""
        concealed_before = self._decoder.concealed_blocks
        block = self._decoder.decode(packet)
        if self._decoder.concealed_blocks == concealed_before:
            self.played_blocks += 1
        else:
            self.bad_packets += 1
            self.concealed_us += BLOCK_US
        return block

    def conceal(self, duration_us: Micros) -> None:
        """Bridge a hole; what is invented fades out within 300 ms."""
        left = _samples(duration_us)
        while left > 0:
            block = self._decoder.conceal()[:left]
            self._sink.write(block)
            left -= len(block)
        self.concealed_us += duration_us
        self.position_us += duration_us

    def silence(self, duration_us: Micros) -> None:
        """Write the silence of a paused source."""
        self._sink.write(silence(_samples(duration_us)))
        self.silence_us += duration_us
        self.position_us += duration_us


def _samples(duration_us: Micros) -> int:
    """Count the samples in a duration."""
    return duration_us * SAMPLE_RATE_HZ // SECOND
