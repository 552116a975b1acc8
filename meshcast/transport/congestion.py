"""How much may be on its way: Reno between a floor and a ceiling.

Sound is inelastic. Reno below a few packets a round trip would starve a link that merely reorders (more than three
packets of jitter look like loss to it), and without anything that fills the window it grows for ever, so that a dead
child would swallow megabytes before anybody noticed. The floor carries 128 kbit/s, signatures and headers included, over
a round trip of 0.6 s: ten packets that come within it, the ten that may wait for their acknowledgement, and ten more when
that is lost: with 20 one chunk in 7,000 found no room then (40 crowds at 5 % loss, on the bed). With a floor of 8 packets,
5 % loss and reordering left no room for one chunk in fifteen (80 ms away, on the bed). The ceiling carries 1.5 Mbit/s over
half a second. A child that cannot take what it is sent is shed by what stands above (datagrams refused, silence), not by a
window of two packets.
"""

from collections.abc import Iterable
from typing import Final

from aioquic.quic.congestion.base import register_congestion_control
from aioquic.quic.congestion.reno import RenoCongestionControl
from aioquic.quic.packet_builder import QuicSentPacket

from meshcast.transport.limits import ACK_PACKETS

ALGORITHM: Final = "meshcast"
WINDOW_PACKETS_MIN: Final = 30
WINDOW_BYTES_MAX: Final = 131_072

assert 3 * ACK_PACKETS <= WINDOW_PACKETS_MIN, "an acknowledgement that is lost leaves room until the next"


class AudioCongestionControl(RenoCongestionControl):
    """Reno (RFC 9002, section 7) whose window stays within bounds."""

    def __init__(self, *, max_datagram_size: int) -> None:
        """Begin with the floor: the library begins with ten packets."""
        super().__init__(max_datagram_size=max_datagram_size)
        self._hold_floor()

    def on_packet_acked(self, *, packet: QuicSentPacket, now: float) -> None:
        """Grow, up to the ceiling."""
        super().on_packet_acked(packet=packet, now=now)
        self.congestion_window = min(self.congestion_window, WINDOW_BYTES_MAX)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """Shrink, down to the floor."""
        super().on_packets_lost(now=now, packets=packets)
        self._hold_floor()

    def on_persistent_congestion(self) -> None:
        """Collapse, down to the floor."""
        super().on_persistent_congestion()
        self._hold_floor()

    def _hold_floor(self) -> None:
        self.congestion_window = max(self.congestion_window, WINDOW_PACKETS_MIN * self._max_datagram_size)


register_congestion_control(ALGORITHM, AudioCongestionControl)
