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

from collections import deque
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
TAG_BYTES: Final = 16
SAMPLE_BYTES: Final = 16
SAMPLE_OFFSET: Final = 1 + CONNECTION_ID_BYTES + 4
"""Where the sample for header protection begins: as if the packet number had four bytes (RFC 9001, section 5.4.2)."""
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
        if not self._receive_plain(data, addr, now):
            super().receive_datagram(data, addr, now)

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what is to be sent."""
        if not self._is_plain(now):
            return super().datagrams_to_send(now)
        packets = self._build_plain(now)
        if self.waiting_since is None and self._application.ack_eliciting_in_flight:
            self.waiting_since = now
        return packets

    # Receiving

    def _receive_plain(self, data: bytes, addr: Any, now: float) -> bool:
        """Take in a packet if it is plain; otherwise change nothing and tell False."""
        paths = self._network_paths
        if (
            not self._handshake_confirmed
            or self._close_event is not None
            or len(paths) != 1
            or paths[0].addr != addr
            or not paths[0].is_validated
            or not self._is_for_active_id(data)
        ):
            return False
        opened = self._open(data)
        if opened is None:
            return False
        number, spin, payload = opened
        content = read_payload(payload)
        if content is None:
            return False
        self._take(number, spin, content, now)
        self.short_cuts_in += 1
        return True

    def _is_for_active_id(self, data: bytes) -> bool:
        """Tell whether this is a short packet of usual size for the connection id in use."""
        if (
            not SAMPLE_OFFSET + SAMPLE_BYTES <= len(data) < limits.PLAIN_BYTES_MAX
            or data[0] & 0xC0 != SHORT_HEADER
        ):
            return False
        own = data[1 : 1 + CONNECTION_ID_BYTES]
        return own == self.host_cid and any(own == known.cid for known in self._host_cids)

    def _open(self, data: bytes) -> tuple[int, bool, bytes] | None:
        """Decrypt a packet of the present key phase that has not come before: its number, spin bit and payload."""
        keys: Any = self._one_rtt.recv
        mask = keys.hp._encryptor.update(data[SAMPLE_OFFSET : SAMPLE_OFFSET + SAMPLE_BYTES])
        first = data[0] ^ mask[0] & 0x1F
        if first & 0x1F != keys.key_phase << 2 | NUMBER_BYTES - 1:
            return None
        start = 1 + CONNECTION_ID_BYTES
        low = (data[start] ^ mask[1]) << 8 | data[start + 1] ^ mask[2]
        number = full_number(low, self._application.expected_packet_number)
        header = b"%c%b%b" % (first, self.host_cid, low.to_bytes(NUMBER_BYTES, "big"))
        aead = keys.aead
        try:
            payload = aead._aead.decrypt(
                (aead._iv ^ number).to_bytes(12, "big"), data[start + NUMBER_BYTES :], header
            )
        except InvalidTag:
            return None
        if number in self._application.received_packets:
            return None
        return number, bool(first & SPIN_BIT), payload

    def _take(self, number: int, spin: bool, content: Payload, now: float) -> None:  # noqa: FBT001 - a bit
        """Do what the library does for each packet, in its order."""
        space = self._application
        if number > space.expected_packet_number:
            space.expected_packet_number = number + 1
        if number > self._spin_highest_pn:
            self._spin_bit = spin is not self._is_client
            self._spin_highest_pn = number
        self._is_urgent = False
        self._ack_delay = limits.ACK_DELAY_S
        if content.acknowledged is not None:
            packets, delay = content.acknowledged
            before = space.largest_acked_packet, space.ack_eliciting_in_flight
            self._loss.on_ack_received(
                ack_rangeset=packets,
                ack_delay=(delay << self._remote_ack_delay_exponent) / 1_000_000,
                now=now,
                space=space,
            )
            self._note_answer(*before)
        for datagram in content.datagrams:
            self._events.append(DatagramFrameReceived(data=datagram))
        self._close_at = now + self._idle_timeout()
        self._ack_eliciting_sent_since_receipt = False
        if number > space.largest_received_packet:
            space.largest_received_packet = number
            space.largest_received_time = now
        space.ack_queue.add(number)
        space.received_packets.add(number)
        if len(space.ack_queue) > MAX_ACK_RANGES:
            space.ack_queue.shift()
        if content.datagrams and space.ack_at is None:
            space.ack_at = now + limits.ACK_DELAY_S

    # Sending

    def _is_plain(self, now: float) -> bool:
        """Tell whether nothing but datagrams and acknowledgements could be sent now, over one path."""
        paths, space = self._network_paths, self._application
        return not (
            not self._handshake_confirmed
            or self._close_event is not None
            or len(paths) != 1
            or not paths[0].is_validated
            or paths[0].remote_challenges
            or self._ping_pending
            or self._probe_pending
            or self._handshake_done_pending
            or self._retire_connection_ids
            or self._streams_blocked_pending
            or self._one_rtt._update_key_requested
            or (self._is_client and now >= self._keys_until)
            or not self._one_rtt_stream.sender.buffer_is_empty
            or any(not connection_id.was_sent for connection_id in self._host_cids)
            or self._has_limits_to_write()
            or any(_is_busy(stream) for stream in self._streams_queue)
            or (
                space.ack_at is not None
                and space.ack_at <= now
                and len(space.ack_queue) > 1
                and self._packet_number % PING_PERIOD == 0
            )
        )

    def _build_plain(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what `_write_application` would: an acknowledgement that is due, and datagrams within the window."""
        space, control = self._application, self._loss._cc
        pacer: Any = self._loss._pacer
        pending, path = self._datagrams_pending, self._network_paths[0]
        overhead = 1 + len(self._peer_cid.cid) + NUMBER_BYTES + TAG_BYTES
        spin = self._spin_bit
        flight = control.congestion_window - control.bytes_in_flight
        built: list[tuple[bytes, Any]] = []
        sent: list[Any] = []
        self._pacing_at = None
        while True:
            if space.ack_at is None or space.ack_at >= now:
                self._pacing_at = pacer.next_send_time(now=now)
                if self._pacing_at is not None:
                    break
            handlers: Any = ()
            payload = b""
            if space.ack_at is not None and space.ack_at <= now:
                payload = self._acknowledge(now)
                handlers = ((self._on_ack_delivery, (space, space.largest_received_packet)),)
            room = min(self._max_datagram_size, flight) - overhead
            payload, count = _fill(payload, pending, room)
            if not payload:
                break
            number = self._packet_number + len(sent)
            packet = self._seal(payload, number, spin=spin)
            kind = SentDatagrams if count else SentAcknowledgement
            sent.append(kind(number, len(packet), now, handlers))
            built.append((packet, path.addr))
            flight -= len(packet) if count else 0
            pacer.update_after_send(now=now)
        for one in sent:
            self._loss.on_packet_sent(packet=one, space=space)
            path.bytes_sent += one.sent_bytes
            if one.is_ack_eliciting and not self._ack_eliciting_sent_since_receipt:
                self._close_at = now + self._idle_timeout()
                self._ack_eliciting_sent_since_receipt = True
        self._packet_number += len(sent)
        self.short_cuts_out += len(sent)
        return built

    def _acknowledge(self, now: float) -> bytes:
        space: Any = self._application
        delay = int((now - space.largest_received_time) * 1_000_000) >> self._local_ack_delay_exponent
        space.ack_at = None
        return ack_frame(space.ack_queue, delay)

    def _seal(self, payload: bytes, number: int, *, spin: bool) -> bytes:
        """Encrypt a payload, and hide its number (RFC 9001, sections 5.3 and 5.4)."""
        keys: Any = self._one_rtt.send
        peer_cid, low = self._peer_cid.cid, number & NUMBER_WINDOW - 1
        first = SHORT_HEADER | spin << 5 | self._one_rtt.recv.key_phase << 2 | NUMBER_BYTES - 1
        header = b"%c%b%b" % (first, peer_cid, low.to_bytes(NUMBER_BYTES, "big"))
        aead = keys.aead
        sealed = aead._aead.encrypt((aead._iv ^ number).to_bytes(12, "big"), payload, header)
        skipped = 4 - NUMBER_BYTES
        mask = keys.hp._encryptor.update(sealed[skipped : skipped + SAMPLE_BYTES])
        hidden = (low ^ (mask[1] << 8 | mask[2])).to_bytes(NUMBER_BYTES, "big")
        return b"%c%b%b%b" % (first ^ mask[0] & 0x1F, peer_cid, hidden, sealed)

    def _has_limits_to_write(self) -> bool:
        """Tell whether a window has slid, or a stream may be opened anew."""
        data = self._local_max_data
        if data.value != data.sent or data.value - data.used < limits.CONNECTION_WINDOW_BYTES // 2:
            return True
        return any(
            limit.value != limit.sent and limit.sent - limit.used < limit.value - limit.sent
            for limit in (self._local_max_streams_bidi, self._local_max_streams_uni)
        )


def full_number(low: int, expected: int) -> int:
    """Complete a packet number of which two bytes were sent (RFC 9000, appendix A.3)."""
    half = NUMBER_WINDOW // 2
    number = expected & -NUMBER_WINDOW | low
    if number <= expected - half:
        return number + NUMBER_WINDOW
    if number > expected + half and number >= NUMBER_WINDOW:
        return number - NUMBER_WINDOW
    return number


def _fill(payload: bytes, pending: deque[bytes], room: int) -> tuple[bytes, int]:
    """Add the datagrams that fit into `room`; tell the payload and how many they are."""
    count = 0
    while pending:
        frame = datagram_frame(pending[0])
        if len(payload) + len(frame) > room:
            break
        payload += frame
        pending.popleft()
        count += 1
    return payload, count


def _is_busy(stream: Any) -> bool:
    """Tell whether a stream has anything to write, a window that has to slide, or an end to be noticed."""
    sender, receiver = stream.sender, stream.receiver
    local = stream.max_stream_data_local
    return (
        not sender.buffer_is_empty
        or sender.reset_pending
        or receiver.stop_pending
        or stream.is_finished
        or (
            local
            and not receiver.is_finished
            and (
                local != stream.max_stream_data_local_sent
                or local - receiver._buffer_start < limits.STREAM_WINDOW_BYTES // 2
            )
        )
    )
