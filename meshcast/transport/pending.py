"""Whether anything waits to be sent: what the library looks at before it builds a packet of an established connection.

Two ask. The endpoint asks whether a flush pays (`has_work`): late acknowledgements alone may wait. The fast path asks whether
anything but datagrams and acknowledgements waits (`has_nothing_else_to_send`): then it leaves the packet to the
library.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, too

from typing import Any

from meshcast.transport import limits
from meshcast.transport.streams import has_work as stream_has_work
from meshcast.transport.streams import is_busy


def has_work(connection: Any, now: float) -> bool:
    """Tell whether more than late acknowledgements is to be sent: an empty flush costs a third of a full one."""
    if (
        not connection._handshake_confirmed
        or connection._close_pending
        or connection._datagrams_pending
        or connection._ping_pending
        or connection._probe_pending
        or connection._handshake_done_pending
        or connection._retire_connection_ids
        or connection._streams_blocked_pending
        or len(connection._network_paths) != 1
        or not connection._network_paths[0].is_validated
        or connection._network_paths[0].remote_challenges
    ):
        return True
    ack_at = connection._application.ack_at
    if ack_at is not None and ack_at <= now:
        return True
    if connection._local_max_data.sent != connection._local_max_data.value:
        return True
    if connection._local_max_streams_uni.sent < connection._local_max_streams_uni.used:
        return True
    for connection_id in connection._host_cids:
        if not connection_id.was_sent:
            return True
    return any(map(stream_has_work, connection._streams_queue))


def has_nothing_else_to_send(connection: Any) -> bool:
    """Tell whether a connection whose handshake is confirmed has no frame to send but datagrams and acknowledgements."""
    return (
        not connection._network_paths[0].remote_challenges
        and not connection._ping_pending
        and not connection._probe_pending
        and not connection._handshake_done_pending
        and not connection._retire_connection_ids
        and not connection._streams_blocked_pending
        and connection._one_rtt_stream.sender.buffer_is_empty
        and not _has_limits_to_write(connection)
        and all(connection_id.was_sent for connection_id in connection._host_cids)
        and not any(map(is_busy, connection._streams_queue))
    )


def _has_limits_to_write(connection: Any) -> bool:
    """Tell whether a window has slid, or a stream may be opened anew."""
    data = connection._local_max_data
    return (
        data.value != data.sent
        or data.value - data.used < limits.CONNECTION_WINDOW_BYTES // 2
        or any(
            limit.value != limit.sent and limit.sent - limit.used < limit.value - limit.sent
            for limit in (connection._local_max_streams_bidi, connection._local_max_streams_uni)
        )
    )
