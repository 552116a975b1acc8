"""A lane takes what the usual way would take, or refuses. (What it makes of it: `test_fast_connection`.)"""

from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meshcast.transport import limits
from meshcast.transport.fast_frames import asking, datagram_frame
from meshcast.transport.lane import FRAME_BYTES_MAX, PACKET_OVERHEAD_BYTES, Lane

KEYS: Any = SimpleNamespace(
    encrypt=AESGCM(bytes(16)).encrypt,
    encrypt_iv=7,
    encrypt_mask=Cipher(algorithms.AES128(bytes(16)), modes.ECB()).encryptor().update,
    peer_cid=b"12345678",
    address=("10.0.0.1", 1),
)
FRAME = datagram_frame(bytes(900))


def opened(room: int = 10_000, until: float = 200.0) -> Lane:
    lane = Lane()
    lane.open(KEYS, 0x41, 5, room, now=100.0, until=until)
    return lane


def test_a_lane_is_closed_until_it_is_opened() -> None:
    assert Lane().seal(FRAME, 900, 100.0) is None


def test_it_takes_what_fits_in_the_window_and_no_more() -> None:
    lane = opened(room=4 * 1_000)
    packets = [lane.seal(FRAME, 900, 100.1 + number) for number in range(10)]
    sent = [packet for packet in packets if packet is not None]
    assert len(sent) == 4
    assert packets[:4] == sent
    assert sum(map(len, sent)) + lane.room == 4_000
    assert lane.room < len(FRAME) + PACKET_OVERHEAD_BYTES


def test_no_two_packets_are_alike_for_each_has_a_number_of_its_own() -> None:
    lane = opened()
    assert len({lane.seal(FRAME, 900, 100.1 + number) for number in range(8)}) == 8


@pytest.mark.parametrize("now", [99.0, 100.0, 200.0, 300.0])
def test_the_moment_of_its_opening_is_paced_the_usual_way_and_after_its_end_it_is_shut(now: float) -> None:
    assert opened().seal(FRAME, 900, now) is None


def test_the_longest_datagram_with_a_ping_before_it_fits() -> None:
    assert len(asking(datagram_frame(bytes(limits.DATAGRAM_BYTES_MAX)))) == FRAME_BYTES_MAX
