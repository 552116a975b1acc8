"""The fast path's acknowledgements: what recovery does with one that is about datagrams alone.

Such a packet is never sent again, so nobody has to hear what became of it; and a relay's children acknowledge one row of
packets without a gap. What then is left of `QuicPacketRecovery.on_ack_received` is done here in its order, number for
number (RFC 9002, appendix A.7). Any other answer the library takes.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, and of `connection` and `fast_connection`

from typing import Any

from meshcast.transport.acknowledgements import note_answer
from meshcast.transport.fast_frames import Acknowledged


def take_answer(connection: Any, answer: Acknowledged, now: float) -> None:
    """Hand an acknowledgement to recovery, the short way if it can go that way."""
    space, loss = connection._application, connection._loss
    before, in_flight = space.largest_acked_packet, space.ack_eliciting_in_flight
    delay_s = (answer.delay << connection._remote_ack_delay_exponent) / 1_000_000
    if len(answer.ranges) > 1 or not _take_row(loss, space, answer.ranges[0], delay_s, now):
        for packet in space.sent_packets.values():
            if packet.delivery_handlers:
                # It would be repaired: acknowledged or lost, it may leave more to do.
                connection._is_settled = False
                break
        loss.on_ack_received(ack_rangeset=answer.packets(), ack_delay=delay_s, now=now, space=space)
    connection._probe_s = loss.get_probe_timeout()
    note_answer(connection, before, in_flight)


def _take_row(loss: Any, space: Any, acked: range, delay_s: float, now: float) -> bool:
    """Take in that `acked` has arrived, answered after `delay_s`; False when the library has to do that."""
    sent = space.sent_packets
    newest = acked.stop - 1
    arrived = []
    for number, packet in sent.items():
        if number > newest:
            break
        if number < acked.start or packet.delivery_handlers or not packet.in_flight:
            # It has been lost perhaps, or more than a record hangs on it.
            return False
        arrived.append(packet)
    if not arrived or newest < space.largest_acked_packet or space.loss_time is not None:
        return False
    space.largest_acked_packet = newest
    space.ack_eliciting_in_flight -= len(arrived)
    for packet in arrived:
        del sent[packet.packet_number]
        loss._cc.on_packet_acked(packet=packet, now=now)
    last = arrived[-1]
    if last.packet_number == newest:
        _measure(loss, now - last.sent_time, delay_s, now)
    if loss.peer_completed_address_validation:
        loss._pto_count = 0
    return True


def _measure(loss: Any, latest: float, delay_s: float, now: float) -> None:
    """Take in a round trip (RFC 9002, section 5.3; not with its newer formula, but with the library's)."""
    rtt = max(latest, 0.001)
    loss._rtt_min = min(loss._rtt_min, rtt)
    delay_s = min(delay_s, loss.max_ack_delay)
    if rtt > loss._rtt_min + delay_s:
        rtt -= delay_s
    loss._rtt_latest = rtt
    if loss._rtt_initialized:
        loss._rtt_variance = 3 / 4 * loss._rtt_variance + 1 / 4 * abs(loss._rtt_min - rtt)
        loss._rtt_smoothed = 7 / 8 * loss._rtt_smoothed + 1 / 8 * rtt
    else:
        loss._rtt_first_sample_time = now
        loss._rtt_initialized = True
        loss._rtt_variance, loss._rtt_smoothed = latest / 2, latest
    control = loss._cc
    if control.ssthresh is None:
        control.on_rtt_measurement(now=now, rtt=latest)
    loss._pacer.update_rate(congestion_window=control.congestion_window, smoothed_rtt=loss._rtt_smoothed)
