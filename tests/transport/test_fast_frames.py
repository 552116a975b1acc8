"""Frames are written as the library writes them, and read as it reads them or not at all."""

from aioquic._buffer import Buffer
from aioquic.quic.packet import pull_ack_frame, push_ack_frame
from aioquic.quic.rangeset import RangeSet
from hypothesis import given
from hypothesis import strategies as st

from meshcast.transport.fast_frames import ack_frame, datagram_frame, read_payload, written

GAPS = st.lists(st.tuples(st.integers(1, 2**20), st.integers(1, 2**20)), min_size=1, max_size=64)


def ranges_of(gaps: list[tuple[int, int]]) -> RangeSet:
    """Lay out ranges of given distances and lengths; two that touch would be one."""
    packets, at = RangeSet(), 0
    for gap, length in gaps:
        packets.add(at + gap + 1, at + gap + 1 + length)
        at += gap + 1 + length
    return packets


@given(number=st.integers(0, 2**62 - 1))
def test_numbers_are_written_as_the_library_writes_them(number: int) -> None:
    buffer = Buffer(capacity=8)
    buffer.push_uint_var(number)
    assert written(number) == buffer.data


@given(gaps=GAPS, delay=st.integers(0, 2**40))
def test_acknowledgements_are_written_and_read_as_the_library_does_it(
    gaps: list[tuple[int, int]], delay: int
) -> None:
    packets = ranges_of(gaps)
    buffer = Buffer(capacity=2_000)
    buffer.push_uint_var(2)
    push_ack_frame(buffer, packets, delay, 2_000)
    assert ack_frame(packets, delay) == buffer.data
    content = read_payload(buffer.data)
    assert content is not None
    assert content.acknowledged is not None
    assert (content.acknowledged.packets(), content.acknowledged.delay) == pull_ack_frame(
        Buffer(data=buffer.data[1:])
    )


@given(data=st.lists(st.binary(max_size=1_200), min_size=1, max_size=4), padding=st.integers(0, 3))
def test_datagrams_come_out_as_they_went_in(data: list[bytes], padding: int) -> None:
    content = read_payload(b"".join(map(datagram_frame, data)) + bytes(padding))
    assert content is not None
    assert content.datagrams == data
    assert content.acknowledged is None


@given(payload=st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(payload: bytes) -> None:
    content = read_payload(payload)
    assert content is None or sum(map(len, content.datagrams)) < len(payload)


def test_an_empty_payload_and_a_second_acknowledgement_are_left_to_the_library() -> None:
    assert read_payload(b"") is None
    once = ack_frame(ranges_of([(1, 1)]), 0)
    assert read_payload(once) is not None
    assert read_payload(once + once) is None
