"""The frames of the fast path: datagrams and acknowledgements, read and written without a buffer object.

Pings are read along. Anything else, anything malformed, and a second acknowledgement in one packet is not read here: `read_payload` then
gives None, nothing has changed, and the library's own code takes the packet. Layouts: RFC 9000, sections 16 (numbers)
and 19.3 (acknowledgements); RFC 9221, section 4 (datagrams).
"""

from typing import Final, NamedTuple

from aioquic.quic.rangeset import RangeSet

PADDING: Final = 0x00
PING: Final = 0x01
ACK: Final = 0x02
DATAGRAM: Final = 0x31
"""A datagram with its length; the library sends no other kind."""


class Acknowledged(NamedTuple):
    """What an acknowledgement says: which packets, the newest range first, and how long the answer waited.

    The delay is in the sender's units (RFC 9000, section 18.2, `ack_delay_exponent`).
    """

    ranges: list[range]
    delay: int

    def packets(self) -> RangeSet:
        """Give the ranges as the library has them."""
        return RangeSet(self.ranges)


class Payload(NamedTuple):
    """What a plain packet carries."""

    datagrams: list[bytes]
    acknowledged: Acknowledged | None
    is_asking: bool
    """There is a PING: whatever came is acknowledged at once."""


def read_payload(payload: bytes) -> Payload | None:
    """Read a decrypted payload; None when it holds anything but datagrams, padding and one acknowledgement."""
    at, end = 0, len(payload)
    datagrams: list[bytes] = []
    acknowledged: Acknowledged | None = None
    is_asking = False
    try:
        while at < end:
            kind = payload[at]
            if kind == DATAGRAM:
                length, at = _number(payload, at + 1)
                if at + length > end:
                    return None
                datagrams.append(payload[at : at + length])
                at += length
            elif kind == ACK and acknowledged is None:
                acknowledged, at = _acknowledged(payload, at + 1)
                if acknowledged is None:
                    return None
            elif kind == PADDING:
                at += 1
            elif kind == PING:
                is_asking = True
                at += 1
            else:
                return None
    except IndexError:
        return None
    return Payload(datagrams, acknowledged, is_asking) if end else None


def datagram_frame(data: bytes) -> bytes:
    """Write a datagram with its length."""
    return b"\x31" + written(len(data)) + data


def asking(frame: bytes) -> bytes:
    """Put a ping before a frame."""
    return b"\x01" + frame


def ack_frame(packets: RangeSet, delay: int) -> bytes:
    """Write an acknowledgement of all `packets`, the newest first."""
    newest = packets[-1]
    parts = [b"\x02", written(newest.stop - 1), written(delay), written(len(packets) - 1)]
    parts.append(written(newest.stop - 1 - newest.start))
    for index in range(len(packets) - 2, -1, -1):
        below = packets[index]
        parts += [written(packets[index + 1].start - below.stop - 1), written(below.stop - below.start - 1)]
    return b"".join(parts)


def written(number: int) -> bytes:
    """Write a number of variable length, as short as it can be."""
    if number < 0x40:
        return number.to_bytes(1, "big")
    if number < 0x4000:
        return (number | 0x4000).to_bytes(2, "big")
    if number < 0x4000_0000:
        return (number | 0x8000_0000).to_bytes(4, "big")
    return (number | 0xC000_0000_0000_0000).to_bytes(8, "big")


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; tell it and where the next thing begins. IndexError beyond the end."""
    first = data[at]
    if first < 0x40:
        return first, at + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | data[at + 1], at + 2
    size = 1 << (first >> 6)
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def _acknowledged(data: bytes, at: int) -> tuple[Acknowledged | None, int]:
    newest, at = _number(data, at)
    delay, at = _number(data, at)
    more, at = _number(data, at)
    count, at = _number(data, at)
    oldest = newest - count
    ranges = [range(oldest, newest + 1)]
    for _ in range(more):
        gap, at = _number(data, at)
        count, at = _number(data, at)
        newest = oldest - gap - 2
        oldest = newest - count
        ranges.append(range(oldest, newest + 1))
    return (Acknowledged(ranges, delay), at) if oldest >= 0 else (None, at)
