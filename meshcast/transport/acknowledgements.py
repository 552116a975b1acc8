"""What is owed in acknowledgements: by this side, datagrams ten at a time and everything else at once; and by the other.

With the library's own delay acknowledgements are most of a parent's cost, and nobody sends a datagram again. So those of
datagrams wait: for the tenth of them (`ACK_PACKETS`), for the first that comes `ACK_OLDEST_S` after the oldest, or, when
none follows, for `ACK_DELAY_S` after the newest, which is what is announced. Everything else (a handshake, a stream, a
ping) is acknowledged at once, with the answer in the same packet where there is one, and so is what comes out of order
(RFC 9000, section 13.2.1), for a lost control message must be noticed with the next chunk.

Since when the other side has owed one is the one sign of its death.

Times are seconds of trio's clock.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, too

from typing import Any

from meshcast.transport import limits


class Acknowledgements:
    """What one side of a connection owes the other: which packets wait for their acknowledgement, and for how long."""

    def __init__(self) -> None:
        self.is_urgent = False
        """The packet at hand is acknowledged at once, with all that waits."""
        self._since = 0.0
        """While an acknowledgement is owed: when the oldest packet came that it is for."""
        self._packets = 0
        """And how many packets it is for."""

    def owe(self, connection: Any, now: float) -> None:
        """Decide how long the acknowledgement of what has just come, and of all before it, may wait from now on."""
        space = connection._application
        if space.ack_at is None:
            self._since, self._packets = now, 0
        self._packets += 1
        # While hands are shaken numbers are shared with packets of other epochs: what looks like a gap is none.
        is_gap = (
            connection._handshake_confirmed
            and connection._spin_highest_pn != space.largest_received_packet + 1
        )
        is_due = (
            self.is_urgent
            or is_gap
            or self._packets >= limits.ACK_PACKETS
            or now >= self._since + limits.ACK_OLDEST_S
        )
        connection._ack_delay = 0.0 if is_due else limits.ACK_DELAY_S
        if space.ack_at is not None and space.ack_at > now:
            space.ack_at = now + connection._ack_delay


def note_answer(connection: Any, largest: int, in_flight: int) -> None:
    """Note since when an answer is owed by the other side now.

    Before the answer that has just been taken in, `largest` was the greatest number that was acknowledged, and `in_flight`
    packets were not.
    """
    # The largest number counts, not what is still on record: a probe takes off the record what may just be late.
    space = connection._application
    if space.largest_acked_packet > largest or space.ack_eliciting_in_flight < in_flight:
        asking = (packet.sent_time for packet in space.sent_packets.values() if packet.is_ack_eliciting)
        connection.waiting_since = next(asking, None)
