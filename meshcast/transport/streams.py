"""What a stream has to say, asked from outside: is anything of it to be sent, does it take data, has all arrived?

Nearly always nothing is to be sent, and each packet asks.

Private parts of aioquic are the business of this file, and of `connection` and those that it names.
"""

# ruff: noqa: SLF001

from typing import Any

from meshcast.transport import limits


def has_work(stream: Any) -> bool:
    """Tell whether anything of a stream is to be sent now."""
    return (
        not stream.sender.buffer_is_empty
        or stream.sender.reset_pending
        or stream.receiver.stop_pending
        or stream.is_finished
        or stream.max_stream_data_local != stream.max_stream_data_local_sent
    )


def is_busy(stream: Any) -> bool:
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


def takes_data(stream: Any) -> bool:
    """Tell whether one may write to a stream: it has no end yet, and was not cut off, here or by the other side."""
    sender = stream.sender
    return not sender.is_finished and sender._buffer_fin is None and sender._reset_error_code is None


def is_delivered(stream: Any) -> bool:
    """Tell whether all that was written to a stream, its end included, was acknowledged."""
    sender = stream.sender
    return sender.is_finished or (not sender._buffer and sender._buffer_fin is None)
