"""Units: what the numbers of the protocol are counted in.

Time is whole microseconds of a monotonic clock that the machines are told and never read. Ranks, sequence numbers and
counters are plain integers; the names below say which is which.
"""

from typing import Final, NewType, TypeAlias

Micros: TypeAlias = int
"""A time or a duration in whole microseconds."""

MICROSECOND: Final[Micros] = 1
MILLISECOND: Final[Micros] = 1_000
SECOND: Final[Micros] = 1_000_000
MINUTE: Final[Micros] = 60 * SECOND
HOUR: Final[Micros] = 60 * MINUTE

PeerId = NewType("PeerId", bytes)
"""The 32 bytes of a peer's Ed25519 public key; a tracker and a source are peers too."""

BroadcastId = NewType("BroadcastId", bytes)
"""The 32 bytes of a broadcast's Ed25519 public key."""

Address: TypeAlias = tuple[str, int]
"""Host (a literal IP address) and UDP port."""

Sequence: TypeAlias = int
"""A chunk's number within a broadcast: it only ever grows."""

Rank: TypeAlias = int
"""An upper bound of a peer's depth; a parent's is always lower than its child's."""


def short(key: bytes) -> str:
    """Name a key in eight characters, for people and for logs."""
    return key[:4].hex()
