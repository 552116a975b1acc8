"""A chunk of sound: what is signed is forwarded as it came, and nobody can change a bit of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.chunk import (
    HOP_BYTES,
    Chunk,
    Flag,
    Hop,
    decode_chunk,
    encode_chunk,
    parse_chunk,
)
from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import SIGNATURE_BYTES, verify
from meshcast.protocol.limits import DATAGRAM_BYTES_MAX, PACKET_BYTES_MAX, PACKETS_MAX

U32 = st.integers(0, 2**32 - 1)
hops = st.builds(Hop, st.integers(0, 2**16 - 1), U32)
changes = st.fixed_dictionaries(
    {
        "source_index": st.integers(0, 255),
        "run": U32,
        "generation": U32,
        "sequence": U32,
        "media_time_us": st.integers(0, 2**64 - 1),
        "duration_us": st.integers(200, 1_000).map(lambda units: units * 100),
        "flags": st.sampled_from([Flag.NONE, Flag.PAUSED, Flag.END, Flag.STANDBY, Flag(7)]),
        "packets": st.lists(st.binary(min_size=1, max_size=300), max_size=PACKETS_MAX).map(tuple),
    }
)


def made(crew: Any, values: dict[str, Any]) -> Chunk:
    chunk: Chunk = crew.chunk(**values)
    return chunk


@settings(deadline=None, max_examples=100)
@given(changes, hops)
def test_any_chunk_and_hop_header_round_trip(crew: Any, values: dict[str, Any], hop: Hop) -> None:
    chunk = made(crew, values)
    data = encode_chunk(chunk, hop)
    assert decode_chunk(data) == (hop, chunk)
    assert data[HOP_BYTES:] == chunk.signed, "the signed part travels as the very bytes"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_tampering_with_any_bit_is_noticed_by_shape_or_signature(crew: Any, data: Any) -> None:
    chunk = crew.chunk(5)
    bit = data.draw(st.integers(0, len(chunk.signed) * 8 - 1))
    tampered = bytearray(chunk.signed)
    tampered[bit // 8] ^= 1 << bit % 8
    try:
        parsed = parse_chunk(bytes(tampered))
    except RemoteProtocolError:
        return
    assert not parsed.is_signed_by(crew.id("source"), crew.broadcast, verify)


def test_a_chunk_is_good_for_its_broadcast_and_its_source_only(crew: Any) -> None:
    chunk = crew.chunk(5)
    assert chunk.is_signed_by(crew.id("source"), crew.broadcast, verify)
    assert not chunk.is_signed_by(crew.id("another"), crew.broadcast, verify)
    assert not chunk.is_signed_by(crew.id("source"), crew.id("another event"), verify)


@settings(deadline=None, max_examples=120)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_chunk_or_a_remote_protocol_error(data: bytes) -> None:
    for whole in (data, bytes([1]) + data):
        try:
            decode_chunk(whole)
        except RemoteProtocolError:
            continue


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_chunk_cut_short_or_with_bytes_left_over_is_no_chunk(crew: Any, data: Any) -> None:
    signed = crew.chunk(5).signed
    cut = data.draw(st.integers(0, len(signed) - 1))
    more = data.draw(st.binary(min_size=1, max_size=9))
    for bad in (signed[:cut], signed + more):
        with pytest.raises(RemoteProtocolError):
            parse_chunk(bad)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (21, b"\0\0"),
        (21, b"\xff\xff"),
        (23, b"\2"),
        (24, b"\x08"),
        (25, b"\x0d"),
        (26, b"\0\0"),
        (26, b"\xff\xff"),
    ],
    ids=[
        "no duration",
        "too long",
        "codec",
        "flags",
        "too many packets",
        "empty packet",
        "packet beyond the end",
    ],
)
def test_a_chunk_of_unknown_shape_is_the_other_sides_fault(crew: Any, at: int, value: bytes) -> None:
    signed = crew.chunk(5).signed
    with pytest.raises(RemoteProtocolError):
        parse_chunk(signed[:at] + value + signed[at + len(value) :])


@pytest.mark.parametrize(
    "bad",
    [
        {"duration_us": 19_900},
        {"duration_us": 100_100},
        {"duration_us": 20_050},
        {"packets": (b"x",) * (PACKETS_MAX + 1)},
        {"packets": (b"",)},
        {"packets": (b"x" * (PACKET_BYTES_MAX + 1),)},
    ],
)
def test_what_nobody_would_accept_is_never_signed(crew: Any, bad: dict[str, Any]) -> None:
    """A chunk with an empty packet was signed once, and every child cut its parent off for it."""
    with pytest.raises(LocalProtocolError):
        crew.chunk(1, **bad)


def test_a_chunk_of_100_ms_at_64_kbit_s_fits_in_a_datagram_with_room_for_peaks(crew: Any) -> None:
    chunk = crew.chunk(1, packets=(b"x" * 160,) * 5)
    assert len(encode_chunk(chunk, Hop(0, 0))) == 7 + 26 + 5 * 162 + SIGNATURE_BYTES == 907
    assert DATAGRAM_BYTES_MAX >= 907


def test_an_age_beyond_its_field_is_written_as_the_greatest_that_fits(crew: Any) -> None:
    chunk = crew.chunk(1)
    assert decode_chunk(encode_chunk(chunk, Hop(0, 2**40)))[0].age_us == 2**32 - 1
    assert decode_chunk(encode_chunk(chunk, Hop(0, -5)))[0].age_us == 0
