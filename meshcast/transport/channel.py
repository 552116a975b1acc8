"""A channel: one connection as the endpoint keeps it, and what it asks of its owner.

A channel is handshaking, open, closing or gone, and only the steps of the table lead from one to the next. While it
closes it has no owner any more: it merely repeats its farewell to packets that come late. Once gone its connection is
dismantled and must not be touched.
"""

import enum
import math
from typing import Final, Protocol

from aioquic.quic.events import QuicEvent

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import Address
from meshcast.transport import limits
from meshcast.transport.counters import Counters
from meshcast.transport.endings import Ending
from meshcast.transport.fast_connection import FastConnection


class ChannelState(enum.Enum):
    """How far a channel has come."""

    HANDSHAKING = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    GONE = enum.auto()


class ChannelStep(enum.Enum):
    """What happens to a channel."""

    ESTABLISHED = enum.auto()
    CLOSED = enum.auto()
    FORGOTTEN = enum.auto()


TRANSITIONS: Final = {
    (ChannelState.HANDSHAKING, ChannelStep.ESTABLISHED): ChannelState.OPEN,
    (ChannelState.HANDSHAKING, ChannelStep.CLOSED): ChannelState.CLOSING,
    (ChannelState.OPEN, ChannelStep.CLOSED): ChannelState.CLOSING,
    (ChannelState.HANDSHAKING, ChannelStep.FORGOTTEN): ChannelState.GONE,
    (ChannelState.OPEN, ChannelStep.FORGOTTEN): ChannelState.GONE,
    (ChannelState.CLOSING, ChannelStep.FORGOTTEN): ChannelState.GONE,
}


class Owner(Protocol):
    """What the endpoint tells whoever owns a channel, always from its one task."""

    def established(self) -> None:
        """Learn that the handshake is complete."""

    def heard(self, data: bytes) -> None:
        """Take a datagram that has come by itself."""

    def received(self, event: QuicEvent) -> None:
        """Learn what came out of a packet."""

    def progressed(self) -> None:
        """Learn that a packet was handled: something may have been acknowledged."""

    def ended(self, ending: Ending) -> None:
        """Learn that the connection is over; the channel has no owner any more."""

    def deadline(self) -> float:
        """Say when `expired` is to be called: a time of trio's clock, or infinity."""

    def expired(self, now: float) -> None:
        """Learn that the deadline has passed."""


class Channel:
    """One connection of the endpoint."""

    __slots__ = (
        "closing_until",
        "connection_ids",
        "counters",
        "dialled",
        "farewell",
        "farewells",
        "is_dirty",
        "owner",
        "quic",
        "state",
        "wake_at",
    )

    def __init__(self, quic: FastConnection, *, dialled: bool) -> None:
        self.quic = quic
        self.dialled = dialled
        self.state = ChannelState.HANDSHAKING
        self.owner: Owner | None = None
        self.connection_ids: dict[bytes, None] = {}
        self.counters = quic.lane.counters
        """What went through, without what has gone down the lane of late: see `counted`."""
        self.is_dirty = False
        self.wake_at = math.inf
        self.closing_until = math.inf
        self.farewell: list[tuple[bytes, Address]] = []
        self.farewells = 0

    @property
    def is_live(self) -> bool:
        """Tell whether the channel is neither closing nor gone."""
        return self.state in (ChannelState.HANDSHAKING, ChannelState.OPEN)

    def counted(self) -> Counters:
        """Tell what went through until now."""
        if self.state is not ChannelState.GONE:
            self.quic.lane.enter(self.quic)
        return self.counters

    def take(self, step: ChannelStep) -> None:
        """Go on to the next state; LocalProtocolError when the table knows no such step."""
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            raise LocalProtocolError(f"a channel that is {self.state.name} cannot be {step.name}")
        self.state = following

    def close(self, until: float) -> None:
        """Go on without an owner, to repeat the farewell to late packets until then."""
        self.take(ChannelStep.CLOSED)
        self.owner = None
        self.closing_until = until

    def next_farewell(self) -> list[tuple[bytes, Address]]:
        """Give the farewell's packets to be sent once more; none when it has been said often enough."""
        if self.farewells >= limits.FAREWELLS_MAX:
            return []
        self.farewells += 1
        return self.farewell

    def forget(self) -> None:
        """Be gone, without an owner, and free the memory of the connection."""
        self.take(ChannelStep.FORGOTTEN)
        self.owner = None
        self.quic.dismantle()
