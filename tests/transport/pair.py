"""A dialler and an acceptor without an endpoint, for what two connections do with each other."""

from typing import Any

from aioquic.quic import events

from meshcast.protocol.identity import Identity
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)
IDENTITY = Identity.from_seed(b"acceptor".ljust(32))


class Pair:
    """A dialler and an acceptor with a path of 10 ms between them, stepped by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.dialler = MeshConnection(configuration=dialling())
        self.dialler.connect(THERE, now=self.now)
        first = self.dialler.datagrams_to_send(self.now)
        self.acceptor = MeshConnection(
            configuration=accepting(IDENTITY), original_destination_connection_id=first[0][0][6:14]
        )
        self.events: dict[MeshConnection, list[events.QuicEvent]] = {self.dialler: [], self.acceptor: []}
        self.packets: dict[MeshConnection, int] = {self.dialler: 0, self.acceptor: 0}
        self._deliver(self.acceptor, first)
        for _ in range(6):
            self.step()

    def step(self, lose: MeshConnection | None = None) -> None:
        """Serve the timers and carry what is sent across, each way in 5 ms, but for what `lose` sends."""
        for quic, other in ((self.dialler, self.acceptor), (self.acceptor, self.dialler)):
            timer = quic.get_timer()
            if timer is not None and timer <= self.now:
                quic.handle_timer(self.now)
            datagrams = quic.datagrams_to_send(self.now)
            self.packets[quic] += len(datagrams)
            self.now += 0.005
            if quic is not lose:
                self._deliver(other, datagrams)

    def run(self, seconds: float, lose: MeshConnection | None = None) -> None:
        for _ in range(round(seconds / 0.01)):
            self.step(lose=lose)

    def _deliver(self, quic: MeshConnection, datagrams: list[tuple[bytes, Any]]) -> None:
        for data, _ in datagrams:
            quic.receive_datagram(data, HERE if quic is self.acceptor else THERE, self.now)
        while (event := quic.next_event()) is not None:
            self.events[quic].append(event)

    def datagrams(self, quic: MeshConnection) -> list[bytes]:
        return [event.data for event in self.events[quic] if isinstance(event, events.DatagramFrameReceived)]
