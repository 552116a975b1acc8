"""What a handshake leaves behind is let go, and what comes late for it does no harm."""

import pytest

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.endings import Blame
from meshcast.transport.fast_connection import FastConnection
from meshcast.transport.fast_release import _GONE, _NOTHING

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)
IDENTITY = Identity.from_seed(b"acceptor".ljust(32))


class Pair:
    """A dialler and an acceptor that have shaken hands and let it go, and every packet that it took."""

    def __init__(self) -> None:
        self.now = 100.0
        self.dialler = FastConnection(configuration=dialling())
        self.dialler.connect(THERE, now=self.now)
        first = self.dialler.datagrams_to_send(self.now)
        self.acceptor = FastConnection(
            configuration=accepting(IDENTITY), original_destination_connection_id=first[0][0][6:14]
        )
        self.to_acceptor = [data for data, _ in first]
        self.to_dialler: list[bytes] = []
        for data, _ in first:
            self.acceptor.receive_datagram(data, HERE, self.now)
        for _ in range(6):
            self.step()
        for quic in (self.dialler, self.acceptor):
            while quic.next_event() is not None:
                pass
            quic.release_handshake()

    def step(self) -> None:
        for data, _ in self.acceptor.datagrams_to_send(self.now):
            self.to_dialler.append(data)
            self.dialler.receive_datagram(data, THERE, self.now)
        for data, _ in self.dialler.datagrams_to_send(self.now):
            self.to_acceptor.append(data)
            self.acceptor.receive_datagram(data, HERE, self.now)
        self.now += 0.02


def test_the_handshake_is_let_go_on_both_sides_and_both_can_talk_on() -> None:
    pair = Pair()
    for quic in (pair.dialler, pair.acceptor):
        assert len(quic._crypto_streams) == 1
        assert quic._crypto_buffers == {}
        assert len(quic._loss.spaces) == 1
    pair.dialler.send_stream_data(0, b"hello")
    pair.acceptor.queue_datagram(b"chunk", pair.now)
    for _ in range(3):
        pair.step()
    assert [event.data for event in iter(pair.acceptor.next_event, None)] == [b"hello"]  # type: ignore[attr-defined]
    assert [event.data for event in iter(pair.dialler.next_event, None)] == [b"chunk"]  # type: ignore[attr-defined]


def test_the_key_that_was_proved_is_remembered() -> None:
    pair = Pair()
    assert pair.dialler.peer_key() == IDENTITY.peer_id
    with pytest.raises(RemoteProtocolError, match="no certificate"):
        pair.acceptor.peer_key()


def test_it_is_not_let_go_before_it_is_over_nor_before_what_came_of_it_was_taken() -> None:
    quic = FastConnection(configuration=dialling())
    quic.connect(THERE, now=1.0)
    quic.release_handshake()
    assert not quic._is_released
    pair = Pair()
    assert pair.dialler._is_released
    assert pair.acceptor._is_released


def test_packets_of_the_handshake_that_come_again_are_dropped_and_what_is_shared_stays_as_it_is() -> None:
    pair = Pair()
    for data in pair.to_acceptor:
        pair.acceptor.receive_datagram(data, HERE, pair.now)
    for data in pair.to_dialler:
        pair.dialler.receive_datagram(data, THERE, pair.now)
    for quic in (pair.dialler, pair.acceptor):
        assert quic.ending is None
    assert _NOTHING.discarded
    assert _NOTHING.expected_packet_number == 0
    assert not _NOTHING.sent_packets
    assert len(_NOTHING.ack_queue) == 0
    assert not _GONE.send.is_valid()
    assert not _GONE.recv.is_valid()
    pair.acceptor.queue_datagram(b"still here", pair.now)
    pair.step()
    assert [event.data for event in iter(pair.dialler.next_event, None)] == [b"still here"]  # type: ignore[attr-defined]


def test_whoever_goes_on_with_the_handshake_is_cut_off() -> None:
    pair = Pair()
    pair.dialler._one_rtt_stream.sender.write(b"\x04\x00\x00\x01x")
    pair.dialler._is_settled = False
    pair.step()
    pair.step()
    assert pair.acceptor.ending is not None
    assert pair.acceptor.ending.blame is Blame.FAULT
    assert "handshake is over" in pair.acceptor.ending.reason


def test_a_farewell_after_that_goes_its_way() -> None:
    pair = Pair()
    pair.dialler.close(error_code=3, reason_phrase="enough")
    pair.step()
    pair.step()
    assert pair.acceptor.ending is not None
    assert (pair.acceptor.ending.blame, pair.acceptor.ending.reason) == (Blame.PEER, "enough")
    pair.dialler.handle_timer(pair.now + 60)
    assert pair.dialler.ending is not None
