"""Two ends of a connection, of the stock library or of ours: the pitfalls of the one are shown on them, and the guards of ours."""

import ssl
from typing import Any

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import Epoch

from meshcast.protocol.identity import Identity
from meshcast.transport.certificates import certificate_of
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)
IDENTITY = Identity.from_seed(b"acceptor".ljust(32))


class Pair:
    """Two ends, of the stock library or of ours, with nothing between them."""

    def __init__(self, *, is_stock: bool) -> None:
        self.now = 100.0
        self.dialler = self._dialler(is_stock)
        self.dialler.connect(THERE, now=self.now)
        first = self.dialler.datagrams_to_send(self.now)
        self.acceptor = self._acceptor(is_stock, first[0][0][6:14])
        self.events: list[events.QuicEvent] = []
        """What the acceptor was told."""
        self._deliver(self.acceptor, first)
        for _ in range(8):
            self.step()
        self.events.clear()

    @staticmethod
    def _dialler(is_stock: bool) -> QuicConnection:
        if not is_stock:
            return MeshConnection(configuration=dialling())
        return QuicConnection(
            configuration=QuicConfiguration(verify_mode=ssl.CERT_NONE, max_datagram_frame_size=65_536)
        )

    @staticmethod
    def _acceptor(is_stock: bool, cid: bytes) -> QuicConnection:
        if not is_stock:
            return MeshConnection(configuration=accepting(IDENTITY), original_destination_connection_id=cid)
        configuration = QuicConfiguration(is_client=False, max_datagram_frame_size=65_536)
        configuration.certificate, configuration.private_key = certificate_of(IDENTITY), IDENTITY.private_key
        return QuicConnection(configuration=configuration, original_destination_connection_id=cid)

    def step(self, lose: QuicConnection | None = None, seconds: float = 0.01) -> None:
        for quic, other in ((self.dialler, self.acceptor), (self.acceptor, self.dialler)):
            timer = quic.get_timer()
            if timer is not None and timer <= self.now:
                quic.handle_timer(self.now)
            datagrams = quic.datagrams_to_send(self.now)
            self.now += seconds / 2
            if quic is not lose:
                self._deliver(other, datagrams)

    def inject(self, payload: bytes) -> None:
        """Send a payload of the dialler's own making, in a packet that the acceptor can decrypt."""
        quic = self.dialler
        number, quic._packet_number = quic._packet_number, quic._packet_number + 1
        header = bytes([0x41]) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
        packet = quic._cryptos[Epoch.ONE_RTT].encrypt_packet(header, payload.ljust(4, b"\0"), number)
        self._deliver(self.acceptor, [(packet, None)])

    def _deliver(self, quic: QuicConnection, datagrams: list[tuple[bytes, Any]]) -> None:
        for data, _ in datagrams:
            quic.receive_datagram(data, HERE if quic is self.acceptor else THERE, self.now)
        while (event := quic.next_event()) is not None:
            if quic is self.acceptor:
                self.events.append(event)


def stock() -> Pair:
    return Pair(is_stock=True)


def ours() -> Pair:
    return Pair(is_stock=False)
