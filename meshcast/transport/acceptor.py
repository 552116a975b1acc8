"""The acceptor: whom the door lets in becomes a channel, and counts as a stranger until its handshake is over.

Strangers are counted because the door asks how many there are: while many shake hands others must first prove where they
are, and beyond a limit nobody gets in.
"""

from collections.abc import Callable

from meshcast.protocol.identity import Identity
from meshcast.protocol.units import Address
from meshcast.transport.channel import Channel, Owner
from meshcast.transport.channels import Channels
from meshcast.transport.configuration import accepting
from meshcast.transport.datagram import DatagramSocket
from meshcast.transport.door import Admission, Answer, Door
from meshcast.transport.fast_connection import FastConnection


class Acceptor:
    """Takes in the connections that others dial."""

    def __init__(
        self,
        identity: Identity,
        socket: DatagramSocket,
        channels: Channels,
        accept: Callable[[Channel], Owner],
    ) -> None:
        """Show `identity` and answer over `socket`; new channels go into `channels`, and `accept` finds their owners."""
        self._socket = socket
        self._channels = channels
        self._accept = accept
        self._configuration = accepting(identity)
        self._door = Door()
        self._in_progress: dict[Channel, None] = {}
        self._is_shut = False

    @property
    def in_progress(self) -> int:
        """Count the strangers whose handshake is under way."""
        return len(self._in_progress)

    def admit(self, data: bytes, sender: Address, now: float) -> Channel | None:
        """Give the new channel that a stray datagram opens; None when it opens none, though it may be answered."""
        if self._is_shut:
            return None
        match self._door.knock(data, sender, self.in_progress, now):
            case Admission(destination_cid, original_cid, retry_cid):
                quic = FastConnection(
                    configuration=self._configuration,
                    original_destination_connection_id=original_cid,
                    retry_source_connection_id=retry_cid,
                )
                channel = Channel(quic, dialled=False)
                self._in_progress[channel] = None
                self._channels.add(channel, destination_cid, quic.host_cid)
                channel.owner = self._accept(channel)
                return channel
            case Answer(answer):
                self._socket.send(answer, sender)
                return None
            case None:
                return None

    def settle(self, channel: Channel) -> None:
        """Learn that a channel's handshake is over, or will never be; harmless when it was no stranger's."""
        self._in_progress.pop(channel, None)

    def shut(self) -> None:
        """Let nobody in any more."""
        self._is_shut = True
