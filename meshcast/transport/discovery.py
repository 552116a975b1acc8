"""Which key answers at an address? For trust on first use; nothing is proved to the other side, and nothing is sent."""

import math

import trio
from aioquic.quic.events import QuicEvent

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.protocol.units import Address, PeerId
from meshcast.transport import limits
from meshcast.transport.channel import Channel, Owner
from meshcast.transport.datagram import DatagramSocket
from meshcast.transport.endings import Ending
from meshcast.transport.endpoint import Endpoint


class _Curious:
    """Owns a channel until its handshake shows a key."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.key: PeerId | None = None
        self.done = trio.Event()

    def established(self) -> None:
        """Read the key that the handshake has proved."""
        try:
            self.key = self._channel.quic.peer_key()
        except RemoteProtocolError:
            self.key = None
        self.done.set()

    def heard(self, data: bytes) -> None:
        """Ignore what comes."""

    def received(self, event: QuicEvent) -> None:
        """Ignore what comes."""

    def progressed(self) -> None:
        """Wait on."""

    def ended(self, ending: Ending) -> None:  # noqa: ARG002 - it is all the same
        """Take in that nobody answers."""
        self.done.set()

    def deadline(self) -> float:
        """Have no deadline of its own."""
        return math.inf

    def expired(self, now: float) -> None:
        """Never come to this."""


async def discover_key(identity: Identity, socket: DatagramSocket, address: Address) -> PeerId | None:
    """Give the key that whoever answers at `address` proves in its handshake; nothing if nobody does in time."""

    def refuse(channel: Channel) -> Owner:
        return _Curious(channel)

    endpoint = Endpoint(identity, socket, refuse, lambda: None)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(endpoint.run)
            channel = endpoint.dial(address)
            curious = _Curious(channel)
            channel.owner = curious
            with trio.move_on_after(limits.DIAL_S_MAX):
                await curious.done.wait()
            endpoint.hang_up_on_all(0, "only looking")
            nursery.cancel_scope.cancel()
        return curious.key
    finally:
        socket.close()
