"""What a peer counts, and what it shows: for status lines, reports and tests."""

from dataclasses import dataclass, field

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.messages import Wait, WaitFor
from meshcast.protocol.session import Contact, Session
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence


@dataclass(slots=True)
class Tally:
    """Counts since the start."""

    verified: int = 0
    duplicates: int = 0
    strays: int = 0
    """Chunks of another run, too old, or from strangers."""
    forged: int = 0
    """Chunks whose signature was bad: not played, not passed on, their sender cut off."""
    accused: list[PeerId] = field(default_factory=list)
    bad_messages: int = 0
    first_play_at: Micros | None = None
    joined_at: Micros | None = None
    """When `Join` was sent first."""
    attached_at: Micros | None = None
    parents: int = 0
    """How often a parent was found."""


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
    title: str


def waits_for(session: Session, waiting: Wait | None) -> str:
    """Say in a few words what a peer without sound waits for."""
    if session.contact in {Contact.AWAY, Contact.DIALLING}:
        return f"for the tracker ({session.detail})" if session.failures else "for the tracker"
    if waiting is None:
        return "for a place"
    match waiting.reason:
        case WaitFor.SOURCE:
            return "for the broadcaster"
        case WaitFor.PLACE:
            return f"for a place (number {waiting.place})"
