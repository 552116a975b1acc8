"""What the program is told of links: the events, and their order.

For each peer `LinkUp` and `LinkDown` alternate; a dial that fails is a `LinkDown` without a `LinkUp`. Between them lie
frames (reliable, in order), blobs (reliable, each whole, in no order) and datagrams (now or never). Events are told one
after the other and never one inside the other: a callback may do what makes more of them, and these are told when it has
returned.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from meshcast.protocol.units import Address, PeerId
from meshcast.transport.reasons import DownReason


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Both keys are proved; `dialled` tells whether this side dialled."""

    peer: PeerId
    address: Address
    dialled: bool


@dataclass(frozen=True, slots=True)
class LinkDown:
    """A link is gone, or a dial has failed; `detail` is for people."""

    peer: PeerId
    reason: DownReason
    detail: str
    address: Address | None


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """One control message, whole."""

    peer: PeerId
    data: bytes


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """One datagram, whole."""

    peer: PeerId
    data: bytes


@dataclass(frozen=True, slots=True)
class BlobReceived:
    """One short unidirectional stream, whole."""

    peer: PeerId
    data: bytes


LinkEvent: TypeAlias = LinkUp | LinkDown | FrameReceived | DatagramReceived | BlobReceived


class Telling:
    """Tells whoever it was given everything, in the order in which it happened."""

    def __init__(self, on_event: Callable[[LinkEvent], None]) -> None:
        self._on_event = on_event
        self._untold: deque[LinkEvent] = deque()
        self._is_telling = False
        self._is_over = False

    def tell(self, event: LinkEvent) -> None:
        """Tell of an event now, or after the one that is being told."""
        self._untold.append(event)
        self.tell_all()

    def keep(self, event: LinkEvent) -> None:
        """Leave an event to the next who tells: whoever has called is not told before the call returns."""
        self._untold.append(event)

    def tell_all(self) -> None:
        """Tell what is untold."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._untold:
                event = self._untold.popleft()
                if not self._is_over:
                    self._on_event(event)
        finally:
            self._is_telling = False

    def end(self) -> None:
        """Tell nothing any more."""
        self._is_over = True
