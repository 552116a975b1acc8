"""What a source says on the stage: packets of the right size and no sound, so that all work is QUIC's and the machines'."""

from typing import Final

import trio

from bed.actor import StageDriver
from meshcast.protocol.events import Captured
from meshcast.protocol.limits import OPUS_FRAME_US
from meshcast.protocol.units import SECOND, Micros

TOC: Final = 0xFC
"""The first byte of a packet: CELT, full band, 20 ms, stereo (RFC 6716, section 3.1)."""


def chunk_of(bitrate_bps: int, chunk_us: Micros) -> Captured:
    """Make a chunk of this many bits a second, of whole Opus frames."""
    packet = bytes([TOC]) * (bitrate_bps * OPUS_FRAME_US // (8 * SECOND))
    return Captured((packet,) * (chunk_us // OPUS_FRAME_US), chunk_us)


async def talk(driver: StageDriver, chunk: Captured) -> None:
    """Give the source this chunk again and again, in time; what would have been said while it stood still is not."""
    due = trio.current_time()
    while True:
        await trio.sleep_until(due)
        await driver.awake()
        driver.feed(chunk)
        due = max(due + chunk.duration_us / SECOND, trio.current_time())
