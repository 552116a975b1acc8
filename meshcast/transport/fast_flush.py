"""The fast path's flush: an acknowledgement that is due, and the datagrams that wait, within the window and the pace.

It is what `_write_application` builds of a connection that has nothing else to send: the same packets, in the same order, with
the same frames in each (`pending` tells whether that is so).
"""

# ruff: noqa: SLF001 - private parts are the business of this file, and of `connection` and `fast_connection`

from typing import Any

from meshcast.transport.fast_books import NO_HANDLERS, SentAcknowledgement, SentDatagrams, enter_sent
from meshcast.transport.fast_frames import ack_frame, datagram_frame


def build_plain(connection: Any, now: float) -> list[tuple[bytes, Any]]:
    """Build the packets that a settled connection may send now, each with its address, and enter them in its books."""
    space, pacer, control = connection._application, connection._loss._pacer, connection._loss._cc
    pending, spin, step = connection._datagrams_pending, connection._spin_bit, pacer.packet_time
    keys = connection._keys
    built: list[tuple[bytes, Any]] = []
    connection._pacing_at = None
    while True:
        is_due = space.ack_at is not None and space.ack_at <= now
        if step is not None and (not is_due or space.ack_at == now):
            pacer.update_bucket(now=now)
            if pacer.bucket_time <= 0:
                connection._pacing_at = now + step
                break
        payload, handlers = b"", NO_HANDLERS
        if is_due:
            payload = _acknowledge(connection, now)
            handlers = ((connection._on_ack_delivery, (space, space.largest_received_packet)),)
        window = control.congestion_window - control.bytes_in_flight
        room, count = min(connection._max_datagram_size, window) - keys.overhead, 0
        while pending:
            frame = datagram_frame(pending[0])
            if len(payload) + len(frame) > room:
                break
            payload += frame
            pending.popleft()
            count += 1
        if not payload:
            break
        packet = keys.sealed(payload, connection._packet_number, spin=spin)
        built.append((packet, keys.address))
        enter_sent(connection, packet, handlers, now, SentDatagrams if count else SentAcknowledgement)
        keys.path.bytes_sent += len(packet)
        pacer.update_after_send(now=now)
    return built


def _acknowledge(connection: Any, now: float) -> bytes:
    """Write an acknowledgement of all that has come; none is due any more."""
    space = connection._application
    delay = int((now - space.largest_received_time) * 1_000_000) >> connection._local_ack_delay_exponent
    space.ack_at = None
    return ack_frame(space.ack_queue, delay)
