"""What peers, sources and trackers say to each other: plain values, checked where they come in (`wire`).

Every message is idempotent, or carries a counter, a serial or a term that makes a stale one a no-op.
"""

import enum
from dataclasses import dataclass
from typing import TypeAlias

from meshcast.protocol.identity import Domain, Identity, Verify
from meshcast.protocol.tickets import Ban, Delegation, Role, Ticket, pack
from meshcast.protocol.units import Address, BroadcastId, Micros, PeerId, Rank, Sequence


class Why(enum.IntEnum):
    """Why somebody refused, or says goodbye."""

    FULL = 1
    RANK = 2
    TICKET = 3
    RAISING = 4
    LEAF = 5
    BANNED = 6
    UNKNOWN_BROADCAST = 7
    BAD_DELEGATION = 8
    SUPERSEDED = 9
    SHED = 10
    LEAVING = 11
    POLLUTER = 12
    IDLE = 13
    SLOW = 14
    TITLE_TAKEN = 15


class Fault(enum.IntEnum):
    """What a peer accuses another of."""

    FORGED = 1
    REPLAYED = 2
    WITHHELD = 3
    DOUBLE_ADOPT = 4


class WaitFor(enum.IntEnum):
    """What a joiner waits for."""

    PLACE = 1
    SOURCE = 2


# ---- peer to tracker


@dataclass(frozen=True, slots=True)
class Join:
    """Ask for a place in a broadcast."""

    broadcast: BroadcastId
    role: Role
    capacity: int
    addresses: tuple[Address, ...]
    """Addresses on the local network; the tracker adds the one it observes."""
    landmarks: tuple[Micros, ...]
    """Round trips to the tracker's landmarks; empty when not measured."""
    invitation: bytes


@dataclass(frozen=True, slots=True)
class Announce:
    """Open (or take over) a broadcast as one of its sources."""

    broadcast: BroadcastId
    delegation: Delegation
    title: str
    bitrate_bps: int
    chunk_us: Micros
    capacity: int
    addresses: tuple[Address, ...]
    landmarks: tuple[Micros, ...] = ()
    """Round trips to the tracker's landmarks; empty when not measured."""


@dataclass(frozen=True, slots=True)
class Report:
    """Say where one stands: whole state and not a difference, so that any one report mends all that were lost."""

    serial: int
    counter: int
    """How often this peer has asked to be attached: its version of where it hangs."""
    parent: PeerId | None
    rank: Rank
    children: tuple[PeerId, ...]
    standbys: tuple[PeerId, ...]
    newest: Sequence
    seeking: bool
    """No parent, and no neighbour helped: place me."""
    silent: PeerId | None
    """Whom it last left for silence, so that nobody else is sent there."""
    capacity: int | None = None
    """Places that it offers now, if it says so: its uplink bears no more, or somebody else in the house needs it."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Come back to a tracker that may have forgotten: who I am, by its own ticket; a `Report` follows."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Accuse:
    """Report a polluter, with a sample."""

    accused: PeerId
    fault: Fault
    sample: bytes


@dataclass(frozen=True, slots=True)
class Leave:
    """Go politely."""


# ---- tracker to peer


@dataclass(frozen=True, slots=True)
class Placed:
    """A place: whom to hear from, who stands by, and the ticket that proves it."""

    term: int
    ticket: Ticket
    parent: Ticket | None
    standbys: tuple[Ticket, ...]
    delegations: tuple[Delegation, ...]
    newest: Sequence
    title: str


@dataclass(frozen=True, slots=True)
class Wait:
    """No place yet."""

    reason: WaitFor
    place: int
    estimate_us: Micros
    cookie: bytes


@dataclass(frozen=True, slots=True)
class Noted:
    """A report has arrived."""

    term: int
    serial: int


@dataclass(frozen=True, slots=True)
class Move:
    """Hear from `to` instead, if you still hear from `parent` and have asked `counter` times: compare and set."""

    term: int
    counter: int
    parent: PeerId
    to: Ticket


@dataclass(frozen=True, slots=True)
class Standbys:
    """These stand by for you now."""

    term: int
    standbys: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class Renewed:
    """Your ticket, with a later end."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The tracker goes; come back within `jitter_us`, not all at once."""

    jitter_us: Micros


@dataclass(frozen=True, slots=True)
class Refused:
    """The tracker does not do it, and asking again does not help."""

    why: Why
    detail: str


# ---- peer to peer


@dataclass(frozen=True, slots=True)
class Hello:
    """Introduce oneself on a link that one dialled."""

    ticket: Ticket
    rank: Rank
    newest: Sequence


@dataclass(frozen=True, slots=True)
class Adopt:
    """Ask to be fed. Signed by the child: one ticket that adopts in a thousand places leaves evidence."""

    counter: int
    rank: Rank
    newest: Sequence
    """The newest chunk that the child has; the adopter sends what came after it."""
    wanted_us: Micros
    """How much of that, counted back from the live end: a joiner wants its playout delay."""
    parent: PeerId | None
    signature: bytes

    @staticmethod
    def signed(child: PeerId, adopter: PeerId, counter: int, rank: Rank) -> bytes:
        """Give the bytes that the child signs."""
        return Domain.ADOPT + pack([child, adopter, counter, rank])

    def is_signed_by(self, child: PeerId, adopter: PeerId, verify: Verify) -> bool:
        """Tell whether `child` asked `adopter` for this."""
        return verify(child, self.signature, Adopt.signed(child, adopter, self.counter, self.rank))

    @classmethod
    def ask(
        cls,
        me: Identity,
        adopter: PeerId,
        counter: int,
        rank: Rank,
        newest: Sequence,
        wanted_us: Micros,
        parent: PeerId | None,
    ) -> "Adopt":
        """Ask `adopter`, signed."""
        body = Adopt.signed(me.peer_id, adopter, counter, rank)[len(Domain.ADOPT) :]
        return cls(counter, rank, newest, wanted_us, parent, me.sign(Domain.ADOPT, body))


@dataclass(frozen=True, slots=True)
class Accept:
    """Feed the child that asked with this counter."""

    counter: int
    rank: Rank
    newest: Sequence
    idle_us: Micros
    """How long ago the newest came here; it tells a joiner when it would have arrived."""
    path: tuple[bytes, ...]
    """Ancestors from the origin to the adopter, four bytes each."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not feed (counter > 0), or do not stand by for (counter 0), the one who asked."""

    counter: int
    why: Why
    rank: Rank
    others: tuple[Ticket, ...] = ()
    """Children of the one who is full, which can serve and may have a place."""


@dataclass(frozen=True, slots=True)
class Detach:
    """Feed me no longer (counter > 0), or stand by no longer (counter 0)."""

    counter: int


@dataclass(frozen=True, slots=True)
class Enlist:
    """Ask to be stood by for: a warm link, silent but for beats."""

    rank: Rank


@dataclass(frozen=True, slots=True)
class Pull:
    """Ask for missing chunks, first and last sequence of each hole."""

    ranges: tuple[tuple[Sequence, Sequence], ...]


@dataclass(frozen=True, slots=True)
class Beat:
    """Sign of life on a link without chunks, and news of rank and path on any."""

    newest: Sequence
    age_us: Micros
    """Typical age of chunks when they arrive here."""
    rank: Rank
    path: tuple[bytes, ...]
    free: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """Nothing comes to me either; the head, and not you, repairs it."""

    head: bytes
    """Four bytes of the head's key."""
    age_us: Micros
    """How long nothing has come."""


@dataclass(frozen=True, slots=True)
class Uncles:
    """Tickets of whom a child may turn to when its own standbys are gone: its parent's parent and standbys."""

    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Pass on what everybody must know: delegations of sources, bans."""

    delegations: tuple[Delegation, ...]
    bans: tuple[Ban, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """Go, or send away: this link ends, but after `Why.SHED`, which ends an adoption and nothing else."""

    why: Why


Message: TypeAlias = (
    Join
    | Announce
    | Report
    | Resume
    | Accuse
    | Leave
    | Placed
    | Wait
    | Noted
    | Move
    | Standbys
    | Renewed
    | Goodbye
    | Refused
    | Hello
    | Adopt
    | Accept
    | Refuse
    | Detach
    | Enlist
    | Pull
    | Beat
    | Stalled
    | Uncles
    | Notice
    | Bye
)
