"""Whether anything but datagrams and acknowledgements waits to be sent: then the fast path leaves a packet to the library.

Each of these is what `_write_application` looks at before it builds a packet of an established connection.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, too

from typing import Any

from meshcast.transport import limits
from meshcast.transport.streams import is_busy


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
