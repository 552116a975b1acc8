"""One QUIC connection: aioquic's machine, made cheap, bounded and mutually authenticable.

This file, and those that serve it and its fast path, are the only ones that touch private parts of aioquic, and they do so
for one version of it. What it changes, and why (each was reproduced against 1.7.2):

* Receive windows slide from what was read. The stock ones double by the highest offset and gaps are allocated: eleven
  packets cost a gigabyte. Handshake bytes are bounded likewise, for anybody can send them.
* Datagrams are acknowledged ten at a time, everything else at once (`acknowledgements`). The delay is announced: a
  sender's probes run from its newest packet, so they do not misfire.
* The probe timeout doubles only a little: the stock one sleeps through the end of a blackout.
* `waiting_since` tells how long the other side has owed an acknowledgement: the one sign of death.
* A TLS exporter (RFC 8446, section 7.5) gives both sides 32 equal bytes that no third party and no other connection
  has; the dialler signs them. aioquic has neither an exporter nor client certificates for production.
* X25519, Ed25519, two connection ids, no logging (and what `configuration` says): half the cost of a handshake.
"""

# ruff: noqa: SLF001 - private parts are the business of this file

import contextlib
import functools
import math
from typing import Any

import aioquic
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import connection as stock
from aioquic.quic.connection import (
    QuicConnection,
    QuicConnectionError,
    QuicConnectionState,
    QuicReceiveContext,
    stream_is_client_initiated,
)
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicErrorCode
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.units import PeerId
from meshcast.transport import limits, pending
from meshcast.transport.acknowledgements import Acknowledgements, note_answer
from meshcast.transport.certificates import pinned_key
from meshcast.transport.configuration import CONNECTION_IDS, announced
from meshcast.transport.endings import Ending, ending_of
from meshcast.transport.exporter import export
from meshcast.transport.fast_release import release_handshake
from meshcast.transport.lane import PACKET_OVERHEAD_BYTES
from meshcast.transport.library import refusal
from meshcast.transport.silent import SILENT
from meshcast.transport.streams import is_delivered, takes_data

if (_refusal := refusal(aioquic.__version__)) is not None:
    raise ImportError(_refusal)

# Thirty frozensets for each new connection are the same thirty every time.
stock.EPOCHS = functools.cache(stock.EPOCHS)
# An epoch is looked up a hundred times in a handshake; that each is one object is hash enough.
type.__setattr__(tls.Epoch, "__hash__", object.__hash__)


class MeshConnection(QuicConnection):
    """A connection between two peers, as bytes in and bytes out."""

    _one_rtt: CryptoPair
    """The keys of the connection, once it is established."""
    _one_rtt_stream: QuicStream

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._logger = SILENT
        self._loss._logger = SILENT
        self._local_active_connection_id_limit = CONNECTION_IDS
        for limit, streams in (
            (self._local_max_streams_bidi, 0 if self._is_client else 1),
            (self._local_max_streams_uni, limits.BLOBS_MAX),
        ):
            limit.value = limit.sent = streams
        self._application = QuicPacketSpace(is_application_data=True)
        self._acknowledgements = Acknowledgements()
        self._is_released = False
        self._peer_key: PeerId | None = None
        self._keys_until = math.inf
        self._pending_since = math.inf
        self.has_new_keys = False
        """This side has asked for new keys since the handshake."""
        self.heard_at = 0.0
        """When the last datagram came; 0.0 for never."""
        self.exported = b""
        """The 32 bytes that only the two ends of this connection know; empty before the handshake."""
        self.waiting_since: float | None = None
        """When the oldest packet was sent that the other side should have acknowledged and has not."""

    # What the endpoint and the links ask

    @property
    def in_first_flight(self) -> bool:
        """Tell whether nothing from the other side could be decrypted yet."""
        return self._state is QuicConnectionState.FIRSTFLIGHT

    @property
    def ending(self) -> Ending | None:
        """Tell why the connection is over, as soon as either side has decided so."""
        event = self._close_event
        return None if event is None else ending_of(event, self._state)

    @property
    def has_news(self) -> bool:
        """Tell whether there is an event to take, or the connection is over."""
        return bool(self._events) or self._close_event is not None

    @property
    def probe_s(self) -> float:
        """Tell how long after a packet a probe may be due, in seconds."""
        return self._loss.get_probe_timeout()

    @property
    def is_losing(self) -> bool:
        """Tell whether a packet will be given up as lost unless it is acknowledged soon: a timer that no chunk puts off."""
        return self._application.loss_time is not None

    @property
    def rtt_s(self) -> float:
        """Tell the smoothed round trip in seconds; 0.0 before the first sample."""
        return self._loss._rtt_smoothed

    @property
    def last_sent(self) -> float:
        """Tell when the last packet was sent that asks for an acknowledgement; 0.0 for never."""
        return self._loss._time_of_last_sent_ack_eliciting_packet

    @property
    def owed_since(self) -> float | None:
        """Tell since when the other side has owed an acknowledgement; None when it owes none."""
        return self.waiting_since

    def peer_key(self) -> PeerId:
        """Tell the key that the other side proved in the handshake; RemoteProtocolError when there is none."""
        if self._peer_key is None:
            certificate = None if self._is_released else self.tls._peer_certificate
            if certificate is None:
                raise RemoteProtocolError("no certificate was shown")
            self._peer_key = pinned_key(certificate)
        return self._peer_key

    def release_handshake(self) -> None:
        """Let go of what only the handshake needed, as soon as it is confirmed and what came of it was taken."""
        if (
            not self._is_released
            and self._handshake_confirmed
            and not self._events
            and self._close_event is None
        ):
            with contextlib.suppress(RemoteProtocolError):
                self.peer_key()
            self._is_released = True
            release_handshake(self)

    has_work = pending.has_work
    """Asked after each packet that went the long way, so nothing stands between."""

    # Streams

    def can_write(self, stream_id: int) -> bool:
        """Tell whether a stream takes data: the other side may have stopped it before we were told."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return self._is_client == stream_is_client_initiated(stream_id) and not self._stream_is_discarded(
                stream_id
            )
        return takes_data(stream)

    def unacknowledged(self, stream_id: int) -> int:
        """Count the bytes of a stream that were written and not yet acknowledged."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else len(stream.sender._buffer)

    def is_delivered(self, stream_id: int) -> bool:
        """Tell whether all that was written to a stream, its end included, was acknowledged."""
        stream = self._streams.get(stream_id)
        return stream is None or is_delivered(stream)

    # Datagrams

    def has_room_for(self, size: int) -> bool:
        """Tell whether a datagram of `size` bytes could leave now, or as soon as pacing lets it."""
        if self._remote_max_datagram_frame_size is None or size + 3 > self._remote_max_datagram_frame_size:
            return False
        control = self._loss._cc
        in_flight = control.bytes_in_flight
        if self._datagrams_pending:
            if len(self._datagrams_pending) >= limits.DATAGRAMS_PENDING_MAX:
                return False
            in_flight += sum(len(data) + PACKET_OVERHEAD_BYTES for data in self._datagrams_pending)
        return in_flight + size + PACKET_OVERHEAD_BYTES <= control.congestion_window

    def queue_datagram(self, data: bytes, now: float) -> None:
        """Send a datagram at the next flush; ask `has_room_for` first."""
        if not self._datagrams_pending:
            self._pending_since = now
        self.send_datagram_frame(data)

    def shed_stale_datagrams(self, now: float) -> int:
        """Throw away datagrams that have waited too long, and count them."""
        if not self._datagrams_pending or now - self._pending_since < limits.DATAGRAM_STALE_S:
            return 0
        shed = len(self._datagrams_pending)
        self._datagrams_pending.clear()
        return shed

    def ping(self) -> None:
        """Ask for a sign of life; one at a time."""
        if not self._ping_pending:
            self.send_ping(0)

    def update_keys(self) -> None:
        """Go on under new keys (RFC 9001, section 6), unless the handshake is not confirmed: then nothing happens."""
        if self._handshake_confirmed:
            self.has_new_keys = True
            self.request_key_update()

    def dismantle(self) -> None:
        """Break the reference cycles, so that the memory is free at once; nothing may be called afterwards."""
        vars(self).clear()

    # What is changed in the machine

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """Build what is to be sent, and note since when an acknowledgement is owed."""
        if now >= self._keys_until:
            self._keys_until = now + limits.KEY_UPDATE_S
            self.update_keys()
        datagrams = super().datagrams_to_send(now)
        if self.waiting_since is None and self._application.ack_eliciting_in_flight:
            self.waiting_since = now
        return datagrams

    def handle_timer(self, now: float) -> None:
        """Serve the timers; keep the probe timeout short and the record of what is owed true."""
        super().handle_timer(now)
        self._loss._pto_count = min(self._loss._pto_count, limits.PROBE_DOUBLINGS_MAX)
        if not self._application.ack_eliciting_in_flight and not self._probe_pending:
            # What was owed is given up as lost, and nothing of it is to be sent again.
            self.waiting_since = None

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self._application = self._spaces[tls.Epoch.ONE_RTT]
        self._one_rtt = self._cryptos[tls.Epoch.ONE_RTT]
        self._one_rtt_stream = self._crypto_streams[tls.Epoch.ONE_RTT]
        self.tls._supported_groups = [tls.Group.X25519]
        self.tls._signature_algorithms = [tls.SignatureAlgorithm.ED25519]

    def _confirm_handshake(self) -> None:
        super()._confirm_handshake()
        if self._is_client:
            # One of the two is enough: an update renews the keys of both directions.
            self._keys_until = self._loss._time_of_last_sent_ack_eliciting_packet + limits.KEY_UPDATE_S

    def _update_traffic_key(
        self, direction: tls.Direction, epoch: tls.Epoch, cipher_suite: tls.CipherSuite, secret: bytes
    ) -> None:
        # At this moment, and at no other, the transcript is that of the exporter: up to the server's Finished.
        moment = tls.Direction.DECRYPT if self._is_client else tls.Direction.ENCRYPT
        if epoch is tls.Epoch.ONE_RTT and direction is moment and not self.exported:
            self.exported = export(self.tls.key_schedule)
        super()._update_traffic_key(direction, epoch, cipher_suite, secret)

    def _serialize_transport_parameters(self) -> bytes:
        return announced(super()._serialize_transport_parameters())

    def _probe_preferred_address(self) -> None:
        # A server could point its clients at anybody with it.
        self._remote_preferred_address = None

    def _payload_received(
        self,
        context: QuicReceiveContext,
        plain: bytes,
        crypto_frame_required: bool = False,  # noqa: FBT001, FBT002 - aioquic's signature
    ) -> tuple[bool, bool]:
        is_handshake = context.epoch is not tls.Epoch.ONE_RTT
        self._acknowledgements.is_urgent = is_handshake
        result = super()._payload_received(context, plain, crypto_frame_required)
        is_asking = result[0]
        if is_handshake:
            self._ack_delay = 0.0
        elif is_asking:
            self._acknowledgements.owe(self, context.time)
        return result

    def _handle_stream_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._acknowledgements.is_urgent = True
        super()._handle_stream_frame(context, frame_type, buf)

    def _handle_ping_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._acknowledgements.is_urgent = True
        super()._handle_ping_frame(context, frame_type, buf)

    def _handle_datagram_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self.heard_at = context.time
        super()._handle_datagram_frame(context, frame_type, buf)

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        start = buf.tell()
        end = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(start)
        if end > limits.CRYPTO_BYTES_MAX:
            raise QuicConnectionError(
                QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "too long a handshake"
            )
        super()._handle_crypto_frame(context, frame_type, buf)

    def _handle_ack_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        space = self._application
        before = space.largest_acked_packet, space.ack_eliciting_in_flight
        super()._handle_ack_frame(context, frame_type, buf)
        note_answer(self, *before)

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        limit = self._local_max_data
        if limit.value - limit.used < limits.CONNECTION_WINDOW_BYTES // 2:
            limit.value = limit.used + limits.CONNECTION_WINDOW_BYTES
        # The stock code doubles the window when it thinks that half of it is used.
        used, limit.used = limit.used, 0
        try:
            super()._write_connection_limits(builder=builder, space=space)
        finally:
            limit.used = used

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        receiver = stream.receiver
        if not stream.max_stream_data_local or receiver.is_finished:
            return
        if stream.max_stream_data_local - receiver._buffer_start < limits.STREAM_WINDOW_BYTES // 2:
            stream.max_stream_data_local = receiver._buffer_start + limits.STREAM_WINDOW_BYTES
        if stream.max_stream_data_local == stream.max_stream_data_local_sent:
            return
        highest, receiver.highest_offset = receiver.highest_offset, 0
        try:
            super()._write_stream_limits(builder=builder, space=space, stream=stream)
        finally:
            receiver.highest_offset = highest
