"""What a peer counts, and what it shows: for status lines, reports and tests."""

from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.limits import LINKS_MAX
from meshcast.protocol.session import Contact
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence

ACCUSED_MAX: Final = LINKS_MAX
"""Forgers that are remembered: as many as could have a link at one time."""


@dataclass(slots=True)
class Tally:
    """Counts since the start."""

    verified: int = 0
    duplicates: int = 0
    strays: int = 0
    """Chunks of another run, too old, or from strangers."""
    forged: int = 0
    """Chunks whose signature was bad: not played, not passed on, their sender cut off."""
    accused: dict[PeerId, None] = field(default_factory=dict)
    """Who forged, and is not spoken to again: the newest of them, for a key costs nothing."""
    bad_messages: int = 0
    first_play_at: Micros | None = None
    joined_at: Micros | None = None
    """When `Join` was sent first."""
    attached_at: Micros | None = None
    parents: int = 0
    """How often a parent was found."""

    def accuse(self, peer: PeerId) -> None:
        """Remember a forger, and forget the oldest."""
        self.accused[peer] = None
        while len(self.accused) > ACCUSED_MAX:
            del self.accused[next(iter(self.accused))]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a peer stands now."""

    state: Attachment
    contact: Contact
    waiting: str
    """What is waited for, in a few words; empty when nothing is."""
    parent: PeerId | None
    children: tuple[PeerId, ...]
    standbys: tuple[PeerId, ...]
    rank: Rank
    newest: Sequence
    buffered_us: Micros
    delay_us: Micros | None
    """Behind the source, when the last chunk was handed to the player."""
    playout_delay_us: Micros
    """In force: behind the earliest transit."""
    missing: int
    concealed: int
    holes: int
    verified: int
    forged: int
    served_bytes: int
    repairs_us: tuple[Micros, ...]
    false_alarms: int
    """Parents left for silence that brought chunks after all."""
    title: str
    is_standby_programme: bool
    """What is heard is played while the host is away."""
