"""A lane: what a row of datagrams needs of its connection, while nothing else happens to it.

A relay sends a chunk to each child ten times a second, and hears of each about once a second. In between a connection is
no more than keys, a number that counts up and a window that fills. These lie together in one small object, because after
a tenth of a second of sleep all memory is far away, and to fetch it is most of what a packet costs (measured: decision
0013).

An acknowledgement opens the lane, and so does the first datagram after anything else, which goes the usual way; those
that follow go down the lane. What has gone down is entered in the library's books before anybody looks at them (`enter`),
and the lane is closed before anything changes them. It may refuse whatever it likes: the usual way then decides.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, and of `connection` and `fast_connection`

import math
from typing import Any, Final

from meshcast.protocol.units import Address
from meshcast.transport import limits
from meshcast.transport.counters import Counters
from meshcast.transport.fast_books import NO_HANDLERS, SentDatagrams
from meshcast.transport.fast_packets import SHORT_HEADER, Keys, seal

PACKET_OVERHEAD_BYTES: Final = 40
"""What a packet adds to a datagram: header, number, tag, frame header, and an acknowledgement."""
FRAME_BYTES_MAX: Final = limits.DATAGRAM_BYTES_MAX + 4
"""The longest datagram in its frame, with a ping before it: two kinds, and a length of two bytes."""
CLOSED: Final = -1
"""The room of a lane that takes nothing."""
NOWHERE: Final[Address] = ("", 0)


class Lane:
    """Closed at first; `open` it with what is true now."""

    __slots__ = (
        "_encrypt",
        "_first",
        "_iv",
        "_last",
        "_mask",
        "_number",
        "_peer_cid",
        "_sent",
        "_until",
        "address",
        "counters",
        "room",
    )

    def __init__(self) -> None:
        self.room = CLOSED
        """Bytes that may still be put on their way, and `CLOSED` if none may."""
        self.address = NOWHERE
        self.counters = Counters()
        """The connection's; what has gone down counts when it is entered."""
        self._sent: list[tuple[int, int, float]] = []
        self._encrypt: Any = None
        self._mask: Any = None
        self._iv = self._number = self._first = 0
        self._peer_cid = b""
        self._last = self._until = math.inf

    def open(self, keys: Keys, first: int, number: int, room: int, now: float, until: float) -> None:
        """Let datagrams pass from after `now` to `until`, sealed with `keys` and numbered from `number` on."""
        self._encrypt, self._iv, self._mask = keys.encrypt, keys.encrypt_iv, keys.encrypt_mask
        self._peer_cid, self.address = keys.peer_cid, keys.address
        self._first, self._number, self.room = first, number, room
        self._last, self._until = now, until

    def open_for(self, connection: Any, keys: Keys, now: float) -> None:
        """Let the datagrams that follow pass, as long as nothing else happens to the connection, if it takes the longest."""
        largest = min(
            connection._max_datagram_size - keys.overhead, connection._remote_max_datagram_frame_size or 0
        )
        control, pacer = connection._loss._cc, connection._loss._pacer
        ack_at = connection._application.ack_at
        if largest < FRAME_BYTES_MAX or pacer.packet_time is None:
            return
        self.open(
            keys,
            SHORT_HEADER | connection._spin_bit << 5 | keys.low_bits,
            connection._packet_number,
            control.congestion_window - control.bytes_in_flight,
            max(now, pacer.evaluation_time),
            min(connection._keys_until, math.inf if ack_at is None else ack_at),
        )

    def seal(self, frame: bytes, size: int, now: float) -> bytes | None:
        """Give the packet of a datagram of `size` bytes; None when it has to go the usual way.

        `frame` holds it, with or without a ping before it, in at most `FRAME_BYTES_MAX`. It is the packet that the usual way
        would make, and counts as sent.
        """
        if self.room < len(frame) + PACKET_OVERHEAD_BYTES or not self._last < now < self._until:
            return None
        number = self._number
        packet = seal(self._encrypt, self._iv, self._mask, self._first, self._peer_cid, number, frame)
        self._number = number + 1
        self._last = now
        self.room -= len(packet)
        self._sent.append((len(packet), size, now))
        return packet

    def blocked(self, packet: bytes) -> None:
        """Learn that the socket would not take a packet: for QUIC it is lost, and it does not count as bytes sent."""
        self.counters.wire_blocked += 1
        self.counters.wire_bytes_sent -= len(packet)

    def enter(self, connection: Any) -> None:
        """Enter in the library's books what has gone down, number for number as if each packet had gone the usual way."""
        if not self._sent:
            return
        first_at = self._sent[0][2]
        if connection.waiting_since is None:
            connection.waiting_since = first_at
        if not connection._ack_eliciting_sent_since_receipt:
            connection._close_at = first_at + connection._idle_timeout()
            connection._ack_eliciting_sent_since_receipt = True
        space, loss = connection._application, connection._loss
        number, pacer = connection._packet_number, loss._pacer
        for size, _, at in self._sent:
            packet: Any = SentDatagrams(number, size, at, NO_HANDLERS)
            space.sent_packets[number] = packet
            loss._cc.on_packet_sent(packet=packet)
            pacer.update_after_send(now=at)
            number += 1
        total, count = sum(size for size, _, _ in self._sent), len(self._sent)
        connection._network_paths[0].bytes_sent += total
        space.ack_eliciting_in_flight += count
        loss._time_of_last_sent_ack_eliciting_packet = self._last
        connection._packet_number = number
        connection._pacing_at = self._last + pacer.packet_time if pacer.bucket_time <= 0 else None
        connection.short_cuts_out += count
        self.counters.wire_bytes_sent += total
        self.counters.datagrams_sent += count
        self.counters.datagram_bytes_sent += sum(size for _, size, _ in self._sent)
        self._sent.clear()

    def close(self) -> None:
        """Let nothing pass any more."""
        assert not self._sent, "what has gone down is entered first"
        self.room = CLOSED
