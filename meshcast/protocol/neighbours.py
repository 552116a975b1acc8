"""Whom a peer can turn to: links that are up, tickets that are known, and who is spared for a while."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from meshcast.protocol.doubts import Doubts
from meshcast.protocol.effects import Dial, Effect, Send
from meshcast.protocol.limits import AVOID_US, LINKS_MAX, REFERRED_MAX, STANDBYS_MAX, UNCLES_MAX
from meshcast.protocol.messages import Detach, Hello
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence

Value = TypeVar("Value")

FAILURES_MAX: Final = 64
TICKETS_MAX: Final = LINKS_MAX
"""Tickets of those whom a peer has dialled or been told to dial; a link is no use without one, and more are no use at all."""
AVOIDED_MAX: Final = LINKS_MAX
"""Keys cost nothing: whoever is forgotten here could as well have come under another."""
AVOID_TIMES_MAX: Final = 2
"""Whoever was left again and again is avoided for twenty seconds each time: the tracker may know nobody else."""

assert STANDBYS_MAX + UNCLES_MAX + REFERRED_MAX + 1 < TICKETS_MAX, (
    "whom one may need to ask is never forgotten"
)


@dataclass(slots=True)
class Neighbours:
    """Those of the hearing half."""

    own_ticket: Ticket | None = None
    """This peer's own, once the tracker has placed it."""
    uncles: dict[PeerId, Ticket] = field(default_factory=dict)
    """The parent's parent and standbys, as the parent passed their tickets on."""
    referred: dict[PeerId, Ticket] = field(default_factory=dict)
    """Whom those named who were full, newest last."""
    tickets: dict[PeerId, Ticket] = field(default_factory=dict)
    """Of whoever was dialled, newest last."""
    former: dict[PeerId, int] = field(default_factory=dict)
    """Parents that were left and may not know it, with the counter of each attachment."""
    avoided: dict[PeerId, Micros] = field(default_factory=dict)
    """Parents that were left for silence or sent this peer away, until when."""
    failures: dict[PeerId, int] = field(default_factory=dict)
    """How often each was left so; those of longest ago are forgotten."""
    declined: dict[PeerId, Micros] = field(default_factory=dict)
    """Who does not stand by any more, or never did, and is not asked to again until then."""
    doubts: Doubts = field(default_factory=Doubts)
    _shown: dict[PeerId, Ticket | None] = field(default_factory=dict)
    """Links that are up, and the ticket of one's own that was shown on each."""

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._shown

    def up(self, peer: PeerId) -> None:
        """Take in that a link is up."""
        self._shown[peer] = None

    def down(self, peer: PeerId) -> None:
        """Take in that a link is gone, or that a dial came to nothing: an uncle that cannot be reached is none."""
        if peer not in self._shown:
            self.uncles.pop(peer, None)
        self.referred.pop(peer, None)
        self._shown.pop(peer, None)
        self.former.pop(peer, None)
        self.doubts.down(peer)

    def left_for_silence(self, parent: PeerId, now: Micros) -> None:
        """Avoid a parent that brought nothing new, and see whether it is heard again."""
        self.avoid(parent, now)
        if parent in self._shown:
            self.doubts.left(parent)

    def introduce(self, peer: PeerId, rank: Rank, newest: Sequence) -> list[Effect]:
        """Show one's ticket, whoever dialled, unless this very ticket has been shown on this link."""
        if self.own_ticket is None or self._shown[peer] == self.own_ticket:
            return []
        self._shown[peer] = self.own_ticket
        return [Send(peer, Hello(self.own_ticket, rank, newest))]

    def dial(self, ticket: Ticket) -> list[Effect]:
        """Open a link to a ticket's peer, unless there is one."""
        self.note(ticket)
        return [] if ticket.peer in self._shown else [Dial(ticket.peer, ticket.addresses)]

    def note(self, ticket: Ticket) -> None:
        """Remember a ticket, and forget the oldest."""
        _put_last(self.tickets, ticket.peer, ticket, TICKETS_MAX)

    def avoid(self, peer: PeerId, now: Micros, times: int = 1) -> None:
        """Ask somebody else first, and do not move there, for a while; the longer the more often it was so."""
        failures = self.failures.get(peer, 0) + 1
        _put_last(self.failures, peer, failures, FAILURES_MAX)
        until = now + max(times, min(failures, AVOID_TIMES_MAX)) * AVOID_US
        _put_last(self.avoided, peer, until, AVOIDED_MAX)

    def is_shunned(self, peer: PeerId, now: Micros) -> bool:
        """Was a parent left more than once, and lately? Once it may have been unlucky, and is moved to when told."""
        return self.failures.get(peer, 0) > 1 and now < self.avoided.get(peer, 0)

    def forget(self, peer: PeerId) -> None:
        """Have nothing to do with a peer any more."""
        self.uncles.pop(peer, None)
        self.referred.pop(peer, None)
        self.tickets.pop(peer, None)

    def refer(self, tickets: Iterable[Ticket]) -> None:
        """Remember whom somebody named who was full; the oldest are forgotten."""
        for ticket in tickets:
            self.referred[ticket.peer] = ticket
        while len(self.referred) > REFERRED_MAX:
            del self.referred[next(iter(self.referred))]

    def may_stand_by(self, now: Micros, parent: PeerId | None) -> list[Ticket]:
        """Give the uncles that can be asked to stand by, and those to whom one was referred."""
        self.declined = {peer: until for peer, until in self.declined.items() if until > now}
        spared = self.avoided.keys() | self.declined.keys() | {parent}
        known = self.uncles | self.referred
        return [ticket for ticket in known.values() if ticket.peer not in spared]

    def everybody(self, others: list[Ticket], me: PeerId, now: Micros) -> list[Ticket]:
        """Give whom an orphan turns to when its standbys have not helped: uncles and these others.

        A parent left for silence may only have been unlucky: with nobody else to turn to, it is asked again.
        """
        self.avoided = {peer: until for peer, until in self.avoided.items() if until > now}
        known = self.uncles | self.referred | {ticket.peer: ticket for ticket in others}
        known |= {
            peer: self.tickets[peer] for peer in self.former if peer in self.avoided and peer in self.tickets
        }
        known.pop(me, None)
        free = [ticket for peer, ticket in known.items() if peer not in self.avoided]
        return free or list(known.values())

    def leave_former(self, parent: PeerId) -> list[Effect]:
        """Tell parents before this one that they need not feed this peer any more."""
        former, self.former = self.former, {}
        return [
            Send(peer, Detach(counter))
            for peer, counter in former.items()
            if peer != parent and peer in self._shown
        ]


def _put_last(table: dict[PeerId, Value], peer: PeerId, value: Value, most: int) -> None:
    """Enter somebody as the newest, and let go of the oldest beyond `most`."""
    table.pop(peer, None)
    table[peer] = value
    while len(table) > most:
        del table[next(iter(table))]
