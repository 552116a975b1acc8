"""The fast path: what a chunk costs when nothing else is going on.

Once a connection is established, nearly every packet on one path carries datagrams, an acknowledgement, or both. For
these the library's general machinery (builder, buffers, frame table) is a short cut away from a few lines that do the
same: same bytes, same acknowledgements, same events, same state afterwards. `FastConnection` takes the short cut, each
way, exactly when nothing else is pending. In all other cases (a handshake, a stream, a ping, another key phase, a second
path, a lost packet that has to be repaired, bytes that make no sense) it has changed nothing when it finds out, and
hands the packet to the code it inherits. So `MeshConnection` stays the definition, and is what the tests compare with.

Here is when there is a short cut, what is asked between packets, and how one packet is taken in and one datagram sent at once;
what recovery does with an acknowledgement is in `fast_answers`, what a flush builds in `fast_flush`.

Two things are remembered between packets. `_keys` holds what a packet needs, as long as the connection is established,
alive and on one proved path; `_is_settled` says that nothing but datagrams and acknowledgements could be sent. Each call
that could change either, short cuts apart, forgets it; whoever needs it looks again.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, too

from typing import Any, Final

from aioquic.quic.events import DatagramFrameReceived
from cryptography.exceptions import InvalidTag

from meshcast.transport import limits
from meshcast.transport.connection import MeshConnection
from meshcast.transport.fast_answers import take_answer
from meshcast.transport.fast_books import NO_HANDLERS, SentDatagrams, enter_received, enter_sent
from meshcast.transport.fast_flush import build_plain
from meshcast.transport.fast_frames import Payload, read_payload
from meshcast.transport.fast_packets import (
    NUMBER_END,
    NUMBER_START,
    SAMPLE_END,
    SAMPLE_START,
    SHORT_HEADER,
    SPIN_BIT,
    Keys,
    full_number,
    keys_of,
)
from meshcast.transport.lane import Lane
from meshcast.transport.pending import has_nothing_else_to_send

PING_PERIOD: Final = 8
"""The library adds a ping to each eighth packet that acknowledges more than one range."""


class FastConnection(MeshConnection):
    """A connection that takes the short cut where there is one."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.lane = Lane()
        """Where the datagrams go that follow one another."""
        self._keys: Keys | None = None
        self._is_settled = False
        self._probe_s = 0.0
        """Recovery's probe timeout, as long as the keys are known: only what comes changes it."""
        self.short_cuts_in = 0
        """Packets received by the fast path."""
        self.short_cuts_out = 0
        """Packets sent by it."""

    # The long way, which may change everything

    def receive_datagram(self, data: bytes, addr: Any, now: float) -> None:
        """Take in a packet."""
        datagrams = self.receive_plain(data, addr, now)
        if datagrams is None:
            self.receive_the_long_way(data, addr, now)
        else:
            self._events += [DatagramFrameReceived(data=one) for one in datagrams]

    def receive_the_long_way(self, data: bytes, addr: Any, now: float) -> None:
        """Take in a packet for which there is no short cut."""
        self._forget()
        super().receive_datagram(data, addr, now)

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what is to be sent."""
        self._close_lane()
        if self._is_plain(now):
            packets = build_plain(self, now)
            if self.waiting_since is None and self._application.ack_eliciting_in_flight:
                self.waiting_since = now
            return packets
        self._forget()
        return super().datagrams_to_send(now)

    def handle_timer(self, now: float) -> None:
        """Serve the timers."""
        self._forget()
        super().handle_timer(now)

    def close(self, *arguments: Any, **named: Any) -> None:
        """Say farewell."""
        self._forget()
        super().close(*arguments, **named)

    def change_connection_id(self) -> None:
        """Take another connection id of the other side."""
        self._forget()
        super().change_connection_id()

    def request_key_update(self) -> None:
        """Take new keys with the next packet."""
        self._forget()
        super().request_key_update()

    def send_ping(self, uid: int) -> None:
        """Ask for an acknowledgement."""
        self._unsettle()
        super().send_ping(uid)

    def reset_stream(self, stream_id: int, error_code: int) -> None:
        """Cut a stream off."""
        self._unsettle()
        super().reset_stream(stream_id, error_code)

    def stop_stream(self, stream_id: int, error_code: int) -> None:
        """Ask that a stream be cut off."""
        self._unsettle()
        super().stop_stream(stream_id, error_code)

    def send_stream_data(self, stream_id: int, data: bytes, end_stream: bool = False) -> None:  # noqa: FBT001, FBT002 - aioquic's signature
        """Write to a stream."""
        self._unsettle()
        super().send_stream_data(stream_id, data, end_stream)

    def queue_datagram(self, data: bytes, now: float) -> None:
        """Send a datagram at the next flush."""
        self._close_lane()
        super().queue_datagram(data, now)

    def dismantle(self) -> None:
        """Break the reference cycles; whoever still has the lane finds it closed."""
        self._close_lane()
        super().dismantle()

    def _forget(self) -> None:
        self._close_lane()
        self._keys = None
        self._is_settled = False

    def _unsettle(self) -> None:
        self._close_lane()
        self._is_settled = False

    def _close_lane(self) -> None:
        """Let the lane be entered in the books, which are about to change."""
        self.lane.enter(self)
        self.lane.close()

    # What is asked between packets

    def get_timer(self) -> float | None:
        """Say when `handle_timer` is to be called; with nothing on its way the lane is closed.

        Whoever asks sets its clock by the answer, and what then goes down the lane would tell nobody that a probe is due.
        """
        self.lane.enter(self)
        if not self._application.ack_eliciting_in_flight:
            self.lane.close()
        if self._keys is None and not self._find_keys():
            return super().get_timer()
        space, loss = self._application, self._loss
        loss_at = space.loss_time
        if loss_at is None and space.ack_eliciting_in_flight:
            loss_at = loss._time_of_last_sent_ack_eliciting_packet + self._probe_s * 2**loss._pto_count
        self._loss_at = loss_at
        at: Any = self._close_at
        for other in (space.ack_at, loss_at, self._pacing_at):
            if other is not None and other < at:
                at = other
        due: float = at
        return due

    @property
    def last_sent(self) -> float:
        """Tell when the last packet was sent that asks for an acknowledgement; 0.0 for never."""
        self.lane.enter(self)
        return super().last_sent

    @property
    def owed_since(self) -> float | None:
        """Tell since when the other side has owed an acknowledgement; None when it owes none."""
        self.lane.enter(self)
        return super().owed_since

    def has_room_for(self, size: int) -> bool:
        """Tell whether a datagram of `size` bytes could leave now, or as soon as pacing lets it."""
        self.lane.enter(self)
        return super().has_room_for(size)

    def latest(self, due: float) -> float:
        """Say until when a timer that was put off to `due` may wait: a probe's for `PROBE_SLACK_S`, any other's not at all."""
        if self._keys is None or self.is_losing or due != self._loss_at:
            return due
        at = due + limits.PROBE_SLACK_S
        for other in (self._application.ack_at, self._pacing_at, self._close_at):
            if other is not None and other < at:
                at = other
        return at

    def soonest(self, now: float) -> float:
        """Say what a short cut can have made due soonest: an acknowledgement, or a probe, which may be a little late."""
        at = now + (self.probe_s if self._keys is None else self._probe_s) + limits.PROBE_SLACK_S
        ack_at = self._application.ack_at
        return at if ack_at is None or ack_at > at else max(ack_at, now + limits.TIMER_STEP_S)

    def next_look(self, now: float) -> float:
        """Say when to look at the connection next, after a packet by the short cut; `now`, when something is to be done.

        Most leave nothing to be sent or told. Where one shows a gap, what is missing is given up sooner than any probe is due.
        """
        space = self._application
        if (
            self._events
            or self._datagrams_pending
            or self.is_losing
            or (space.ack_at is not None and space.ack_at <= now)
            or (not self._is_settled and not self._settle())
        ):
            return now
        return self.soonest(now)

    # When there is a short cut

    def _find_keys(self) -> bool:
        """See whether the connection may take short cuts, and remember what these need."""
        self._keys = keys_of(self)
        if self._keys is None:
            return False
        self._probe_s = self._loss.get_probe_timeout()
        return True

    def _is_plain(self, now: float) -> bool:
        """Tell whether nothing but datagrams and acknowledgements could be sent now."""
        if (not self._is_settled and not self._settle()) or now >= self._keys_until:
            return False
        space = self._application
        return (
            space.ack_at is None
            or space.ack_at > now
            or self._packet_number % PING_PERIOD != 0
            or len(space.ack_queue) == 1
        )

    def _settle(self) -> bool:
        """Look whether anything but datagrams and acknowledgements waits to be sent."""
        self._is_settled = (self._keys is not None or self._find_keys()) and has_nothing_else_to_send(self)
        return self._is_settled

    # Receiving

    def receive_plain(self, data: bytes, addr: Any, now: float) -> list[bytes] | None:
        """Take in a packet if it is plain, and give its datagrams; otherwise change nothing and give None."""
        if self._keys is None and not self._find_keys():
            return None
        keys: Any = self._keys
        if (
            addr != keys.address
            or not SAMPLE_END <= len(data) < limits.PLAIN_BYTES_MAX
            or data[0] & 0xC0 != SHORT_HEADER
            or data[1:NUMBER_START] != keys.own_cid
        ):
            return None
        mask = keys.decrypt_mask(data[SAMPLE_START:SAMPLE_END])
        first = data[0] ^ mask[0] & 0x1F
        if first & 0x1F != keys.low_bits:
            return None
        space = self._application
        low = (data[NUMBER_START] ^ mask[1]) << 8 | data[NUMBER_START + 1] ^ mask[2]
        number = full_number(low, space.expected_packet_number)
        header = b"%c%b%c%c" % (first, keys.own_cid, low >> 8, low & 0xFF)
        try:
            payload = keys.decrypt((keys.decrypt_iv ^ number).to_bytes(12, "big"), data[NUMBER_END:], header)
        except InvalidTag:
            return None
        if number in space.received_packets:
            return None
        content = read_payload(payload)
        if content is None:
            return None
        # From here on everything is done as the library does it, in its order.
        self._close_lane()
        if number > space.expected_packet_number:
            space.expected_packet_number = number + 1
        if number > self._spin_highest_pn:
            self._spin_bit = (first & SPIN_BIT != 0) is not self._is_client
            self._spin_highest_pn = number
        self._take(content, now)
        enter_received(self, number, keys.idle_s, now)
        if (content.datagrams or content.is_asking) and space.ack_at is None:
            space.ack_at = now + self._ack_delay
        self.short_cuts_in += 1
        if content.acknowledged is not None and self._is_settled and not self._datagrams_pending:
            self.lane.open_for(self, keys, now)
        return content.datagrams

    def _take(self, content: Payload, now: float) -> None:
        """Do what the frames say."""
        self._acknowledgements.is_urgent = content.is_asking
        if content.acknowledged is not None:
            take_answer(self, content.acknowledged, now)
        if content.datagrams:
            self.heard_at = now
        if content.datagrams or content.is_asking:
            self._acknowledgements.owe(self, now)

    # Sending

    def send_at_once(self, frame: bytes, size: int, now: float) -> tuple[bytes, Any] | None:
        """Build the packet of a datagram that may leave now, and its address; None when it may not, or has to wait.

        `frame` holds a datagram of `size` bytes. The packet is what `queue_datagram` and a flush would make of it, where
        nothing else waits.
        """
        if (
            (not self._is_settled and not self._settle())
            or now >= self._keys_until
            or self._datagrams_pending
        ):
            return None
        keys, pacer, ack_at = self._keys, self._loss._pacer, self._application.ack_at
        assert keys is not None, "one that is settled has keys"
        step = pacer.packet_time
        # To ask for room comes first: it enters in the books what has gone down the lane, and all below reads them.
        if (
            not self.has_room_for(size)
            or (ack_at is not None and ack_at <= now)
            or (step is not None and pacer.bucket_time <= 0 and now <= pacer.evaluation_time)
            or len(frame) + keys.overhead > self._max_datagram_size
        ):
            return None
        packet = keys.sealed(frame, self._packet_number, spin=self._spin_bit)
        enter_sent(self, packet, NO_HANDLERS, now, SentDatagrams)
        keys.path.bytes_sent += len(packet)
        self._pacing_at = None
        if step is not None:
            pacer.update_after_send(now=now)
            if pacer.bucket_time <= 0:
                self._pacing_at = now + step
        self.lane.open_for(self, keys, now)
        if self.waiting_since is None:
            self.waiting_since = now
        return packet, keys.address
