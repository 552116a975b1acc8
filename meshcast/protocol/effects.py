"""What a machine wants done: the values that `handle` returns and drivers carry out, in order."""

from dataclasses import dataclass
from typing import TypeAlias

from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.messages import Message
from meshcast.protocol.units import Address, Micros, PeerId, Sequence


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a link; an answer is `Connected` or `Disconnected`, unless the link is up or being opened already."""

    peer: PeerId
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close a link after what was sent before."""

    peer: PeerId
    detail: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a control message reliably and in order."""

    to: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send a control message that is worthless when late."""

    to: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class SendChunk:
    """Send one chunk as a datagram; it is dropped, and counted, where the link cannot take it at once."""

    to: PeerId
    hop: Hop
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Refill:
    """Send a backlog on a short stream."""

    to: PeerId
    chunks: tuple[tuple[Hop, Chunk], ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Send a PING, so that a parent learns a changed address."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Play:
    """Hand this chunk to the player now."""

    chunk: Chunk
    age_us: Micros
    """How long ago the source sent it, as the hops have added it up."""
    longer_us: Micros = 0
    """The playout delay changes: so much longer, or shorter, this chunk is to sound, without a click."""


@dataclass(frozen=True, slots=True)
class Conceal:
    """This chunk is due and not here: conceal it."""

    sequence: Sequence
    duration_us: Micros


@dataclass(frozen=True, slots=True)
class Bridge:
    """Nothing is here to be played, and it is waited for: conceal so long; nothing is passed over."""

    duration_us: Micros


@dataclass(frozen=True, slots=True)
class Ended:
    """The programme has ended and been played out."""


@dataclass(frozen=True, slots=True)
class Departed:
    """What was asked by `Stop` is done: nobody waits for this peer any more."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot go on; one line for a person."""

    reason: str


Effect: TypeAlias = (
    Dial
    | HangUp
    | Send
    | SendDatagram
    | SendChunk
    | Refill
    | Probe
    | Play
    | Conceal
    | Bridge
    | Ended
    | Departed
    | Failed
)
