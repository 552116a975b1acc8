"""The window stays between its floor and its ceiling, whatever happens."""

from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.tls import Epoch
from hypothesis import given
from hypothesis import strategies as st

from meshcast.transport.congestion import WINDOW_BYTES_MAX, WINDOW_PACKETS_MIN, AudioCongestionControl


def packet(sent_time: float) -> QuicSentPacket:
    made = QuicSentPacket(
        epoch=Epoch.ONE_RTT,
        in_flight=True,
        is_ack_eliciting=True,
        is_crypto_packet=False,
        packet_number=0,
        packet_type=QuicPacketType.ONE_RTT,
    )
    made.sent_time, made.sent_bytes = sent_time, 1_200
    return made


@given(st.lists(st.sampled_from(["acked", "acked", "acked", "lost", "persistent"]), max_size=400))
def test_the_window_stays_within_its_bounds(happenings: list[str]) -> None:
    control = AudioCongestionControl(max_datagram_size=1_200)
    for now, happening in enumerate(happenings, start=1):
        sent = packet(now)
        control.on_packet_sent(packet=sent)
        match happening:
            case "acked":
                control.on_packet_acked(packet=sent, now=now + 0.5)
            case "lost":
                control.on_packets_lost(packets=[sent], now=now + 0.5)
            case _:
                control.on_packets_expired(packets=[sent])
                control.on_persistent_congestion()
        assert WINDOW_PACKETS_MIN * 1_200 <= control.congestion_window <= WINDOW_BYTES_MAX
        assert control.bytes_in_flight == 0


def test_the_window_grows_without_loss_and_shrinks_with_it() -> None:
    control = AudioCongestionControl(max_datagram_size=1_200)
    before = control.congestion_window
    for now in range(1, 11):
        sent = packet(now)
        control.on_packet_sent(packet=sent)
        control.on_packet_acked(packet=sent, now=now)
    grown = control.congestion_window
    assert grown > before
    sent = packet(20)
    control.on_packet_sent(packet=sent)
    control.on_packets_lost(packets=[sent], now=21)
    assert control.congestion_window < grown
