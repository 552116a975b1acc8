"""What happens to a machine: the values that drivers feed to `handle(event, now)`."""

from dataclasses import dataclass
from typing import TypeAlias

from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.messages import Message
from meshcast.protocol.units import Address, Micros, PeerId


@dataclass(frozen=True, slots=True)
class Connected:
    """A link is up, and both ends have proven their keys."""

    peer: PeerId
    address: Address
    dialled: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A link is gone, or a dial came to nothing."""

    peer: PeerId
    detail: str
    is_wrong_key: bool = False
    """Who answered there could not prove the key that was expected."""


@dataclass(frozen=True, slots=True)
class Received:
    """A control message came, on a stream or as a datagram."""

    peer: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """A chunk came."""

    peer: PeerId
    hop: Hop
    chunk: Chunk
    rtt_us: Micros = 0
    """The link's round trip, as measured by the transport; half of it is added to the chunk's age."""
    is_refill: bool = False
    """It came on a short stream, with others: its arrival says nothing about jitter."""


@dataclass(frozen=True, slots=True)
class RefillReceived:
    """A short stream came, with several chunks; they are passed on together too."""

    peer: PeerId
    parts: tuple[ChunkReceived, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that `deadline()` named has come."""


@dataclass(frozen=True, slots=True)
class Captured:
    """The source has sound for one chunk (or none, when it is paused)."""

    packets: tuple[bytes, ...]
    duration_us: Micros
    paused: bool = False
    standby: bool = False
    """It is of the standby programme: the host is away."""


@dataclass(frozen=True, slots=True)
class ProgrammeEnded:
    """The source has come to its end."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asks the machine to go politely."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """The transport's smoothed round trips to all neighbours, once a second; 0 where nothing is known."""

    measured: tuple[tuple[PeerId, Micros], ...]


@dataclass(frozen=True, slots=True)
class Woken:
    """The machine has stood still, and its clock with it: a laptop's lid was shut."""

    slept_us: Micros


Event: TypeAlias = (
    Connected
    | Disconnected
    | Received
    | ChunkReceived
    | RefillReceived
    | Tick
    | Captured
    | ProgrammeEnded
    | Stop
    | RoundTrips
    | Woken
)
