"""What a stream has to say, asked from outside: nothing, nearly always, and each packet asks.

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
