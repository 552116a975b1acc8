"""An enemy that speaks QUIC as we do, proves its key as we do, and then puts into its packets what it likes."""

from aioquic.quic.events import QuicEvent
from aioquic.tls import Epoch

from fuzz.crowd import identity
from meshcast.protocol.units import Address, PeerId
from meshcast.transport.channel import Channel, ChannelState
from meshcast.transport.datagram import DatagramSocket
from meshcast.transport.endings import Ending
from meshcast.transport.endpoint import Endpoint
from meshcast.transport.framing import CONTROL_STREAM, preamble

PAYLOAD_BYTES_MAX = 1_150
"""What fits into one packet beside its header and tag."""


class Enemy:
    """One hostile peer, under a new key for each connection; the owner of its channel."""

    def __init__(self, number: int, socket: DatagramSocket, victim: PeerId, target: Address) -> None:
        self._number = number
        self._victim = victim
        self._target = target
        self._socket = socket
        self._channel: Channel | None = None
        self._lives = 0
        self.name = ""
        self.is_ready = False
        """The victim has been shown a proof, and may take what comes."""
        self.endpoint = Endpoint(identity(f"enemy {number}"), socket, self._accept, lambda: None)

    @property
    def address(self) -> Address:
        """Tell where its packets come from."""
        return self._socket.address

    def dial(self) -> None:
        """Connect anew, unless a connection is under way or up."""
        if self._channel is None:
            self._lives += 1
            self.name = f"enemy {self._number} of life {self._lives}"
            self._channel = self.endpoint.dial(self._target)
            self._channel.owner = self

    def inject(self, payload: bytes) -> bool:
        """Send a payload of its own making in a packet that the victim can decrypt; False when that is over."""
        channel = self._channel
        if channel is None or not self.is_ready or channel.state is not ChannelState.OPEN:
            return False
        quic = channel.quic
        number = quic._packet_number
        quic._packet_number += 1
        header = bytes([0x41]) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
        plain = payload[:PAYLOAD_BYTES_MAX].ljust(4, b"\0")
        packet = quic._cryptos[Epoch.ONE_RTT].encrypt_packet(header, plain, number)
        return self._socket.send(packet, self._target)

    def say(self, data: bytes) -> bool:
        """Write to the control stream, as a peer does."""
        channel = self._channel
        if channel is None or not self.is_ready or not channel.is_live:
            return False
        if channel.quic.can_write(CONTROL_STREAM) and channel.quic.unacknowledged(CONTROL_STREAM) < 100_000:
            channel.quic.send_stream_data(CONTROL_STREAM, data)
            self.endpoint.touch(channel)
        return True

    def vanish(self) -> None:
        """Go without a word."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            self.is_ready = False
            self.endpoint.drop(channel)

    def _accept(self, channel: Channel) -> "Enemy":
        return self

    # ---- what its endpoint tells it

    def established(self) -> None:
        """Prove the key of this life."""
        channel = self._channel
        if channel is not None:
            proof = preamble(identity(self.name), self._victim, channel.quic.exported)
            channel.quic.send_stream_data(CONTROL_STREAM, proof)
            self.endpoint.touch(channel)
            self.is_ready = True

    def heard(self, data: bytes) -> None:
        """Take no notice."""

    def received(self, event: QuicEvent) -> None:
        """Take no notice."""

    def progressed(self) -> None:
        """Take no notice."""

    def ended(self, ending: Ending) -> None:
        """Begin anew when asked to."""
        self._channel, self.is_ready = None, False

    def deadline(self) -> float:
        """Wait for nothing."""
        return float("inf")

    def expired(self, now: float) -> None:
        """Never come."""
        raise AssertionError(now)
