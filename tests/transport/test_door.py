"""Strangers get in by a first packet of our version, and under load only from an address that is theirs."""

from typing import Any

import pytest
from aioquic.quic.packet import QuicPacketType

from meshcast.protocol.identity import Identity
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection
from meshcast.transport.door import Admission, Answer, Door, parse_header
from meshcast.transport.limits import HANDSHAKES_MAX, RETRY_ABOVE, RETURNING_BURST, STRANGERS_BURST

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)


def dialler() -> MeshConnection:
    quic = MeshConnection(configuration=dialling())
    quic.connect(THERE, now=1.0)
    return quic


def first_packet(quic: MeshConnection, now: float = 1.0) -> bytes:
    (data, _), *_ = quic.datagrams_to_send(now)
    return data


def test_a_first_packet_gets_in_under_the_ids_that_it_names() -> None:
    data = first_packet(dialler())
    assert Door().knock(data, HERE, 0, 1.0) == Admission(data[6:14], data[6:14], None)


def test_under_load_a_stranger_gets_in_with_the_token_it_was_sent() -> None:
    door, quic = Door(), dialler()
    first = first_packet(quic)
    answer = door.knock(first, HERE, RETRY_ABOVE, 1.0)
    assert isinstance(answer, Answer)
    assert len(answer.data) < len(first)
    quic.receive_datagram(answer.data, THERE, 1.1)
    second = first_packet(quic, 1.1)
    admission = door.knock(second, HERE, RETRY_ABOVE, 1.2)
    assert admission == Admission(second[6:14], first[6:14], second[6:14])
    acceptor = MeshConnection(
        configuration=accepting(Identity.from_seed(bytes(32))),
        original_destination_connection_id=admission.original_cid,
        retry_source_connection_id=admission.retry_cid,
    )
    acceptor.receive_datagram(second, HERE, 1.2)
    for data, _ in acceptor.datagrams_to_send(1.2):
        quic.receive_datagram(data, THERE, 1.3)
    assert quic.ending is None
    assert quic.exported


@pytest.mark.parametrize(
    ("sender", "now", "same_door"),
    [(("10.0.0.3", 1), 1.2, True), (("10.0.0.1", 9), 1.2, True), (HERE, 99.0, True), (HERE, 1.2, False)],
    ids=["other host", "other port", "too late", "another process"],
)
def test_a_token_is_worth_nothing_to_others_or_later(
    sender: tuple[str, int], now: float, *, same_door: bool
) -> None:
    door, quic = Door(), dialler()
    answer = door.knock(first_packet(quic), HERE, RETRY_ABOVE, 1.0)
    assert isinstance(answer, Answer)
    quic.receive_datagram(answer.data, THERE, 1.1)
    second = first_packet(quic, 1.1)
    assert (door if same_door else Door()).knock(second, sender, RETRY_ABOVE, now) is None


def test_beyond_the_second_limit_nobody_gets_in() -> None:
    assert Door().knock(first_packet(dialler()), HERE, HANDSHAKES_MAX, 1.0) is None


def test_whatever_is_no_first_packet_of_full_size_is_dropped_without_a_word() -> None:
    door, data = Door(), first_packet(dialler())
    assert door.knock(data[:1_199], HERE, 0, 1.0) is None
    assert door.knock(bytes([data[0] & 0x7F]) + data[1:], HERE, 0, 1.0) is None, "a short header"
    assert door.knock(bytes([data[0] & 0xBF]) + data[1:], HERE, 0, 1.0) is None, (
        "the fixed bit is clear: a punch"
    )
    assert door.knock(bytes([data[0] | 0x20]) + data[1:], HERE, 0, 1.0) is None, "a handshake packet"
    short_id = data[:5] + b"\x04" + data[6:10] + data[14:] + bytes(8)
    header = parse_header(short_id)
    assert header is not None
    assert header.packet_type is QuicPacketType.INITIAL
    assert door.knock(short_id, HERE, 0, 1.0) is None, "an id that is too short to be unguessable"


def test_another_version_is_told_ours_in_fewer_bytes_than_it_sent() -> None:
    data = bytearray(first_packet(dialler()))
    data[1:5] = b"\x6b\x33\x43\xcf"
    answer = Door().knock(bytes(data), HERE, 0, 1.0)
    assert isinstance(answer, Answer)
    assert answer.data[1:5] == bytes(4)
    assert answer.data[-4:] == b"\0\0\0\1"
    assert len(answer.data) < 64


def test_a_version_negotiation_is_never_answered() -> None:
    data = bytearray(first_packet(dialler()))
    data[1:5] = bytes(4)
    assert Door().knock(bytes(data[:1_200]), HERE, 0, 1.0) is None


def knocking(door: Door, data: bytes, host: str, times: int, now: float = 1.0) -> list[Any]:
    return [door.knock(data, (host, number), 0, now) for number in range(times)]


def admitted(answers: list[Any]) -> int:
    return sum(isinstance(answer, Admission) for answer in answers)


def test_beyond_its_budget_a_network_must_prove_its_addresses_and_others_need_not() -> None:
    door, data = Door(), first_packet(dialler())
    answers = knocking(door, data, "203.0.113.7", 500)
    assert admitted(answers) == STRANGERS_BURST
    assert all(isinstance(answer, Admission | Answer) for answer in answers), "nobody is turned away"
    assert admitted(knocking(door, data, "203.0.113.9", 1)) == 0, "a neighbour is of the same network"
    assert admitted(knocking(door, data, "198.51.100.9", 1)) == 1
    assert admitted(knocking(door, data, "2001:db8:1::7", 500)) == STRANGERS_BURST
    assert admitted(knocking(door, data, "2001:db8:1:ffff::8", 1)) == 0
    assert admitted(knocking(door, data, "2001:db8:2::8", 1)) == 1


def test_who_pretends_to_be_of_a_network_keeps_nobody_of_it_out() -> None:
    door, quic = Door(), dialler()
    first = first_packet(quic)
    for _ in range(3):
        knocking(door, first, HERE[0], 500)
    answer = door.knock(first, HERE, 0, 1.0)
    assert isinstance(answer, Answer)
    quic.receive_datagram(answer.data, THERE, 1.1)
    assert isinstance(door.knock(first_packet(quic, 1.1), HERE, 0, 1.2), Admission)


def test_who_comes_back_with_a_token_draws_on_a_budget_too_and_may_try_again() -> None:
    door, quic = Door(), dialler()
    first = first_packet(quic)
    knocking(door, first, HERE[0], STRANGERS_BURST)
    answer = door.knock(first, HERE, 0, 1.0)
    assert isinstance(answer, Answer)
    quic.receive_datagram(answer.data, THERE, 1.1)
    second = first_packet(quic, 1.1)
    answers = [door.knock(second, HERE, 0, 1.2) for _ in range(2 * RETURNING_BURST)]
    assert admitted(answers) == RETURNING_BURST
    assert answers[-1] is None
    assert isinstance(door.knock(second, HERE, 0, 2.3), Admission)


def test_on_one_machine_nobody_is_counted() -> None:
    data = first_packet(dialler())
    for host in ("127.0.0.1", "127.0.0.99", "::1"):
        assert admitted(knocking(Door(), data, host, 1_000)) == 1_000
