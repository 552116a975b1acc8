"""The library's books, and what the fast path enters in them: which packets were sent, which have come.

Recovery, acknowledgements and the idle timeout go by what stands there, whichever way a packet went. So each is entered
number for number as the library enters it, but for the record of what was sent, which takes a third of the memory.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, and of `connection` and `fast_connection`

from typing import Any, ClassVar, Final

from aioquic import tls
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.recovery import MAX_ACK_RANGES

NO_HANDLERS: Final[tuple[Any, ...]] = ()


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


def enter_sent(connection: Any, packet: bytes, handlers: Any, now: float, kind: type[SentDatagrams]) -> None:
    """Enter that the next packet was sent; `handlers` are told what becomes of it."""
    number, size = connection._packet_number, len(packet)
    space, loss = connection._application, connection._loss
    sent: Any = kind(number, size, now, handlers)
    space.sent_packets[number] = sent
    connection._packet_number = number + 1
    connection.short_cuts_out += 1
    if kind is SentAcknowledgement:
        return
    space.ack_eliciting_in_flight += 1
    loss._time_of_last_sent_ack_eliciting_packet = now
    loss._cc.on_packet_sent(packet=sent)
    if not connection._ack_eliciting_sent_since_receipt:
        connection._close_at = now + connection._idle_timeout()
        connection._ack_eliciting_sent_since_receipt = True


def enter_received(connection: Any, number: int, idle_s: float, now: float) -> None:
    """Enter that the packet of this number has come, over a path with this idle timeout in seconds."""
    connection._close_at = now + max(idle_s, 3 * connection._probe_s)
    connection._ack_eliciting_sent_since_receipt = False
    space = connection._application
    if number > space.largest_received_packet:
        space.largest_received_packet = number
        space.largest_received_time = now
    space.ack_queue.add(number)
    space.received_packets.add(number)
    if len(space.ack_queue) > MAX_ACK_RANGES:
        space.ack_queue.shift()
