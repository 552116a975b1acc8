"""All channels of one socket: whose a packet is, and what went through in all.

A packet names its channel by a connection id, and a channel has several: those that it has issued, and, where it was
accepted, the one that the dialler had made up for it.
"""

from collections.abc import Iterator
from typing import Final

from meshcast.transport.channel import Channel
from meshcast.transport.configuration import CONNECTION_ID_BYTES
from meshcast.transport.counters import Counters
from meshcast.transport.door import LONG_HEADER

LONG_CID_OFFSET: Final = 6
"""Where the destination connection id of a long header starts; the byte before it is its length (RFC 8999)."""


class Channels:
    """Those that are not forgotten yet, the closing ones included, in the order in which they came."""

    def __init__(self) -> None:
        self._all: dict[Channel, None] = {}
        self._by_id: dict[bytes, Channel] = {}
        self._past = Counters()
        """What went through those that are forgotten."""

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def totals(self) -> Counters:
        """Add up what went through all channels that ever were."""
        sums = Counters()
        sums.add(self._past)
        for channel in self._all:
            sums.add(channel.counted())
        return sums

    @property
    def wire_bytes_sent(self) -> int:
        """Add up the bytes that went out over all channels that ever were."""
        here = sum(channel.counted().wire_bytes_sent for channel in self._all)
        return self._past.wire_bytes_sent + here

    def add(self, channel: Channel, *connection_ids: bytes) -> None:
        """Take in a new channel under its first connection ids."""
        self._all[channel] = None
        for connection_id in connection_ids:
            self.register(channel, connection_id)

    def register(self, channel: Channel, connection_id: bytes) -> None:
        """Let packets with this connection id be the channel's, too."""
        channel.connection_ids[connection_id] = None
        self._by_id[connection_id] = channel

    def retire(self, channel: Channel, connection_id: bytes) -> None:
        """Let packets with this connection id be nobody's."""
        channel.connection_ids.pop(connection_id, None)
        self._by_id.pop(connection_id, None)

    def forget(self, channel: Channel) -> None:
        """Let go of a channel that is about to be gone; what went through stays counted."""
        self._past.add(channel.counted())
        self._all.pop(channel, None)
        for connection_id in channel.connection_ids:
            if self._by_id.get(connection_id) is channel:
                del self._by_id[connection_id]

    def find(self, data: bytes) -> Channel | None:
        """Tell whose a packet is; None when it is nobody's."""
        if not data:
            return None
        if data[0] & LONG_HEADER:
            if len(data) < LONG_CID_OFFSET:
                return None
            return self._by_id.get(data[LONG_CID_OFFSET : LONG_CID_OFFSET + data[LONG_CID_OFFSET - 1]])
        return self._by_id.get(data[1 : 1 + CONNECTION_ID_BYTES])
