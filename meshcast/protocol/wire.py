"""Messages to bytes and back: the only module that meets raw control bytes, and it raises one thing.

A message is a msgpack array: its type's number, then its fields in the order of the class. Unknown types decode to
`None` and trailing fields are ignored, so that a minor version may add some; everything else that is not as
docs/PROTOCOL says is a `RemoteProtocolError`.
"""

import enum
from dataclasses import dataclass, fields
from typing import Any, Final

from meshcast.protocol.chunk import Chunk, Hop, Kind, decode_chunk, encode_chunk
from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.fields import Parser, boolean, octets, optional, record, several, text, uint
from meshcast.protocol.identity import SIGNATURE_BYTES
from meshcast.protocol.limits import (
    ADDRESSES_MAX,
    BACKLOG_US,
    CHILDREN_MAX,
    CHUNK_US_MAX,
    DATAGRAM_BYTES_MAX,
    DELEGATIONS_MAX,
    LANDMARKS_MAX,
    MESSAGE_BYTES_MAX,
    PATH_MAX,
    RANGES_MAX,
    RANK_MAX,
    REFERRALS_MAX,
    REFILL_BYTES_MAX,
    RESERVE_PLACES_MAX,
    STANDBYS_MAX,
    TITLE_BYTES_MAX,
    UNCLES_MAX,
)
from meshcast.protocol.messages import (
    Accept,
    Accuse,
    Adopt,
    Announce,
    Beat,
    Bye,
    Detach,
    Enlist,
    Fault,
    Goodbye,
    Hello,
    Join,
    Leave,
    Message,
    Move,
    Noted,
    Notice,
    Placed,
    Pull,
    Refuse,
    Refused,
    Renewed,
    Report,
    Resume,
    Stalled,
    Standbys,
    Uncles,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.tickets import (
    Ban,
    Delegation,
    Ticket,
    address,
    ban,
    delegation,
    envelope,
    key,
    pack,
    role,
    ticket,
    unpack,
)

U32: Final = 2**32 - 1
U64: Final = 2**64 - 1
BANS_MAX: Final = 16
HEAD_BYTES: Final = 4
SAMPLE_BYTES_MAX: Final = 2 * DATAGRAM_BYTES_MAX


def one_of(kinds: type[enum.IntEnum]) -> Parser[Any]:
    """Accept the number of a member of an enumeration."""

    def parse(value: Any) -> enum.IntEnum:
        number = uint(255)(value)
        try:
            return kinds(number)
        except ValueError as error:
            raise RemoteProtocolError(f"{number} is no {kinds.__name__}") from error

    return parse


@dataclass(frozen=True, slots=True)
class Layout:
    """A type's number, and what its fields must be."""

    number: int
    fields: tuple[Parser[Any], ...]
    bytes_max: int = MESSAGE_BYTES_MAX


_head: Final = octets(HEAD_BYTES, HEAD_BYTES)
_path: Final = several(_head, PATH_MAX)
_addresses: Final = several(address, ADDRESSES_MAX)
_sequence: Final = uint(U32)
_counter: Final = uint(U32)
_rank: Final = uint(RANK_MAX)
_micros: Final = uint(U64)
_capacity: Final = uint(CHILDREN_MAX)
_signature: Final = octets(SIGNATURE_BYTES, SIGNATURE_BYTES)
_standbys: Final = several(ticket, STANDBYS_MAX)
_delegations: Final = several(delegation, DELEGATIONS_MAX)
_why: Final = one_of(Why)

LAYOUTS: Final[dict[type[Any], Layout]] = {
    Join: Layout(
        1, (key, role, _capacity, _addresses, several(_micros, LANDMARKS_MAX), octets(0, 512)), 2048
    ),
    Announce: Layout(
        2,
        (
            key,
            delegation,
            text(TITLE_BYTES_MAX),
            uint(1_000_000),
            uint(CHUNK_US_MAX),
            _capacity,
            _addresses,
            several(_micros, LANDMARKS_MAX),
        ),
        2048,
    ),
    Report: Layout(
        3,
        (
            _counter,
            _counter,
            optional(key),
            _rank,
            several(key, CHILDREN_MAX + RESERVE_PLACES_MAX),
            several(key, STANDBYS_MAX),
            _sequence,
            boolean,
            optional(key),
            optional(_capacity),
        ),
        4096,
    ),
    Resume: Layout(4, (ticket,), 1024),
    Accuse: Layout(5, (key, one_of(Fault), octets(0, SAMPLE_BYTES_MAX)), 4096),
    Leave: Layout(6, (), 64),
    Placed: Layout(
        10,
        (_counter, ticket, optional(ticket), _standbys, _delegations, _sequence, text(TITLE_BYTES_MAX)),
        8192,
    ),
    Wait: Layout(11, (one_of(WaitFor), uint(U32), _micros, octets(0, 64)), 256),
    Noted: Layout(12, (_counter, _counter), 64),
    Move: Layout(13, (_counter, _counter, key, ticket), 1024),
    Standbys: Layout(14, (_counter, _standbys), 2048),
    Renewed: Layout(15, (ticket,), 1024),
    Goodbye: Layout(16, (_micros,), 64),
    Refused: Layout(17, (_why, text(400)), 512),
    Hello: Layout(30, (ticket, _rank, _sequence), 1024),
    Adopt: Layout(31, (_counter, _rank, _sequence, uint(BACKLOG_US), optional(key), _signature), 256),
    Accept: Layout(32, (_counter, _rank, _sequence, _micros, _path), 512),
    Refuse: Layout(33, (_counter, _why, _rank, several(ticket, REFERRALS_MAX)), 4096),
    Detach: Layout(34, (_counter,), 64),
    Enlist: Layout(35, (_rank,), 64),
    Pull: Layout(36, (several(record(_sequence, _sequence), RANGES_MAX),), 512),
    Beat: Layout(37, (_sequence, _micros, _rank, _path, _capacity), 512),
    Stalled: Layout(38, (_head, _micros), 64),
    Uncles: Layout(39, (several(ticket, UNCLES_MAX),), 8192),
    Notice: Layout(40, (_delegations, several(ban, BANS_MAX)), 8192),
    Bye: Layout(41, (_why,), 64),
}
"""Numbers below 30 are the tracker's conversation, from 30 on the peers'."""

_BY_NUMBER: Final = {layout.number: (kind, layout) for kind, layout in LAYOUTS.items()}
_NAMES: Final = {kind: tuple(one.name for one in fields(kind)) for kind in LAYOUTS}
assert len(_BY_NUMBER) == len(LAYOUTS)
assert all(len(layout.fields) == len(_NAMES[kind]) for kind, layout in LAYOUTS.items())


def encode(message: Message) -> bytes:
    """Write a message; `LocalProtocolError` if it is larger than its kind may be."""
    kind = type(message)
    layout = LAYOUTS[kind]
    data = pack([layout.number, *(_plain(getattr(message, name)) for name in _NAMES[kind])])
    if len(data) > layout.bytes_max:
        raise LocalProtocolError(f"a {kind.__name__} of {len(data)} bytes, {layout.bytes_max} allowed")
    return data


def decode(data: bytes) -> Message | None:
    """Read a message; `None` for a type that this version does not know."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise RemoteProtocolError(f"a message of {len(data)} bytes, {MESSAGE_BYTES_MAX} allowed")
    values = unpack(data)
    if type(values) is not list or not values:
        raise RemoteProtocolError("a message that is no array")
    found = _BY_NUMBER.get(uint(U32)(values[0]))
    if found is None:
        return None
    kind, layout = found
    if len(data) > layout.bytes_max:
        raise RemoteProtocolError(f"a {kind.__name__} of {len(data)} bytes, {layout.bytes_max} allowed")
    message: Message = kind(*record(*layout.fields)(values[1:]))
    return message


def encode_datagram(message: Message) -> bytes:
    """Write a message as a datagram."""
    return bytes([Kind.MESSAGE]) + encode(message)


def decode_datagram(data: bytes) -> tuple[Hop, Chunk] | Message | None:
    """Read a datagram: a chunk with its hop header, or a message."""
    if not data:
        raise RemoteProtocolError("an empty datagram")
    match data[0]:
        case Kind.CHUNK:
            return decode_chunk(data)
        case Kind.MESSAGE:
            return decode(data[1:])
        case _:
            return None


def encode_refill(chunks: list[tuple[Hop, Chunk]]) -> bytes:
    """Write a backlog of chunks for a short stream: each with its hop header and a two-byte length before it."""
    parts = [bytes([Kind.REFILL])]
    for hop, chunk in chunks:
        data = encode_chunk(chunk, hop)
        parts.append(len(data).to_bytes(2, "big") + data)
    return b"".join(parts)


def decode_refill(data: bytes) -> list[tuple[Hop, Chunk]] | None:
    """Read a short stream; `None` for a kind that this version does not know."""
    if not data or len(data) > REFILL_BYTES_MAX:
        raise RemoteProtocolError(f"a refill of {len(data)} bytes, 1..{REFILL_BYTES_MAX} allowed")
    if data[0] != Kind.REFILL:
        return None
    chunks, at = [], 1
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise RemoteProtocolError("a refill cut short")
        chunks.append(decode_chunk(data[at + 2 : end]))
        at = end
    return chunks


def _plain(value: Any) -> Any:
    """Give a field as msgpack takes it."""
    match value:
        case Ticket() | Delegation() | Ban():
            return envelope(value)
        case tuple():
            return [_plain(one) for one in value]
        case enum.IntEnum():
            return int(value)
        case _:
            return value
