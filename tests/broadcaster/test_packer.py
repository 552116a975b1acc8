"""Blocks of 20 ms become chunks: as long as fits a datagram at their bitrate, and never longer."""

import numpy as np
import pytest

from meshcast.broadcaster.packer import BITRATE_BPS_MAX, BITRATE_BPS_MIN, Packer, chunk_us_for
from meshcast.media.decoding import read_all
from meshcast.media.opus import Decoder
from meshcast.media.pacing import PAUSED
from meshcast.media.programme import programme_path
from meshcast.media.sound import BLOCK_SAMPLES, SAMPLE_RATE_HZ, PcmInt
from meshcast.protocol.chunk import Flag, Hop, encode_chunk, sign_chunk
from meshcast.protocol.events import Captured
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import CHUNK_US_MAX, CHUNK_US_MIN, DATAGRAM_BYTES_MAX, OPUS_FRAME_US
from meshcast.protocol.units import MILLISECOND, BroadcastId, Micros

ME = Identity.from_seed(bytes(32))
SOUND: PcmInt = np.full((BLOCK_SAMPLES, 2), 1_000, np.int16)


@pytest.fixture(scope="module")
def programme() -> PcmInt:
    """Twelve seconds of the shipped programme; at 160 kbit/s and 40 ms seven of their chunks would overflow."""
    return read_all(programme_path())[: 12 * SAMPLE_RATE_HZ]


def datagram(captured: Captured) -> bytes:
    """Give a chunk as it travels."""
    chunk = sign_chunk(
        ME,
        BroadcastId(ME.peer_id),
        source_index=0,
        run=2**32 - 1,
        generation=2**32 - 1,
        sequence=2**32 - 1,
        media_time_us=2**63,
        duration_us=captured.duration_us,
        flags=Flag.PAUSED if captured.paused else Flag.NONE,
        packets=captured.packets,
    )
    return encode_chunk(chunk, Hop(0xFFFF, 2**32 - 1))


def packed(packer: Packer, count: int, block: PcmInt = SOUND) -> list[Captured]:
    return [one for _ in range(count) if (one := packer.add(block)) is not None]


@pytest.mark.parametrize(
    ("bitrate_bps", "chunk_ms"),
    [
        (BITRATE_BPS_MIN, 100), (64_000, 100), (64_001, 60), (96_000, 60), (96_001, 40), (128_000, 40), (128_001, 20),
        (BITRATE_BPS_MAX, 20),
    ],
)  # fmt: skip
def test_the_more_bits_the_shorter_the_chunk(bitrate_bps: int, chunk_ms: int) -> None:
    assert chunk_us_for(bitrate_bps) == Packer(bitrate_bps).chunk_us == chunk_ms * MILLISECOND
    assert CHUNK_US_MIN <= chunk_ms * MILLISECOND <= CHUNK_US_MAX
    assert chunk_ms * MILLISECOND % OPUS_FRAME_US == 0


@pytest.mark.parametrize("bitrate_bps", [6_000, 16_000, 32_000, 64_000, 96_000, 128_000, 144_000, 160_000])
def test_every_chunk_of_the_shipped_programme_fits_a_datagram(bitrate_bps: int, programme: PcmInt) -> None:
    packer = Packer(bitrate_bps)
    sizes = [
        len(datagram(captured))
        for at in range(0, len(programme) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
        if (captured := packer.add(programme[at : at + BLOCK_SAMPLES])) is not None
    ]
    assert len(sizes) == 12_000 * MILLISECOND // packer.chunk_us
    assert max(sizes) <= DATAGRAM_BYTES_MAX


def test_a_chunk_is_full_before_it_goes() -> None:
    packer = Packer(64_000)
    assert [packer.add(SOUND) for _ in range(4)] == [None] * 4
    captured = packer.add(SOUND)
    assert captured is not None
    assert (len(captured.packets), captured.duration_us, captured.paused) == (5, 100 * MILLISECOND, False)
    assert all(len(Decoder().decode(packet)) == BLOCK_SAMPLES for packet in captured.packets)


def test_a_chunk_of_pauses_is_empty_and_one_that_has_some_sound_is_whole() -> None:
    packer = Packer(64_000)
    paused = [one for _ in range(5) if (one := packer.add(PAUSED)) is not None]
    assert paused == [Captured((), 100 * MILLISECOND, paused=True)]
    for _ in range(4):
        packer.add(PAUSED)
    mixed = packer.add(SOUND)
    assert mixed is not None
    assert (len(mixed.packets), mixed.paused) == (5, False)
    assert not packed(packer, 5)[0].paused, "a pause is over when it is over"


@pytest.mark.parametrize("blocks", [1, 4, 6])
def test_what_is_left_at_the_end_is_filled_up_with_silence(blocks: int) -> None:
    packer = Packer(64_000)
    packed(packer, blocks)
    rest = packer.rest()
    assert rest is not None
    assert (len(rest.packets), rest.duration_us, rest.paused) == (5, 100 * MILLISECOND, False)
    assert packer.rest() is None


@pytest.mark.parametrize("blocks", [0, 5, 10])
def test_of_whole_chunks_nothing_is_left(blocks: int) -> None:
    packer = Packer(64_000)
    assert len(packed(packer, blocks)) == blocks // 5
    assert packer.rest() is None


def test_chunks_are_as_long_as_the_sound_in_them() -> None:
    packer = Packer(96_000)
    total_us: Micros = sum(one.duration_us for one in packed(packer, 30))
    assert total_us == 30 * OPUS_FRAME_US


def test_a_chunk_of_the_standby_programme_is_marked() -> None:
    packer = Packer(64_000)
    marks = [
        one.standby
        for number in range(15)
        if (one := packer.add(SOUND, is_standby=5 <= number < 10)) is not None
    ]
    assert marks == [False, True, False]
