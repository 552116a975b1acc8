import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshcast.media.opus import LOOKAHEAD_SAMPLES, PACKET_BYTES_MAX, Decoder, Encoder, packet_samples
from meshcast.media.sound import BLOCK_SAMPLES, PcmFloat, PcmInt, to_float
from meshcast.media.timeline import compare


def blocks_of(pcm: PcmInt) -> list[PcmInt]:
    return list(pcm.reshape(-1, BLOCK_SAMPLES, 2))


def decoded(packets: list[bytes]) -> PcmFloat:
    decoder = Decoder()
    return np.concatenate([decoder.decode(packet) for packet in packets])


@pytest.fixture
def packets(noise: PcmInt) -> list[bytes]:
    encoder = Encoder(96_000)
    return [encoder.encode(block) for block in blocks_of(noise)]


def test_every_block_gives_exactly_one_packet_of_20_ms_from_the_first_on(packets: list[bytes]) -> None:
    assert len(packets) == 200
    assert {packet_samples(packet) for packet in packets} == {BLOCK_SAMPLES}


@pytest.mark.parametrize("bitrate_bps", [12_000, 32_000, 64_000, 96_000, 128_000, 510_000])
def test_decoded_sound_lags_its_source_by_the_lookahead_at_every_bit_rate(
    noise: PcmInt, bitrate_bps: int
) -> None:
    encoder = Encoder(bitrate_bps)
    heard = decoded([encoder.encode(block) for block in blocks_of(noise)])
    size = 1 << 19
    products = np.fft.rfft(heard[:, 0], size) * np.conj(np.fft.rfft(to_float(noise)[:, 0], size))
    assert abs(int(np.argmax(np.fft.irfft(products, size))) - LOOKAHEAD_SAMPLES) <= 3


def test_everything_that_was_encoded_is_heard(noise: PcmInt, packets: list[bytes]) -> None:
    timeline = compare(to_float(noise).mean(axis=1), decoded(packets).mean(axis=1))
    assert timeline.found_share == 1.0
    assert timeline.jumps == ()
    assert timeline.start_s == pytest.approx(-LOOKAHEAD_SAMPLES / 48_000, abs=0.001)
    assert min(window.likeness for window in timeline.windows) > 0.95


def test_the_bit_rate_is_kept(packets: list[bytes]) -> None:
    assert sum(map(len, packets)) * 8 / 4.0 == pytest.approx(96_000, rel=0.1)


def test_floating_blocks_are_encoded_like_whole_ones(noise: PcmInt) -> None:
    block = blocks_of(noise)[3]
    assert Encoder(64_000).encode(block) == Encoder(64_000).encode(to_float(block))


@pytest.mark.parametrize("shape", [(960,), (959, 2), (960, 1), (0, 2)])
def test_what_is_no_block_is_not_encoded(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="960 x 2"):
        Encoder(96_000).encode(np.zeros(shape, np.int16))


@pytest.mark.parametrize("bitrate_bps", [0, 5_999, 510_001])
def test_bit_rates_that_opus_does_not_know_are_refused(bitrate_bps: int) -> None:
    with pytest.raises(ValueError, match="Opus takes"):
        Encoder(bitrate_bps)


def test_a_lost_packet_is_bridged_and_a_longer_hole_fades_to_silence(packets: list[bytes]) -> None:
    decoder = Decoder()
    before = [decoder.decode(packet) for packet in packets[:50]][-1]
    loudness = [float(np.sqrt((decoder.conceal() ** 2).mean())) for _ in range(100)]
    assert loudness[0] > 0.3 * float(np.sqrt((before**2).mean()))
    assert loudness[4] > loudness[9] > loudness[14] > 0
    assert not any(loudness[15:])
    assert np.abs(decoder.decode(packets[150])).max() > 0.01


def test_before_any_packet_concealment_is_silence() -> None:
    block = Decoder().conceal()
    assert block.shape == (BLOCK_SAMPLES, 2)
    assert not block.any()


@pytest.mark.parametrize("bad", [b"", b"\xfc", b"\xff", b"\xe4" + bytes(50), bytes(PACKET_BYTES_MAX + 1)])
def test_a_bad_packet_is_concealed_and_the_decoder_lives(packets: list[bytes], bad: bytes) -> None:
    decoder = Decoder()
    for packet in packets[:20]:
        decoder.decode(packet)
    assert decoder.decode(bad).shape == (BLOCK_SAMPLES, 2)
    assert decoder.concealed_blocks == 1
    rest = np.concatenate([decoder.decode(packet) for packet in packets[21:]])
    assert np.allclose(rest[-9600:], decoded(packets)[-9600:], atol=1e-3)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=300), max_size=12))
@example([b"", b"", bytes([0xFC])])
@example([bytes([0xFF, 0x00]), bytes([0x03, 0x3F]), bytes([0x7B, 0x82, 0, 0])])
def test_garbage_never_raises_and_always_lasts_20_ms(garbage: list[bytes]) -> None:
    decoder = Decoder()
    for packet in garbage:
        block = decoder.decode(packet)
        assert block.shape == (BLOCK_SAMPLES, 2)
        assert block.dtype == np.float32
        assert np.isfinite(block).all()
    assert decoder.conceal().shape == (BLOCK_SAMPLES, 2)


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (b"\xfc", 0),
        (bytes([31 << 3, 1]), 960),
        (bytes([30 << 3 | 1, 1]), 960),
        (bytes([28 << 3 | 3, 8]), 960),
        (bytes([28 << 3 | 3, 0]), 0),
        (bytes([3 << 3, 1]), 2880),
        (bytes([15 << 3 | 2, 1]), 1920),
    ],
)
def test_the_first_bytes_tell_how_long_a_packet_lasts(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples


def test_a_foreign_encoder_may_split_20_ms_into_two_frames() -> None:
    decoder = Decoder()
    decoder.decode(bytes([30 << 3 | 1]) + bytes(40))
    assert decoder.conceal().shape == (BLOCK_SAMPLES, 2)
