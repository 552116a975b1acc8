"""Packet numbers are completed as the library completes them. (What is sealed and opened: `test_fast_connection`.)"""

from aioquic.quic.packet import decode_packet_number
from hypothesis import given
from hypothesis import strategies as st

from meshcast.transport.fast_packets import full_number


@given(expected=st.integers(0, 2**40), offset=st.integers(-(2**15) + 1, 2**15))
def test_a_number_is_completed_as_the_library_does_it(expected: int, offset: int) -> None:
    number = max(0, expected + offset)
    assert full_number(number & 0xFFFF, expected) == decode_packet_number(number & 0xFFFF, 16, expected)
    if expected >= 2**16:
        assert full_number(number & 0xFFFF, expected) == number
