"""Blobs on their way: a few short unidirectional streams at a time, each whole or nothing.

Both ends count the same thing, so that an honest sender never offends: the sender counts a blob until its last byte has
been acknowledged, the receiver until it has handed it on, which is sooner.
"""

from collections.abc import Callable

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.transport.limits import BLOB_BYTES_MAX, BLOBS_BYTES_MAX, BLOBS_MAX


class Outgoing:
    """The blobs that were sent and not yet acknowledged, by stream."""

    __slots__ = ("_sizes",)

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}

    def has_room_for(self, size: int) -> bool:
        """Tell whether one more blob may be sent; LocalProtocolError for one that never may."""
        if not 0 < size <= BLOB_BYTES_MAX:
            raise LocalProtocolError(f"a blob of {size} bytes, 1 to {BLOB_BYTES_MAX} allowed")
        return len(self._sizes) < BLOBS_MAX and sum(self._sizes.values()) + size <= BLOBS_BYTES_MAX

    def add(self, stream_id: int, size: int) -> None:
        """Note a blob that was sent."""
        self._sizes[stream_id] = size

    def forget(self, is_delivered: Callable[[int], bool]) -> bool:
        """Forget what has been delivered; tell whether that was all."""
        for stream_id in [stream_id for stream_id in self._sizes if is_delivered(stream_id)]:
            del self._sizes[stream_id]
        return not self._sizes


class Incoming:
    """The blobs that have begun to arrive, by stream, and those that are whole and wait."""

    __slots__ = ("_bytes", "_parts", "_whole")

    def __init__(self) -> None:
        self._parts: dict[int, bytearray] = {}
        self._whole: list[bytes] = []
        self._bytes = 0

    def feed(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """Add what arrived; RemoteProtocolError when it is more than anybody may send."""
        self._bytes += len(data)
        if self._bytes > BLOBS_BYTES_MAX:
            raise RemoteProtocolError(f"more than {BLOBS_BYTES_MAX} bytes of blobs at a time")
        blob = self._parts.setdefault(stream_id, bytearray())
        blob += data
        if end:
            if not blob:
                raise RemoteProtocolError("an empty blob")
            self._whole.append(bytes(self._parts.pop(stream_id)))

    def take(self) -> list[bytes]:
        """Take the blobs that are whole."""
        whole, self._whole = self._whole, []
        self._bytes -= sum(len(blob) for blob in whole)
        return whole
