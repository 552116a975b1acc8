"""The fast path: what a chunk costs when nothing else is going on.

Once a connection is established, nearly every packet on one path carries datagrams, an acknowledgement, or both. For
these the library's general machinery (builder, buffers, frame table) is a short cut away from a few lines that do the
same: same bytes, same acknowledgements, same events, same state afterwards. `FastConnection` takes the short cut, each
way, exactly when nothing else is pending. In all other cases (a handshake, a stream, a ping, another key phase, a second
path, a lost packet that has to be repaired, bytes that make no sense) it has changed nothing when it finds out, and
hands the packet to the code it inherits. So `MeshConnection` stays the definition, and is what the tests compare with.

Why nothing is cached: all conditions are looked at for each packet, because that costs a microsecond, and forgetting to
look again after some rare event would cost a connection.
"""

# ruff: noqa: SLF001 - private parts are the business of this file and of `connection`, and of no other

from typing import Any, ClassVar, Final

from aioquic import tls
from aioquic.quic.events import DatagramFrameReceived
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.recovery import MAX_ACK_RANGES
from cryptography.exceptions import InvalidTag

from meshcast.transport import limits
from meshcast.transport.connection import CONNECTION_ID_BYTES, MeshConnection
from meshcast.transport.fast_frames import Payload, ack_frame, datagram_frame, read_payload

SHORT_HEADER: Final = 0x40
"""The two upper bits of a packet of an established connection: short, and QUIC."""
SPIN_BIT: Final = 0x20
NUMBER_BYTES: Final = 2
NUMBER_WINDOW: Final = 1 << 8 * NUMBER_BYTES
NUMBER_START: Final = 1 + CONNECTION_ID_BYTES
NUMBER_END: Final = NUMBER_START + NUMBER_BYTES
SAMPLE_BYTES: Final = 16
SKIPPED_BYTES: Final = 4 - NUMBER_BYTES
"""The sample for header protection begins as if the number had four bytes (RFC 9001, section 5.4.2)."""
SAMPLE_START: Final = NUMBER_END + SKIPPED_BYTES
SAMPLE_END: Final = SAMPLE_START + SAMPLE_BYTES
HEADER_OVERHEAD_BYTES: Final = 1 + NUMBER_BYTES + 16
"""What a packet adds to its payload, beside the connection id: first byte, number, tag."""
NO_HANDLERS: Final[tuple[Any, ...]] = ()
PING_PERIOD: Final = 8
"""The library adds a ping to each eighth packet that acknowledges more than one range."""


class SentDatagrams:
    """A packet with datagrams, as recovery remembers it: like `QuicSentPacket`, in a third of the memory."""

    __slots__ = ("delivery_handlers", "packet_number", "sent_bytes", "sent_time")

    epoch: ClassVar = tls.Epoch.ONE_RTT
    in_flight: ClassVar = True
    is_ack_eliciting: ClassVar = True
    is_crypto_packet: ClassVar = False
    packet_type: ClassVar = QuicPacketType.ONE_RTT
    quic_logger_frames: ClassVar[tuple[()]] = ()

    def __init__(self, number: int, size: int, now: float, handlers: Any) -> None:
        self.packet_number = number
        self.sent_bytes = size
        self.sent_time = now
        self.delivery_handlers = handlers


class SentAcknowledgement(SentDatagrams):
    """A packet with an acknowledgement alone: nobody answers it, and it fills no window."""

    __slots__ = ()

    in_flight: ClassVar = False
    is_ack_eliciting: ClassVar = False


class FastConnection(MeshConnection):
    """A connection that takes the short cut where there is one."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.short_cuts_in = 0
        """Packets received by the fast path."""
        self.short_cuts_out = 0
        """Packets sent by it."""

    def receive_datagram(self, data: bytes, addr: Any, now: float) -> None:
        """Take in a packet."""
        if not self.receive_plain(data, addr, now):
            super().receive_datagram(data, addr, now)

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what is to be sent."""
        if not self._is_plain(now):
            return super().datagrams_to_send(now)
        packets = self._build_plain(now)
        if self.waiting_since is None and self._application.ack_eliciting_in_flight:
            self.waiting_since = now
        return packets

    def get_timer(self) -> float | None:
        """Say when `handle_timer` is to be called."""
        if not self._is_on_one_path():
            return super().get_timer()
        space, loss = self._application, self._loss
        loss_at = space.loss_time
        if loss_at is None and space.ack_eliciting_in_flight:
            loss_at = (
                loss._time_of_last_sent_ack_eliciting_packet + loss.get_probe_timeout() * 2**loss._pto_count
            )
        self._loss_at = loss_at
        at: Any = self._close_at
        for other in (space.ack_at, loss_at, self._pacing_at):
            if other is not None and other < at:
                at = other
        due: float = at
        return due

    # When there is a short cut

    def _is_on_one_path(self) -> bool:
        """Tell whether the connection is established, alive, and on one path that is proved."""
        if not self._handshake_confirmed or self._close_event is not None:
            return False
        paths = self._network_paths
        return len(paths) == 1 and paths[0].is_validated

    def _is_plain(self, now: float) -> bool:
        """Tell whether nothing but datagrams and acknowledgements could be sent now."""
        if (
            not self._is_on_one_path()
            or self._network_paths[0].remote_challenges
            or self._ping_pending
            or self._probe_pending
            or self._handshake_done_pending
            or self._retire_connection_ids
            or self._streams_blocked_pending
            or self._one_rtt._update_key_requested
            or (self._is_client and now >= self._keys_until)
            or not self._one_rtt_stream.sender.buffer_is_empty
            or self._has_limits_to_write()
        ):
            return False
        for connection_id in self._host_cids:
            if not connection_id.was_sent:
                return False
        for stream in self._streams_queue:
            if _is_busy(stream):
                return False
        space = self._application
        return (
            space.ack_at is None
            or space.ack_at > now
            or self._packet_number % PING_PERIOD != 0
            or len(space.ack_queue) == 1
        )

    def _has_limits_to_write(self) -> bool:
        """Tell whether a window has slid, or a stream may be opened anew."""
        data = self._local_max_data
        if data.value != data.sent or data.value - data.used < limits.CONNECTION_WINDOW_BYTES // 2:
            return True
        for limit in (self._local_max_streams_bidi, self._local_max_streams_uni):
            if limit.value != limit.sent and limit.sent - limit.used < limit.value - limit.sent:
                return True
        return False

    # Receiving

    def receive_plain(self, data: bytes, addr: Any, now: float) -> bool:
        """Take in a packet if it is plain; otherwise change nothing and tell False."""
        if (
            not self._is_on_one_path()
            or self._network_paths[0].addr != addr
            or not self._is_for_active_id(data)
        ):
            return False
        keys: Any = self._one_rtt.recv
        space: Any = self._application
        mask = keys.hp._encryptor.update(data[SAMPLE_START:SAMPLE_END])
        first = data[0] ^ mask[0] & 0x1F
        if first & 0x1F != keys.key_phase << 2 | NUMBER_BYTES - 1:
            return False
        low = (data[NUMBER_START] ^ mask[1]) << 8 | data[NUMBER_START + 1] ^ mask[2]
        number = full_number(low, space.expected_packet_number)
        header = b"%c%b%c%c" % (first, self.host_cid, low >> 8, low & 0xFF)
        aead = keys.aead
        try:
            payload = aead._aead.decrypt((aead._iv ^ number).to_bytes(12, "big"), data[NUMBER_END:], header)
        except InvalidTag:
            return False
        if number in space.received_packets:
            return False
        content = read_payload(payload)
        if content is None:
            return False
        # From here on everything is done as the library does it, in its order.
        if number > space.expected_packet_number:
            space.expected_packet_number = number + 1
        if number > self._spin_highest_pn:
            self._spin_bit = (first & SPIN_BIT != 0) is not self._is_client
            self._spin_highest_pn = number
        self._take(content, now)
        self._record(number, now)
        if content.datagrams and space.ack_at is None:
            space.ack_at = now + limits.ACK_DELAY_S
        self.short_cuts_in += 1
        return True

    def _is_for_active_id(self, data: bytes) -> bool:
        """Tell whether this is a short packet of usual size for the connection id in use."""
        if not SAMPLE_END <= len(data) < limits.PLAIN_BYTES_MAX or data[0] & 0xC0 != SHORT_HEADER:
            return False
        own = data[1:NUMBER_START]
        if own != self.host_cid:
            return False
        return own in [known.cid for known in self._host_cids]

    def _take(self, content: Payload, now: float) -> None:
        """Do what the frames say."""
        self._is_urgent = False
        self._ack_delay = limits.ACK_DELAY_S
        if content.acknowledged is not None:
            space = self._application
            packets, delay = content.acknowledged
            before, in_flight = space.largest_acked_packet, space.ack_eliciting_in_flight
            self._loss.on_ack_received(
                ack_rangeset=packets,
                ack_delay=(delay << self._remote_ack_delay_exponent) / 1_000_000,
                now=now,
                space=space,
            )
            self._note_answer(before, in_flight)
        for datagram in content.datagrams:
            self._events.append(DatagramFrameReceived(data=datagram))

    def _record(self, number: int, now: float) -> None:
        """Note that a packet has come."""
        self._close_at = now + self._idle_timeout()
        self._ack_eliciting_sent_since_receipt = False
        space = self._application
        if number > space.largest_received_packet:
            space.largest_received_packet = number
            space.largest_received_time = now
        space.ack_queue.add(number)
        space.received_packets.add(number)
        if len(space.ack_queue) > MAX_ACK_RANGES:
            space.ack_queue.shift()

    # Sending

    def send_at_once(self, data: bytes, now: float) -> tuple[bytes, Any] | None:
        """Build the packet of a datagram that may leave now, and its address; None when it has to be queued.

        It is what `queue_datagram` and a flush would make of it, where nothing else waits. Ask `has_room_for` first.
        """
        space, pacer = self._application, self._loss._pacer
        if (
            self._datagrams_pending
            or not self._is_plain(now)
            or (space.ack_at is not None and space.ack_at <= now)
        ):
            return None
        step = pacer.packet_time
        if step is not None and pacer.bucket_time <= 0 and now <= pacer.evaluation_time:
            return None
        payload = datagram_frame(data)
        if len(payload) + HEADER_OVERHEAD_BYTES + len(self._peer_cid.cid) > self._max_datagram_size:
            return None
        if step is not None:
            pacer.update_bucket(now=now)
        packet = self._seal(payload, spin=self._spin_bit)
        self._register(packet, NO_HANDLERS, now, SentDatagrams)
        path = self._network_paths[0]
        path.bytes_sent += len(packet)
        self._pacing_at = None
        if step is not None:
            pacer.update_after_send(now=now)
            if pacer.bucket_time <= 0:
                self._pacing_at = now + step
        if self.waiting_since is None:
            self.waiting_since = now
        return packet, path.addr

    def _build_plain(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what `_write_application` would: an acknowledgement that is due, and datagrams within the window."""
        space, pacer, control = self._application, self._loss._pacer, self._loss._cc
        pending, path = self._datagrams_pending, self._network_paths[0]
        overhead = HEADER_OVERHEAD_BYTES + len(self._peer_cid.cid)
        spin, step = self._spin_bit, pacer.packet_time
        built: list[tuple[bytes, Any]] = []
        self._pacing_at = None
        while True:
            is_due = space.ack_at is not None and space.ack_at <= now
            if step is not None and (not is_due or space.ack_at == now):
                pacer.update_bucket(now=now)
                if pacer.bucket_time <= 0:
                    self._pacing_at = now + step
                    break
            payload, handlers = b"", NO_HANDLERS
            if is_due:
                payload = self._acknowledge(now)
                handlers = ((self._on_ack_delivery, (space, space.largest_received_packet)),)
            room = (
                min(self._max_datagram_size, control.congestion_window - control.bytes_in_flight) - overhead
            )
            count = 0
            while pending:
                frame = datagram_frame(pending[0])
                if len(payload) + len(frame) > room:
                    break
                payload += frame
                pending.popleft()
                count += 1
            if not payload:
                break
            packet = self._seal(payload, spin=spin)
            built.append((packet, path.addr))
            self._register(packet, handlers, now, SentDatagrams if count else SentAcknowledgement)
            path.bytes_sent += len(packet)
            pacer.update_after_send(now=now)
        return built

    def _acknowledge(self, now: float) -> bytes:
        space: Any = self._application
        delay = int((now - space.largest_received_time) * 1_000_000) >> self._local_ack_delay_exponent
        space.ack_at = None
        return ack_frame(space.ack_queue, delay)

    def _seal(self, payload: bytes, *, spin: bool) -> bytes:
        """Encrypt a payload, and hide its number (RFC 9001, sections 5.3 and 5.4)."""
        pair: Any = self._one_rtt
        keys, number, peer_cid = pair.send, self._packet_number, self._peer_cid.cid
        high, low = number >> 8 & 0xFF, number & 0xFF
        first = SHORT_HEADER | spin << 5 | pair.recv.key_phase << 2 | NUMBER_BYTES - 1
        aead = keys.aead
        sealed = aead._aead.encrypt(
            (aead._iv ^ number).to_bytes(12, "big"), payload, b"%c%b%c%c" % (first, peer_cid, high, low)
        )
        mask = keys.hp._encryptor.update(sealed[SKIPPED_BYTES : SKIPPED_BYTES + SAMPLE_BYTES])
        return b"%c%b%c%c%b" % (first ^ mask[0] & 0x1F, peer_cid, high ^ mask[1], low ^ mask[2], sealed)

    def _register(self, packet: bytes, handlers: Any, now: float, kind: type[SentDatagrams]) -> None:
        """Note a packet as sent."""
        sent: Any = kind(self._packet_number, len(packet), now, handlers)
        self._loss.on_packet_sent(packet=sent, space=self._application)
        self._packet_number += 1
        self.short_cuts_out += 1
        if sent.is_ack_eliciting and not self._ack_eliciting_sent_since_receipt:
            self._close_at = now + self._idle_timeout()
            self._ack_eliciting_sent_since_receipt = True


def full_number(low: int, expected: int) -> int:
    """Complete a packet number of which two bytes were sent (RFC 9000, appendix A.3)."""
    number = expected & -NUMBER_WINDOW | low
    if number <= expected - NUMBER_WINDOW // 2:
        return number + NUMBER_WINDOW
    if number > expected + NUMBER_WINDOW // 2 and number >= NUMBER_WINDOW:
        return number - NUMBER_WINDOW
    return number


def _is_busy(stream: Any) -> bool:
    """Tell whether a stream has anything to write, a window that has to slide, or an end to be noticed."""
    sender, receiver = stream.sender, stream.receiver
    if not sender.buffer_is_empty or sender.reset_pending or receiver.stop_pending:
        return True
    if receiver.is_finished:
        finished: bool = sender.is_finished
        return finished
    local = stream.max_stream_data_local
    if not local:
        return False
    slid: int = local - receiver._buffer_start
    return slid < limits.STREAM_WINDOW_BYTES // 2 or local != stream.max_stream_data_local_sent
