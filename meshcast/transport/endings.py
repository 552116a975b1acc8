"""Endings: who or what ended a connection, told from what the library knows of it.

The library has one event for all ends, and a state that says who was first. Above it four kinds are enough: the other side
said farewell, it broke the rules, it fell silent, or this side has had enough. What the library raises where its authors
did not think of something (`FAULTS`) ends a connection as a broken rule does.
"""

import enum
from dataclasses import dataclass
from typing import Final

from aioquic.quic.connection import QuicConnectionState
from aioquic.quic.events import ConnectionTerminated
from cryptography.exceptions import InvalidKey, InvalidSignature, InvalidTag, UnsupportedAlgorithm

FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    InvalidKey,
    InvalidSignature,
    InvalidTag,
    UnsupportedAlgorithm,
)
"""What aioquic may raise when a stranger feeds it what its authors did not think of, such as IndexError for a retired
connection id without a successor. It costs that connection, never the task."""


class Blame(enum.Enum):
    """Who or what ended a connection."""

    PEER = enum.auto()
    """The other side said farewell."""
    FAULT = enum.auto()
    """The other side broke QUIC, or the library over it."""
    SILENCE = enum.auto()
    """Nobody is there, or nobody who speaks our version."""
    OURS = enum.auto()
    """This side said farewell."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is over, and what was said."""

    blame: Blame
    reason: str


def ending_of(event: ConnectionTerminated, state: QuicConnectionState) -> Ending:
    """Tell what it means that the library ends a connection with this event, and is in this state."""
    if state is QuicConnectionState.DRAINING:
        blame = Blame.PEER
    elif state is QuicConnectionState.TERMINATED:
        blame = Blame.SILENCE
    else:
        blame = Blame.OURS if event.frame_type is None else Blame.FAULT
    return Ending(blame, event.reason_phrase or f"code {event.error_code}")
