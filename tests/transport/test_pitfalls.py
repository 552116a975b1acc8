"""Fifteen pitfalls of aioquic 1.7.2: what the stock library does, and what stands between it and a hostile peer here.

| | pitfall | guard | asserted by |
|---|---|---|---|
| 1 | windows double by the highest offset, and gaps are allocated: eleven packets, a gigabyte | windows slide from what was read (`connection`) | `test_1`; `test_endpoint` over a network |
| 2 | resetting a stream that MAX_STREAMS still blocks ends the connection | no stream is ever reset, and none is ever blocked (`blobs`) | `test_2` |
| 3 | queued datagrams have no bound; one that is too long blocks the rest; support is not asked for | `has_room_for`, `DATAGRAM_BYTES_MAX` | `test_3` |
| 4 | a slow child makes streams grow without limit | datagrams now or never, blobs and control bytes counted until acknowledged (`line`) | `test_4` |
| 5 | every packet looks at every open stream | nine streams, and a tenth is an offence | `test_5` |
| 6 | probes back off without a cap | `PROBE_DOUBLINGS_MAX` | `test_6` |
| 7 | the window grows while the application is the limit | a ceiling (`congestion`) | `test_7` |
| 8 | closing throws away what is queued, and is said once | leaving waits for acknowledgements; farewells are repeated (`line`, `endpoint`) | `test_8` |
| 9 | timers after the end, and sending before a path, raise | faults cost the connection; nothing is asked after the end (`endpoint`) | `test_9` |
| 10 | a first packet that cannot be read holds a connection for 30 s | it is dropped at once, with all that belongs to it (`endpoint`) | `test_10` |
| 11 | a server follows its client's address, a client never its server's | silence is noticed, and the peer dialled anew (`line`) | `test_11` |
| 12 | no stateless reset, no key update | silence is noticed; the dialler renews keys daily (`connection`) | `test_12` |
| 13 | early data is taken with any valid ticket | no tickets are given or kept, so there is none (`connection`) | `test_13` |
| 14 | an empty client certificate passes, and there is no exporter | a signature over exported bytes is the proof (`framing`) | `test_14` |
| 15 | Reno without a floor takes reordering for loss | a floor (`congestion`) | `test_15` |

The first five, which are about what waits or is held, are asserted in `test_pitfalls_of_queues`, the others below. Where the stock
library can be shown to fall, it is shown. Memory is counted, never timed.
"""

from typing import Any

import pytest
import trio
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.congestion.reno import RenoCongestionControl
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.tls import Epoch
from trio.testing import MockClock

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.transport import limits
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.congestion import WINDOW_BYTES_MAX, WINDOW_PACKETS_MIN, AudioCongestionControl
from meshcast.transport.connection import MeshConnection
from meshcast.transport.endings import FAULTS
from meshcast.transport.framing import preamble, proven_peer
from meshcast.transport.reasons import DownReason
from tests.transport.stock_and_ours import HERE, IDENTITY, THERE, ours, stock

DIALLER = Identity.from_seed(b"dialler".ljust(32))


@pytest.mark.parametrize(("make", "is_capped"), [(stock, False), (ours, True)], ids=["stock", "ours"])
def test_6_probes_of_a_blackout_back_off_without_end_in_stock_and_little_here(
    make: Any, is_capped: bool
) -> None:
    pair = make()
    pair.acceptor.send_stream_data(3, b"important")
    worst = 0
    for _ in range(1_500):
        pair.step(lose=pair.acceptor)
        worst = max(worst, pair.acceptor._loss._pto_count)
    assert (worst <= limits.PROBE_DOUBLINGS_MAX) is is_capped


def acknowledged(congestion: RenoCongestionControl, packets: int, lost_every: int = 0) -> int:
    """Send and have acknowledged, with a loss (or what looks like one) now and then; give the smallest window."""
    least = congestion.congestion_window
    for number in range(packets):
        packet = QuicSentPacket(
            Epoch.ONE_RTT,
            True,
            True,
            True,
            number,
            QuicPacketType.ONE_RTT,
            sent_time=number,
            sent_bytes=1_200,
        )
        congestion.on_packet_sent(packet=packet)
        if lost_every and number % lost_every == lost_every - 1:
            congestion.on_packets_lost(now=number, packets=[packet])
        else:
            congestion.on_packet_acked(packet=packet, now=number)
        least = min(least, congestion.congestion_window)
    return least


def test_7_the_window_has_a_ceiling_although_nothing_is_ever_lost() -> None:
    control = RenoCongestionControl(max_datagram_size=1_200)
    acknowledged(control, 2_000)
    assert control.congestion_window > 10 * WINDOW_BYTES_MAX
    bounded = AudioCongestionControl(max_datagram_size=1_200)
    acknowledged(bounded, 2_000)
    assert bounded.congestion_window == WINDOW_BYTES_MAX


async def test_8_closing_loses_what_is_queued_in_stock_and_leaving_delivers_it_here(
    autojump_clock: MockClock, street: Any
) -> None:
    pair = stock()
    pair.dialler.send_stream_data(0, b"last words", end_stream=True)
    pair.dialler.close()
    for _ in range(4):
        pair.step()
    assert not [event for event in pair.events if isinstance(event, events.StreamDataReceived)]
    left, right = await street.linked("left", "right")
    left.links.send(right.id, b"last words")
    left.links.hang_up(right.id, "goodbye")
    await trio.sleep(1)
    assert right.frames == [b"last words"]
    assert [(down.reason, down.detail) for down in right.downs] == [(DownReason.CLOSED, "goodbye")]


async def test_9_what_the_stock_library_raises_out_of_turn_is_a_fault_of_one_connection(
    autojump_clock: MockClock, street: Any
) -> None:
    pair = stock()
    pair.dialler.close()
    pair.dialler.datagrams_to_send(pair.now)
    pair.dialler.handle_timer(pair.now + 60)
    with pytest.raises(TypeError) as late:
        pair.dialler.handle_timer(pair.now + 120)
    with pytest.raises(IndexError) as early:
        QuicConnection(configuration=QuicConfiguration()).datagrams_to_send(1.0)
    assert isinstance(late.value, FAULTS)
    assert isinstance(early.value, FAULTS)
    left, right = await street.linked("left", "right")
    street.fabric.kill(right.address)
    left.links.hang_up(right.id)
    await trio.sleep(120)
    assert left.connections == right.connections == 0


async def test_10_a_first_packet_that_cannot_be_read_leaves_nothing_behind(
    autojump_clock: MockClock, street: Any
) -> None:
    first = bytearray(dialled_packet())
    first[6:14] = b"another!"
    held = QuicConnection(
        configuration=accepting(IDENTITY), original_destination_connection_id=bytes(first[6:14])
    )
    held.receive_datagram(bytes(first), HERE, 1.0)
    timer = held.get_timer()
    assert timer is not None
    assert timer - 1.0 >= limits.IDLE_S, "the stock connection waits for its idle timeout"
    victim = await street.peer("victim")
    for number in range(200):
        street.fabric.carry((f"10.7.{number}.7", 4433), victim.address, bytes(first))
        await trio.sleep(0.001)
    await trio.sleep(0.1)
    endpoint = victim.links._endpoint
    assert victim.links.strays == 200
    assert victim.links.strangers_refused == 200
    assert (endpoint.connections, endpoint.in_progress, len(endpoint._channels._by_id)) == (0, 0, 0)
    assert len(victim.links._strangers) == 0, "each left its line behind, for ever"


def dialled_packet() -> bytes:
    quic = MeshConnection(configuration=dialling())
    quic.connect(THERE, now=1.0)
    return bytes(quic.datagrams_to_send(1.0)[0][0])


async def test_11_a_dialler_may_move_and_an_acceptor_that_moves_is_missed_and_dialled_anew(
    autojump_clock: MockClock, street: Any
) -> None:
    dialler, acceptor = await street.linked("dialler", "acceptor")
    dialler.links._socket.rebind("10.0.9.9", 5_000)
    dialler.links.ping(acceptor.id)
    await trio.sleep(0.5)
    assert acceptor.links.address(dialler.id) == ("10.0.9.9", 5_000)
    acceptor.links._socket.rebind("10.0.8.8", 5_000)
    dialler.links.send(acceptor.id, b"are you there?")
    await trio.sleep(limits.SILENCE_S_MAX + 0.5)
    assert [down.reason for down in dialler.downs] == [DownReason.SILENT]
    dialler.links.dial(acceptor.id, acceptor.address)
    await trio.sleep(0.5)
    assert dialler.links.is_up(acceptor.id)


async def test_12_a_peer_that_has_forgotten_us_is_noticed_by_its_silence(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    right.links._endpoint._channels._by_id.clear()
    await trio.sleep(limits.PING_S + limits.SILENCE_S_MAX + 0.5)
    assert [down.peer for down in left.downs] == [right.id]
    assert left.downs[0].reason in {DownReason.SILENT, DownReason.CLOSED}, "whoever is first to notice"


def test_12_the_dialler_renews_the_keys_once_a_day() -> None:
    pair = ours()
    pair.step()
    before = pair.dialler._cryptos[Epoch.ONE_RTT].key_phase
    pair.now += limits.KEY_UPDATE_S + 1
    pair.dialler.datagrams_to_send(pair.now)
    assert pair.dialler._cryptos[Epoch.ONE_RTT].key_phase == 1 - before


def test_13_no_ticket_is_given_so_no_early_data_is_ever_taken() -> None:
    pair = ours()
    acceptor, dialler = pair.acceptor, pair.dialler
    assert acceptor._session_ticket_handler is None
    assert acceptor._session_ticket_fetcher is None
    assert dialler._configuration.session_ticket is None
    assert not acceptor.tls.early_data_accepted
    assert not acceptor.tls.session_resumed
    assert Epoch.ZERO_RTT not in acceptor._cryptos or not acceptor._cryptos[Epoch.ZERO_RTT].recv.is_valid()


def test_14_the_proof_of_a_key_is_bound_to_one_connection_and_one_acceptor() -> None:
    pair, other = ours(), ours()
    assert not hasattr(pair.dialler.tls, "export_keying_material"), "the library has no exporter"
    assert isinstance(pair.dialler, MeshConnection)
    assert isinstance(pair.acceptor, MeshConnection)
    assert isinstance(other.acceptor, MeshConnection)
    proof = preamble(DIALLER, IDENTITY.peer_id, pair.dialler.exported)
    assert proven_peer(proof, IDENTITY.peer_id, pair.acceptor.exported) == DIALLER.peer_id
    for acceptor, exported in (
        (IDENTITY.peer_id, other.acceptor.exported),
        (DIALLER.peer_id, pair.acceptor.exported),
        (IDENTITY.peer_id, b""),
    ):
        with pytest.raises(RemoteProtocolError):
            proven_peer(proof, acceptor, exported)
    with pytest.raises(RemoteProtocolError):
        proven_peer(bytes(96), IDENTITY.peer_id, pair.acceptor.exported)


def test_15_what_looks_like_loss_again_and_again_never_closes_the_window() -> None:
    stock_least = acknowledged(RenoCongestionControl(max_datagram_size=1_200), 400, lost_every=5)
    assert stock_least <= 3 * 1_200
    assert acknowledged(AudioCongestionControl(max_datagram_size=1_200), 400, lost_every=5) >= (
        WINDOW_PACKETS_MIN * 1_200
    )
