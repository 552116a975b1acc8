"""What is changed in aioquic holds: bounds, probes, the exporter. (Acknowledgements: `test_acknowledgements`.)"""

import gc
import importlib
import itertools
import weakref

import aioquic
import pytest
from aioquic._buffer import Buffer
from aioquic.quic import events
from aioquic.quic.packet import pull_quic_transport_parameters
from aioquic.tls import Epoch

from meshcast.transport import connection, limits
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection
from meshcast.transport.endings import Blame
from tests.transport.pair import HERE, IDENTITY, THERE, Pair


def test_both_ends_export_the_same_32_bytes_and_every_connection_its_own() -> None:
    first, second = Pair(), Pair()
    assert len(first.dialler.exported) == 32
    assert first.dialler.exported == first.acceptor.exported
    assert first.dialler.exported != second.dialler.exported


def test_the_dialler_learns_the_acceptors_key_and_not_the_reverse() -> None:
    pair = Pair()
    assert pair.dialler.peer_key() == IDENTITY.peer_id
    with pytest.raises(Exception, match="no certificate"):
        pair.acceptor.peer_key()


def test_the_acknowledgement_delay_that_is_used_is_announced() -> None:
    pair = Pair()
    assert pair.dialler._loss.max_ack_delay == limits.ACK_DELAY_S
    assert pair.acceptor._loss.max_ack_delay == limits.ACK_DELAY_S
    parameters = pull_quic_transport_parameters(Buffer(data=pair.dialler._serialize_transport_parameters()))
    assert parameters.max_ack_delay == limits.ACK_DELAY_S * 1_000
    assert parameters.active_connection_id_limit == 2
    assert parameters.initial_max_streams_bidi == 0


def test_nothing_but_a_late_acknowledgement_is_no_work_until_it_is_due() -> None:
    pair = Pair()
    pair.run(1)
    pair.acceptor.queue_datagram(bytes(300), pair.now)
    assert pair.acceptor.has_work(pair.now)
    pair.step()
    assert not pair.acceptor.has_work(pair.now)
    arrived = pair.now
    assert not pair.dialler.has_work(arrived + limits.ACK_DELAY_S - 0.001)
    assert pair.dialler.has_work(arrived + limits.ACK_DELAY_S + 0.001)


def test_probes_go_on_through_a_blackout_at_a_steady_pace() -> None:
    pair = Pair()
    pair.run(1)
    pair.acceptor.send_stream_data(3, b"important")
    sent = []
    for _ in range(800):
        before = pair.packets[pair.acceptor]
        pair.step(lose=pair.acceptor)
        if pair.packets[pair.acceptor] > before:
            sent.append(pair.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    timeout = pair.acceptor._loss.get_probe_timeout()
    assert max(gaps) <= timeout * 2**limits.PROBE_DOUBLINGS_MAX + 0.02
    assert pair.acceptor.ending is None


def test_a_datagram_has_room_only_within_the_window_and_without_a_queue() -> None:
    pair = Pair()
    pair.run(1)
    quic, taken = pair.acceptor, 0
    while quic.has_room_for(1_000):
        quic.queue_datagram(bytes(1_000), pair.now)
        taken += 1
        if taken % 4 == 0:
            pair.step(lose=quic)
    assert quic._loss.bytes_in_flight + 1_040 * (
        len(quic._datagrams_pending) + 1
    ) > quic._loss.congestion_window or (len(quic._datagrams_pending) == limits.DATAGRAMS_PENDING_MAX)
    assert taken <= quic._loss.congestion_window / 1_000


def test_pending_datagrams_become_stale_and_are_shed() -> None:
    pair = Pair()
    pair.run(1)
    for _ in range(5):
        pair.acceptor.queue_datagram(b"old", pair.now)
    assert pair.acceptor.shed_stale_datagrams(pair.now + limits.DATAGRAM_STALE_S / 2) == 0
    assert pair.acceptor.shed_stale_datagrams(pair.now + limits.DATAGRAM_STALE_S + 0.01) == 5
    assert pair.acceptor.shed_stale_datagrams(pair.now + 99) == 0


def test_without_support_for_datagrams_on_the_other_side_there_is_no_room() -> None:
    pair = Pair()
    pair.acceptor._remote_max_datagram_frame_size = None
    assert not pair.acceptor.has_room_for(1)
    pair.acceptor._remote_max_datagram_frame_size = 50
    assert pair.acceptor.has_room_for(47)
    assert not pair.acceptor.has_room_for(48)


def test_a_long_stream_flows_through_windows_that_never_grow() -> None:
    pair = Pair()
    data = bytes(1_000_000)
    pair.acceptor.send_stream_data(3, data, end_stream=True)
    for _ in range(2_000):
        pair.step()
        stream = pair.dialler._streams.get(3)
        if stream is not None:
            ahead = stream.max_stream_data_local - stream.receiver._buffer_start
            assert ahead <= limits.STREAM_WINDOW_BYTES
        limit = pair.dialler._local_max_data
        assert limit.value - limit.used <= limits.CONNECTION_WINDOW_BYTES
        if pair.acceptor.is_delivered(3):
            break
    got = b"".join(e.data for e in pair.events[pair.dialler] if isinstance(e, events.StreamDataReceived))
    assert got == data


def test_a_lost_window_update_is_sent_again() -> None:
    pair = Pair()
    pair.acceptor.send_stream_data(3, bytes(300_000), end_stream=True)
    for number in range(3_000):
        pair.step(lose=pair.dialler if number % 3 == 0 else None)
        if pair.acceptor.is_delivered(3):
            break
    assert pair.acceptor.is_delivered(3)


def test_a_handshake_that_is_too_long_is_refused_before_it_is_buffered() -> None:
    pair = Pair()
    quic = MeshConnection(configuration=accepting(IDENTITY), original_destination_connection_id=b"12345678")
    client = MeshConnection(configuration=dialling())
    client._peer_cid.cid = b"12345678"
    client._original_destination_connection_id = b"12345678"
    client.connect(THERE, now=1.0)
    sender = client._crypto_streams[Epoch.INITIAL].sender
    sender._buffer_start = sender._buffer_stop = 0
    sender.write(bytes(limits.CRYPTO_BYTES_MAX + 10))
    sender._pending.subtract(0, limits.CRYPTO_BYTES_MAX)
    (data, _), *_ = client.datagrams_to_send(1.0)
    quic.receive_datagram(data, HERE, 1.0)
    assert quic.ending is not None
    assert quic.ending.blame is Blame.FAULT
    assert len(quic._crypto_streams[Epoch.INITIAL].receiver._buffer) == 0
    assert pair.acceptor.ending is None


def test_keys_are_renewed_daily_and_the_connection_goes_on() -> None:
    pair = Pair()
    pair.run(1)
    phases = [pair.dialler._cryptos[Epoch.ONE_RTT].key_phase]
    for _ in range(2):
        pair.dialler._close_at = pair.acceptor._close_at = 1e9
        pair.now += limits.KEY_UPDATE_S + 1
        pair.dialler.ping()
        pair.run(0.5)
        pair.acceptor.queue_datagram(b"still here", pair.now)
        pair.run(0.5)
        phases.append(pair.dialler._cryptos[Epoch.ONE_RTT].key_phase)
        assert pair.acceptor._cryptos[Epoch.ONE_RTT].key_phase == phases[-1]
    assert phases == [0, 1, 0]
    assert pair.datagrams(pair.dialler) == [b"still here"] * 2


def test_streams_are_known_as_writable_delivered_or_neither() -> None:
    pair = Pair()
    assert pair.dialler.can_write(0)
    assert not pair.acceptor.can_write(0), "the dialler opens it"
    pair.dialler.send_stream_data(0, b"hello")
    assert pair.dialler.unacknowledged(0) == 5
    assert not pair.dialler.is_delivered(0)
    pair.run(0.1)
    assert pair.dialler.unacknowledged(0) == 0
    assert pair.dialler.is_delivered(0)
    assert pair.acceptor.can_write(0)
    pair.acceptor.send_stream_data(0, b"", end_stream=True)
    assert not pair.acceptor.can_write(0)
    assert not pair.acceptor.is_delivered(0)
    pair.run(0.1)
    assert pair.acceptor.is_delivered(0)
    pair.acceptor.stop_stream(0, 0)
    pair.run(0.1)
    assert not pair.dialler.can_write(0)


def test_a_dismantled_connection_is_free_without_the_garbage_collector() -> None:
    pair = Pair()
    quic = pair.dialler
    watched = weakref.ref(quic._loss), weakref.ref(quic.tls)
    gc.collect()
    gc.disable()
    try:
        quic.dismantle()
        assert [ref() for ref in watched] == [None, None]
    finally:
        gc.enable()


def test_another_version_of_the_library_is_refused_in_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aioquic, "__version__", "1.8.0")
    with pytest.raises(ImportError, match=r"needs aioquic 1\.7\.2, 1\.8\.0 is installed; run: pip install"):
        importlib.reload(connection)
