"""A chunk of sound: what is signed, and what each hop puts in front of it.

    datagram  = kind(1) have(2) age(4) signed
    signed    = body signature(64)
    body      = source(1) run(4) generation(4) sequence(4) media time(8) duration(2) codec(1) flags(1)
                count(1) (length(2) packet)*

All integers are big-endian. Media time is microseconds since the run began, counted in samples and never stepped; the
duration is in units of 100 us. The signature covers the domain, the 32-byte broadcast id (signed as context, not sent)
and the body; the signed part is forwarded as the very bytes that arrived. The hop header is unsigned: a bitmap of
which of the 16 chunks before this one its sender has (bit i: sequence - 1 - i), and the chunk's age in microseconds.
"""

import enum
import struct
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import SIGNATURE_BYTES, Domain, Identity, Verify
from meshcast.protocol.limits import CHUNK_US_MAX, CHUNK_US_MIN, HAVE_BITS, PACKET_BYTES_MAX, PACKETS_MAX
from meshcast.protocol.units import BroadcastId, Micros, Sequence

_BODY: Final = struct.Struct(">BIIIQHBBB")
_HOP: Final = struct.Struct(">BHI")
_LENGTH: Final = struct.Struct(">H")
DURATION_UNIT_US: Final = 100
HOP_BYTES: Final = _HOP.size
CHUNK_BYTES_MAX: Final = _BODY.size + PACKETS_MAX * (_LENGTH.size + PACKET_BYTES_MAX) + SIGNATURE_BYTES
AGE_US_MAX: Final = 2**32 - 1
HAVE_ALL: Final = 2**HAVE_BITS - 1


class Kind(enum.IntEnum):
    """The first byte of a datagram, or of a refill."""

    CHUNK = 1
    MESSAGE = 2
    REFILL = 3


class Codec(enum.IntEnum):
    """What the packets are."""

    OPUS = 1


class Flag(enum.IntFlag):
    """What else a chunk says."""

    NONE = 0
    PAUSED = 1
    """The source has nothing to say for this long: silence, but the programme goes on."""
    END = 2
    """The programme has ended with the chunk before this one."""
    STANDBY = 4
    """Standby programme, while the host is away."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What the sender of a datagram adds: which chunks before it it has, and how old this one is."""

    have: int
    age_us: Micros


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk, checked for shape but not yet for its signature."""

    source_index: int
    run: int
    generation: int
    sequence: Sequence
    media_time_us: Micros
    duration_us: Micros
    codec: Codec
    flags: Flag
    packets: tuple[bytes, ...]
    signed: bytes = field(repr=False)
    """Body and signature as they arrived; forwarded unchanged."""

    def is_signed_by(self, key: bytes, broadcast: BroadcastId, verify: Verify) -> bool:
        """Tell whether the holder of `key` signed it for this broadcast."""
        body, signature = self.signed[:-SIGNATURE_BYTES], self.signed[-SIGNATURE_BYTES:]
        return verify(key, signature, Domain.CHUNK + broadcast + body)


def sign_chunk(  # noqa: PLR0913 - the fields of the wire, in its order
    identity: Identity,
    broadcast: BroadcastId,
    *,
    source_index: int,
    run: int,
    generation: int,
    sequence: Sequence,
    media_time_us: Micros,
    duration_us: Micros,
    flags: Flag,
    packets: tuple[bytes, ...],
) -> Chunk:
    """Pack and sign a chunk of Opus packets."""
    if not _is_duration(duration_us) or len(packets) > PACKETS_MAX:
        raise LocalProtocolError(f"a chunk of {duration_us} us and {len(packets)} packets cannot be sent")
    if not all(0 < len(packet) <= PACKET_BYTES_MAX for packet in packets):
        raise LocalProtocolError(
            f"a packet that is empty or longer than {PACKET_BYTES_MAX} bytes cannot be sent"
        )
    head = _BODY.pack(
        source_index,
        run,
        generation,
        sequence,
        media_time_us,
        duration_us // DURATION_UNIT_US,
        Codec.OPUS,
        flags,
        len(packets),
    )
    body = head + b"".join(_LENGTH.pack(len(packet)) + packet for packet in packets)
    signed = body + identity.sign(Domain.CHUNK, broadcast + body)
    return Chunk(
        source_index,
        run,
        generation,
        sequence,
        media_time_us,
        duration_us,
        Codec.OPUS,
        flags,
        packets,
        signed,
    )


def parse_chunk(signed: bytes) -> Chunk:
    """Read body and signature; `RemoteProtocolError` if they do not have the shape of a chunk."""
    end = len(signed) - SIGNATURE_BYTES
    if not _BODY.size <= end <= CHUNK_BYTES_MAX:
        raise RemoteProtocolError(f"a chunk of {len(signed)} bytes")
    source, run, generation, sequence, media_time, units, codec, flags, count = _BODY.unpack_from(signed)
    duration_us = units * DURATION_UNIT_US
    if codec != Codec.OPUS or not _is_duration(duration_us) or count > PACKETS_MAX or flags > 7:
        raise RemoteProtocolError("a chunk of unknown codec, duration or flags")
    packets, at = [], _BODY.size
    for _ in range(count):
        if at + _LENGTH.size > end:
            raise RemoteProtocolError("a chunk with a packet beyond its end")
        (length,) = _LENGTH.unpack_from(signed, at)
        at += _LENGTH.size
        if not 0 < length <= PACKET_BYTES_MAX or at + length > end:
            raise RemoteProtocolError("a chunk with a packet beyond its end")
        packets.append(signed[at : at + length])
        at += length
    if at != end:
        raise RemoteProtocolError("a chunk with bytes left over")
    return Chunk(
        source,
        run,
        generation,
        sequence,
        media_time,
        duration_us,
        Codec.OPUS,
        Flag(flags),
        tuple(packets),
        signed,
    )


def encode_chunk(chunk: Chunk, hop: Hop) -> bytes:
    """Put a hop header in front of a chunk."""
    return _HOP.pack(Kind.CHUNK, hop.have, min(max(hop.age_us, 0), AGE_US_MAX)) + chunk.signed


def decode_chunk(data: bytes) -> tuple[Hop, Chunk]:
    """Split a chunk's datagram into hop header and chunk."""
    if len(data) < HOP_BYTES or data[0] != Kind.CHUNK:
        raise RemoteProtocolError("not a chunk")
    _, have, age_us = _HOP.unpack_from(data)
    return Hop(have, age_us), parse_chunk(data[HOP_BYTES:])


def _is_duration(duration_us: Micros) -> bool:
    """Tell whether a chunk may be so long."""
    return CHUNK_US_MIN <= duration_us <= CHUNK_US_MAX and duration_us % DURATION_UNIT_US == 0
