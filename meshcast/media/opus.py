"""Opus, one packet for one block of 20 ms, through libopus in PyAV.

The encoder gives exactly one packet for each block from the first on. What the decoder gives for a packet lags what
the encoder was given by `LOOKAHEAD_SAMPLES`, always: that is the encoder's look-ahead (RFC 7845 calls it pre-skip),
nobody trims it, and a file writer states it in its header.

A packet that came over a network is not trusted. FFmpeg's wrapper dies for good when it is handed an empty packet, and
a fifth of the garbage that libopus accepts decodes to some other length than 20 ms (measured with 200,000 packets), so
the first two bytes are checked before libopus sees any. Whatever is not 20 ms of Opus is concealed like a lost packet:
libopus is handed a packet of the table-of-contents byte alone, which means "lost" to it (RFC 6716, 3.2.1), and goes on
from what it heard last. It fades tones by itself but goes on with noise at half its loudness for ever, so what it
invents is faded here as well. FFmpeg's own Opus decoder conceals badly; hence libopus.
"""

from typing import Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.error import FFmpegError

from meshcast.media.sound import BLOCK_SAMPLES, CHANNELS, SAMPLE_RATE_HZ, PcmFloat, PcmInt, silence, to_int

LOOKAHEAD_SAMPLES: Final = 312
"""How far decoded sound lags its source: 6.5 ms at every bit rate (below 64 kbit/s measured 2 or 3 samples off)."""

BITRATE_BPS_MIN: Final = 6_000
BITRATE_BPS_MAX: Final = 510_000
"""What libopus takes for a stereo stream of 20 ms frames (RFC 6716, 2.1.1)."""

PACKET_BYTES_MAX: Final = 1 + 1_275
"""The table-of-contents byte and the longest frame there is (RFC 6716, 3.4); our encoder's block is one frame."""


FADE_AFTER_BLOCKS: Final = 5
FADE_BLOCKS: Final = 10
"""100 ms are bridged in full, over the next 200 ms what is invented fades out."""


class Encoder:
    """Blocks in, packets out; constrained variable bit rate."""

    __slots__ = ("_codec",)

    def __init__(self, bitrate_bps: int) -> None:
        """Raise `ValueError` unless the bit rate is 6,000 to 510,000 bit/s."""
        if not BITRATE_BPS_MIN <= bitrate_bps <= BITRATE_BPS_MAX:
            raise ValueError(f"{bitrate_bps} bit/s; Opus takes {BITRATE_BPS_MIN} to {BITRATE_BPS_MAX}")
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate = SAMPLE_RATE_HZ
        codec.layout = "stereo"
        codec.format = "s16"
        codec.bit_rate = bitrate_bps
        codec.options = {"application": "audio", "frame_duration": "20", "vbr": "constrained"}
        codec.open()
        self._codec: Final = codec

    def encode(self, pcm: PcmInt | PcmFloat) -> bytes:
        """Turn one block [960, 2] into one packet."""
        if pcm.shape != (BLOCK_SAMPLES, CHANNELS):
            raise ValueError(f"a block is {BLOCK_SAMPLES} x {CHANNELS} samples, not {pcm.shape}")
        whole = to_int(pcm.astype(np.float32)) if pcm.dtype.kind == "f" else pcm.astype(np.int16)
        interleaved = np.ascontiguousarray(whole).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE_HZ
        (packet,) = self._codec.encode(frame)
        return bytes(packet)


class Decoder:
    """Packets in, blocks out, whatever comes: it never raises for what a packet holds."""

    __slots__ = ("_codec", "_concealed_in_a_row", "_lost", "concealed_blocks")

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "r")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate = SAMPLE_RATE_HZ
        codec.layout = "stereo"
        codec.options = {"request_sample_fmt": "flt"}
        codec.open()
        self._codec: Final = codec
        self._lost: bytes | None = None
        self._concealed_in_a_row = 0
        self.concealed_blocks = 0

    def decode(self, packet: bytes) -> PcmFloat:
        """Turn one packet into one block [960, 2]; a bad one is concealed and counted in `concealed_blocks`."""
        if packet_samples(packet) != BLOCK_SAMPLES:
            return self.conceal()
        block = self._feed(packet)
        if block is None:
            return self.conceal()
        self._lost = _lost_packet(packet[0])
        self._concealed_in_a_row = 0
        return block

    def conceal(self) -> PcmFloat:
        """Invent the block [960, 2] of a lost packet from what came before; silence if nothing did."""
        self.concealed_blocks += 1
        faded = (self._concealed_in_a_row - FADE_AFTER_BLOCKS) / FADE_BLOCKS
        self._concealed_in_a_row += 1
        block = self._feed(self._lost) if self._lost is not None and faded < 1 else None
        if block is None:
            return silence(BLOCK_SAMPLES)
        ramp = 1 - np.clip(faded + np.arange(BLOCK_SAMPLES) / (BLOCK_SAMPLES * FADE_BLOCKS), 0, 1)
        return np.asarray(block * ramp[:, None], np.float32)

    def _feed(self, packet: bytes) -> PcmFloat | None:
        """Let libopus decode; nothing if it will not, or if it is not one block."""
        try:
            frames = self._codec.decode(av.Packet(packet))
        except FFmpegError:
            return None
        if sum(frame.samples for frame in frames) != BLOCK_SAMPLES:
            return None
        pcm = np.concatenate([frame.to_ndarray().reshape(-1, CHANNELS) for frame in frames])
        return pcm.astype(np.float32, copy=False)


def packet_samples(packet: bytes) -> int:
    """Tell how long a packet says it lasts, in samples at 48 kHz (RFC 6716, 3.1); 0 if it says nothing sensible."""
    if len(packet) < 2 or len(packet) > PACKET_BYTES_MAX:
        return 0  # a table-of-contents byte alone is "lost": a packet that came must hold sound
    configuration, code = packet[0] >> 3, packet[0] & 3
    frames = (1, 2, 2, packet[1] & 0x3F)[code]
    return frames * _frame_samples(configuration)


def _lost_packet(contents: int) -> bytes:
    """Write "one frame of 20 ms was lost" in the mode of the packet that came before it."""
    configuration = contents >> 3
    in_20_ms = configuration | 3 if configuration >= 16 else configuration & ~3 | 1
    if 12 <= configuration < 16:  # both layers: 10 and 20 ms only
        in_20_ms = configuration | 1
    return bytes([in_20_ms << 3 | contents & 0x04])


def _frame_samples(configuration: int) -> int:
    """Tell the length of a frame by its configuration number (RFC 6716, table 2)."""
    if configuration < 12:  # the speech layer
        return (480, 960, 1920, 2880)[configuration % 4]
    if configuration < 16:  # both layers
        return (480, 960)[configuration % 2]
    return (120, 240, 480, 960)[configuration % 4]
