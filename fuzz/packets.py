"""Two ends of one connection with nothing between them: the dialler an enemy, who writes its own frames.

A fault of the library is what the endpoint would have taken it for: the end of that connection, and nothing else.
"""

from typing import Final

from aioquic.tls import Epoch

from fuzz.crowd import SOURCE
from meshcast.transport import limits
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection
from meshcast.transport.endings import FAULTS

HERE, THERE = ("192.0.2.1", 4433), ("192.0.2.2", 4433)
HELD_BYTES_MAX: Final = (limits.BLOBS_MAX + 1) * limits.STREAM_WINDOW_BYTES + limits.CONNECTION_WINDOW_BYTES
PAYLOAD_BYTES_MAX: Final = 1_150


class Dialled:
    """A connection that is begun anew whenever the enemy has spoilt it."""

    def __init__(self) -> None:
        self._accepting = accepting(SOURCE)
        self._dialling = dialling()
        self.begin()

    def begin(self) -> None:
        """Shake hands."""
        self.now = 1.0
        self.is_over = False
        self._dialler = MeshConnection(configuration=self._dialling)
        self._dialler.connect(THERE, now=self.now)
        first = self._dialler.datagrams_to_send(self.now)
        self._acceptor = MeshConnection(
            configuration=self._accepting, original_destination_connection_id=first[0][0][6:14]
        )
        for data, _ in first:
            self._acceptor.receive_datagram(data, HERE, self.now)
        for _ in range(4):
            self._exchange()

    def inject(self, payload: bytes) -> None:
        """Put a payload into a packet that the acceptor can decrypt, and look whether it holds too much afterwards."""
        quic = self._dialler
        number, quic._packet_number = quic._packet_number, quic._packet_number + 1
        header = bytes([0x41]) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
        plain = payload[:PAYLOAD_BYTES_MAX].ljust(4, b"\0")
        packet = quic._cryptos[Epoch.ONE_RTT].encrypt_packet(header, plain, number)
        acceptor = self._acceptor
        self.now += 0.001
        try:
            acceptor.receive_datagram(packet, HERE, self.now)
            while acceptor.next_event() is not None:
                pass
            acceptor.datagrams_to_send(self.now)
        except FAULTS:
            self.is_over = True
            return
        held = sum(len(stream.receiver._buffer) for stream in acceptor._streams.values())
        assert held <= HELD_BYTES_MAX, f"{held} bytes are held for gaps"
        self.is_over = acceptor.ending is not None

    def _exchange(self) -> None:
        for quic, other, sender in (
            (self._acceptor, self._dialler, THERE),
            (self._dialler, self._acceptor, HERE),
        ):
            self.now += 0.001
            for data, _ in quic.datagrams_to_send(self.now):
                other.receive_datagram(data, sender, self.now)
            while other.next_event() is not None:
                pass
