"""How good bytes are spoilt: everything that a hostile peer might try, from a seeded source of chance.

Bytes are flipped, cut, spliced, doubled and given edges of varints; msgpack values are spoilt by type (a number where an
array was, arrays in arrays, lengths that lie, fields that come twice); frames of QUIC get types that exist and numbers at
an edge. Whoever mutates keeps nothing: the same seed and the same input give the same output.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgpack

EDGES: Final = (
    b"\x00",
    b"\x3f",
    b"\x40\x40",
    b"\x7f\xff",
    b"\x80\x00\x40\x00",
    b"\xbf\xff\xff\xff",
    b"\xc0\x00\x00\x00\x40\x00\x00\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
)
"""Varints of RFC 9000, section 16: each length at its smallest and at its largest, where off-by-one errors live."""

LIES: Final = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdc\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\x91" * 64,
    b"\xc1",
    b"\xa3\xff\xfe\xfd",
)
"""Heads of msgpack that promise what does not follow: arrays, maps, bytes, text, extensions; depth; what is no type."""

ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 63, 64, 255, 256, 65_535, 65_536, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, -(2**63),
    0.5, float("nan"), float("inf"), "", "\0", "a" * 300, "é\n", b"", b"\0", b"x" * 31, b"x" * 32, b"x" * 33, b"x" * 64,
    b"x" * 600, [], [[]], [None] * 257, {}, {"a": 1},
)  # fmt: skip
"""One of every type, and numbers beside every bound of the wire."""

FRAME_TYPES: Final = (*range(0x1F), 0x30, 0x31, 0x40)
"""Every frame of RFC 9000 and RFC 9221, and one of nobody."""

DEPTH_MAX: Final = 6


def below(chance: Random, limit: int) -> int:
    """Draw 0..limit-1; a tenth of the cost of `randrange`."""
    return int(chance.random() * limit)


def spoil(data: bytes, pool: Sequence[bytes], chance: Random) -> bytes:
    """Change bytes in one to four ways; now and then in none."""
    changed, random = bytearray(data), chance.random
    for _ in range(int(random() * 4.8 + 0.7)):
        size = len(changed)
        at, way = int(random() * (size + 1)), int(random() * 9)
        if way == 0 and size:
            changed[at - 1] ^= 1 << int(random() * 8)
        elif way == 1:
            del changed[at:]
        elif way == 2:
            changed[at:at] = chance.randbytes(1 + int(random() * 40))
        elif way == 3:
            other = pool[int(random() * len(pool))]
            changed[at:] = other[int(random() * (len(other) + 1)) :]
        elif way == 4:
            edge = EDGES[int(random() * len(EDGES))]
            changed[at : at + len(edge)] = edge
        elif way == 5:
            lie = LIES[int(random() * len(LIES))]
            changed[at : at + len(lie)] = lie
        elif way == 6:
            changed[at:at] = changed[at : at + 1 + int(random() * 80)]
        elif way == 7:
            del changed[at : at + 1 + int(random() * 20)]
        else:
            changed[at : at + 8] = chance.randbytes(8)
    return bytes(changed)


def confuse(value: Any, chance: Random, depth: int = 0) -> Any:
    """Spoil one place of a msgpack value: another type, another number, a field more, one less, or one twice."""
    if type(value) is not list or not value or depth > DEPTH_MAX or chance.random() < 0.1:
        return _odd(value, chance)
    at, changed = below(chance, len(value)), list(value)
    match below(chance, 8):
        case 0:
            del changed[at]
        case 1:
            changed.insert(at, changed[at])
        case 2:
            other = below(chance, len(changed))
            changed[at], changed[other] = changed[other], changed[at]
        case 3:
            changed[at] = [changed[at]] * below(chance, 300)
        case _:
            changed[at] = confuse(changed[at], chance, depth + 1)
    return changed


def _odd(value: Any, chance: Random) -> Any:
    if type(value) is int and chance.random() < 0.5:
        return max(-(2**63), min(2**64 - 1, value + below(chance, 9) - 4))
    if type(value) is bytes and value and chance.random() < 0.6:
        changed = bytearray(value)
        changed[below(chance, len(changed))] ^= 1 << below(chance, 8)
        return bytes(changed)
    return ODD_VALUES[below(chance, len(ODD_VALUES))]


def confused(values: Sequence[Any], chance: Random) -> bytes:
    """Spoil a msgpack value, and write it."""
    value = values[below(chance, len(values))]
    for _ in range(1 + below(chance, 2)):
        value = confuse(value, chance)
    return bytes(msgpack.packb(value, use_bin_type=True))


def varint(chance: Random) -> bytes:
    """Write a number as QUIC does: small ones mostly, edges, and now and then any."""
    match below(chance, 8):
        case 0:
            return EDGES[below(chance, len(EDGES))]
        case 1:
            return (below(chance, 2**14) | 0x4000).to_bytes(2, "big")
        case 2:
            return (below(chance, 2**30) | 0x80000000).to_bytes(4, "big")
        case _:
            return bytes([below(chance, 64)])


def frames(chance: Random) -> bytes:
    """Make the payload of a packet: one to five frames of types that exist, with numbers that may not."""
    parts = []
    for _ in range(1 + below(chance, 5)):
        parts.append(bytes([FRAME_TYPES[below(chance, len(FRAME_TYPES))]]))
        parts += [varint(chance) for _ in range(below(chance, 6))]
        if chance.random() < 0.2:
            parts.append(chance.randbytes(below(chance, 30)))
    return b"".join(parts)
