"""Messages to bytes and back; hostile bytes are a RemoteProtocolError or nothing, and cost little."""

import dataclasses
import struct
import tracemalloc
from typing import Any, get_args

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol import messages as m
from meshcast.protocol.chunk import Hop, Kind
from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.limits import (
    BACKLOG_US,
    CHILDREN_MAX,
    CHUNK_US_MAX,
    LANDMARKS_MAX,
    MESSAGE_BYTES_MAX,
    PATH_MAX,
    RANGES_MAX,
    RANK_MAX,
    REFILL_BYTES_MAX,
    RESERVE_PLACES_MAX,
    STANDBYS_MAX,
    UNCLES_MAX,
)
from meshcast.protocol.tickets import Role
from meshcast.protocol.wire import (
    LAYOUTS,
    decode,
    decode_datagram,
    decode_refill,
    encode,
    encode_datagram,
    encode_refill,
)

U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
RANK = st.integers(0, RANK_MAX)
KEY = st.binary(min_size=32, max_size=32)
CAPACITY = st.integers(0, CHILDREN_MAX)
ADDRESSES = st.lists(st.tuples(st.ip_addresses().map(str), st.integers(0, 65535)), max_size=8).map(tuple)
PATH = st.lists(st.binary(min_size=4, max_size=4), max_size=PATH_MAX).map(tuple)
WHY = st.sampled_from(m.Why)
TITLE = st.sampled_from(["", "Nightline", "Größe der Nacht", "夜"])


def tuples(item: st.SearchStrategy[Any], maximum: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=maximum).map(tuple)


@pytest.fixture(scope="session")
def any_message(crew: Any) -> st.SearchStrategy[Any]:
    """Any message of any type, with every field anywhere in what is allowed."""
    ticket = st.sampled_from([crew.ticket(name) for name in ("ann", "bob", "cat")])
    delegation = st.sampled_from([crew.delegation(), crew.delegation("spare", index=1)])
    ban = st.sampled_from([crew.ban("dan"), crew.ban("eve")])
    standbys, delegations = tuples(ticket, STANDBYS_MAX), tuples(delegation, 4)
    maybe_key = st.none() | KEY
    children = tuples(KEY, CHILDREN_MAX + RESERVE_PLACES_MAX)
    fields: dict[Any, tuple[st.SearchStrategy[Any], ...]] = {
        m.Join: (KEY, st.sampled_from(Role), CAPACITY, ADDRESSES, tuples(U64, LANDMARKS_MAX), st.binary(max_size=512)),
        m.Announce: (
            KEY, delegation, TITLE, st.integers(0, 10**6), st.integers(0, CHUNK_US_MAX), CAPACITY, ADDRESSES,
        ),
        m.Report: (U32, U32, maybe_key, RANK, children, tuples(KEY, STANDBYS_MAX), U32, st.booleans(), maybe_key, st.none() | st.integers(0, CHILDREN_MAX)),
        m.Resume: (ticket,),
        m.Accuse: (KEY, st.sampled_from(m.Fault), st.binary(max_size=2_200)),
        m.Leave: (),
        m.Placed: (U32, ticket, st.none() | ticket, standbys, delegations, U32, TITLE),
        m.Wait: (st.sampled_from(m.WaitFor), U32, U64, st.binary(max_size=64)),
        m.Noted: (U32, U32),
        m.Move: (U32, U32, KEY, ticket),
        m.Standbys: (U32, standbys),
        m.Renewed: (ticket,),
        m.Goodbye: (U64,),
        m.Refused: (WHY, TITLE),
        m.Hello: (ticket, RANK, U32),
        m.Adopt: (U32, RANK, U32, st.integers(0, BACKLOG_US), maybe_key, st.binary(min_size=64, max_size=64)),
        m.Accept: (U32, RANK, U32, U64, PATH),
        m.Refuse: (U32, WHY, RANK),
        m.Detach: (U32,),
        m.Enlist: (RANK,),
        m.Pull: (tuples(st.tuples(U32, U32), RANGES_MAX),),
        m.Beat: (U32, U64, RANK, PATH, CAPACITY),
        m.Stalled: (st.binary(min_size=4, max_size=4), U64),
        m.Uncles: (tuples(ticket, UNCLES_MAX),),
        m.Notice: (delegations, tuples(ban, 16)),
        m.Bye: (WHY,),
    }  # fmt: skip
    assert set(fields) == set(get_args(m.Message)) == set(LAYOUTS)
    return st.one_of(*(st.builds(kind, *values) for kind, values in fields.items()))


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_message_of_any_type_round_trips(any_message: Any, data: Any) -> None:
    message = data.draw(any_message)
    encoded = encode(message)
    assert decode(encoded) == message
    assert decode_datagram(encode_datagram(message)) == message
    assert len(encoded) <= LAYOUTS[type(message)].bytes_max <= MESSAGE_BYTES_MAX


def tolerate(data: bytes) -> Any:
    """Decode every way there is; only a RemoteProtocolError may come of it."""
    results = []
    for read in (decode, decode_datagram, decode_refill):
        try:
            results.append(read(data))
        except RemoteProtocolError as error:
            results.append(None)
            assert "\n" not in str(error)  # noqa: PT017 - one of two good answers
    return results


@settings(deadline=None, max_examples=120)
@given(st.binary(max_size=120) | st.binary(max_size=60).map(lambda tail: b"\x96" + tail))
def test_random_bytes_are_a_message_an_unknown_one_or_the_other_sides_fault(data: bytes) -> None:
    tolerate(data)
    for kind in (*Kind, 9):
        tolerate(bytes([kind]) + data)


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=70)
    | st.text(max_size=9)
)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3)


KNOWN = st.recursive(PLAIN | st.floats(allow_nan=False), deeper, max_leaves=12)
EXTENSIONS = st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=4))
VALUES = st.recursive(PLAIN | st.floats(allow_nan=False) | EXTENSIONS, deeper, max_leaves=12)


@settings(deadline=None, max_examples=120)
@given(
    number=st.sampled_from([layout.number for layout in LAYOUTS.values()]),
    values=st.lists(VALUES, max_size=10),
)
def test_any_values_in_place_of_the_fields_are_checked_one_by_one(number: int, values: list[Any]) -> None:
    message, *_ = tolerate(msgpack.packb([number, *values]))
    if message is not None:
        assert decode(encode(message)) == message


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_mutated_messages_are_messages_or_the_other_sides_fault(golden: Any, data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(LAYOUTS_BY_NAME)))
    encoded = bytearray(encode(golden[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "double", "insert"])):
            case "flip":
                encoded[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del encoded[at : at + 3]
            case "double":
                encoded[at:at] = encoded[at : at + 9]
            case _:
                encoded[at:at] = data.draw(st.binary(min_size=1, max_size=5))
        if not encoded:
            return
    tolerate(bytes(encoded))


LAYOUTS_BY_NAME = {kind.__name__.lower(): layout for kind, layout in LAYOUTS.items()}

HOSTILE = {
    "nothing": b"",
    "an empty array": b"\x90",
    "a map": b"\x81\x01\x02",
    "a number": b"\x06",
    "a type that is no number": msgpack.packb(["six"]),
    "a type that is true": msgpack.packb([True]),
    "a negative type": msgpack.packb([-6]),
    "a huge type": msgpack.packb([2**64 - 1]),
    "an array of arrays, 16,000 deep": b"\x91" * 16_000 + b"\x00",
    "arrays that claim 16,383 items each, 1,000 deep": (b"\xdc\x3f\xff" * 1_000).ljust(MESSAGE_BYTES_MAX),
    "arrays that claim 255 items each, 1,000 deep": b"\xdc\x00\xff" * 1_000,
    "maps that claim 16,383 items each": (b"\xde\x3f\xff" * 1_000).ljust(MESSAGE_BYTES_MAX),
    "an array that claims four billion items": b"\xdd\xff\xff\xff\xff",
    "bytes that claim four billion": b"\xc6\xff\xff\xff\xff",
    "a text that is no UTF-8": b"\x92\x11\xd9\x02\xff\xfe",
    "an extension type": b"\x92\x06\xd8\x05" + bytes(16),
    "a time stamp": b"\x92\x06\xd6\xff" + bytes(4),
    "two messages": b"\x91\x06" * 2,
    "a number with more than 64 bits in bytes": msgpack.packb([12, 2**64 - 1, 0]),
    "a float for a number": msgpack.packb([12, 1.0, 2]),
    "a truth value for a number": msgpack.packb([12, True, 2]),
    "too few fields": msgpack.packb([12, 1]),
    "a ticket that is no array": msgpack.packb([15, b"ticket"]),
    "a ticket in a ticket": msgpack.packb([15, [msgpack.packb([15, [b"x" * 9, bytes(64)]]), bytes(64)]]),
    "a message of more than 16 KiB": b"\x91\x06" + bytes(MESSAGE_BYTES_MAX),
    "a chunk of nothing": b"\x01",
    "a refill that is cut short": b"\x03\x00\x63" + bytes(20),
    "a refill of no bytes": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused_without_a_large_allocation(data: bytes) -> None:
    """Nested headers that each claimed sixteen thousand items made the parser ask for 130 MB."""
    tolerate(data)
    tracemalloc.start()
    results = tolerate(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
    assert not any(isinstance(one, get_args(m.Message)) for one in results)


@pytest.mark.parametrize("name", sorted(LAYOUTS_BY_NAME))
def test_trailing_fields_are_ignored_so_that_a_minor_version_may_add_some(golden: Any, name: str) -> None:
    values = msgpack.unpackb(encode(golden[name]))
    more = msgpack.packb([*values, {"new": [1, 2]}])
    if len(more) <= LAYOUTS_BY_NAME[name].bytes_max:
        assert decode(more) == golden[name]


@pytest.mark.parametrize("name", sorted(LAYOUTS_BY_NAME))
def test_every_type_has_a_size_beyond_which_it_is_neither_written_nor_read(golden: Any, name: str) -> None:
    values = msgpack.unpackb(encode(golden[name]))
    bytes_max = LAYOUTS_BY_NAME[name].bytes_max
    padding = bytes_max - len(msgpack.packb(values)) - 5
    fits = msgpack.packb([*values, b"x" * max(0, padding)])
    assert len(fits) <= bytes_max
    assert decode(fits) == golden[name]
    with pytest.raises(RemoteProtocolError):
        decode(msgpack.packb([*values, b"x" * (padding + 9)]))


@pytest.mark.parametrize("name", sorted(LAYOUTS_BY_NAME))
def test_a_message_with_too_few_fields_is_the_other_sides_fault(golden: Any, name: str) -> None:
    values = msgpack.unpackb(encode(golden[name]))
    if len(values) > 1:
        with pytest.raises(RemoteProtocolError):
            decode(msgpack.packb(values[:-1]))


@settings(deadline=None, max_examples=60)
@given(number=st.integers(0, 2**32 - 1), values=st.lists(KNOWN, max_size=4))
def test_a_type_that_this_version_does_not_know_is_ignored(number: int, values: list[Any]) -> None:
    if number not in {layout.number for layout in LAYOUTS.values()}:
        assert decode(msgpack.packb([number, *values])) is None


def test_a_datagram_or_a_stream_of_an_unknown_kind_is_ignored() -> None:
    assert decode_datagram(b"\x09anything") is None
    assert decode_refill(b"\x09anything") is None
    with pytest.raises(RemoteProtocolError):
        decode_datagram(b"")


def test_numbers_below_30_are_the_trackers_conversation() -> None:
    for kind, layout in LAYOUTS.items():
        assert (layout.number < 30) == (kind in {
            m.Join, m.Announce, m.Report, m.Resume, m.Accuse, m.Leave, m.Placed, m.Wait, m.Noted, m.Move, m.Standbys,
            m.Renewed, m.Goodbye, m.Refused,
        })  # fmt: skip


def test_what_is_larger_than_its_kind_may_be_is_a_fault_of_this_side(golden: Any) -> None:
    with pytest.raises(LocalProtocolError):
        encode(dataclasses.replace(golden["refused"], detail="x" * 600))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_refill_round_trips_and_cut_anywhere_it_is_whole_chunks_or_a_fault(crew: Any, data: Any) -> None:
    count = data.draw(st.integers(0, 4))
    hops = [Hop(data.draw(st.integers(0, 2**16 - 1)), data.draw(U32)) for _ in range(count)]
    chunks = [(hop, crew.chunk(number + 1)) for number, hop in enumerate(hops)]
    encoded = encode_refill(chunks)
    assert decode_refill(encoded) == chunks
    cut = encoded[: data.draw(st.integers(1, len(encoded)))]
    try:
        part = decode_refill(cut)
    except RemoteProtocolError:
        return
    assert part == chunks[: len(part or [])]


def test_a_refill_is_bounded(crew: Any) -> None:
    one = encode_refill([(Hop(0, 0), crew.chunk(1))])
    with pytest.raises(RemoteProtocolError):
        decode_refill(one + bytes(REFILL_BYTES_MAX))
    lengths = struct.pack(">H", 0) * 40_000
    with pytest.raises(RemoteProtocolError):
        decode_refill(bytes([Kind.REFILL]) + lengths)
