"""A tracker that puts each peer where a script says: for tests of the peers alone.

It knows no placement and mends nothing. Peers are named by the order in which they join; the script says under whom each
goes, and who stands by for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.events import Connected, Disconnected, Event, Received
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import TICKET_US
from meshcast.protocol.messages import Announce, Join, Noted, Placed, Report
from meshcast.protocol.tickets import Delegation, Role, Ticket, sign_ticket
from meshcast.protocol.units import SECOND, Address, BroadcastId, Micros, PeerId

SOURCE = -1


@dataclass(frozen=True, slots=True)
class Spot:
    """Under whom a peer goes, and who stands by for it, by order of joining; the source is -1."""

    parent: int
    standbys: Sequence[int] = ()


class FixedTracker:
    """Answers joins from a script, notes reports, and says nothing else."""

    def __init__(
        self, identity: Identity, wall_offset_us: Micros, term: int, script: Mapping[int, Spot]
    ) -> None:
        self._identity = identity
        self._wall_offset_us = wall_offset_us
        self._term = term
        self._script = script
        self._addresses: dict[PeerId, Address] = {}
        self._source: Ticket | None = None
        self._delegation: Delegation | None = None
        self._tickets: list[Ticket] = []
        self.reports: dict[PeerId, Report] = {}
        """The last one of each peer."""

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened."""
        match event:
            case Connected(peer, address):
                self._addresses[peer] = address
            case Disconnected(peer):
                self._addresses.pop(peer, None)
            case Received(peer, Announce() as announce):
                self._delegation = announce.delegation
                self._source = self._ticket(peer, announce.broadcast, Role.SOURCE, announce.capacity, now)
                return [Send(peer, Placed(self._term, self._source, None, (), (), 0, announce.title))]
            case Received(peer, Join() as join):
                return self._place(peer, join, now)
            case Received(peer, Report() as report):
                self.reports[peer] = report
                return [Send(peer, Noted(self._term, report.serial))]
            case _:
                pass
        return []

    def deadline(self) -> Micros | None:
        """Nothing is ever due."""
        return None

    def _place(self, peer: PeerId, join: Join, now: Micros) -> list[Effect]:
        """Give the next place in the script."""
        assert self._delegation is not None, "the source announces before anybody joins"
        own = self._ticket(peer, join.broadcast, join.role, join.capacity, now)
        self._tickets.append(own)
        spot = self._script.get(len(self._tickets) - 1, Spot(SOURCE))
        standbys = tuple(self._known(one) for one in spot.standbys)
        placed = Placed(self._term, own, self._known(spot.parent), standbys, (self._delegation,), 0, "")
        return [Send(peer, placed)]

    def _known(self, number: int) -> Ticket:
        """Give the ticket of one who has joined, or the source's."""
        ticket = self._source if number == SOURCE else self._tickets[number]
        assert ticket is not None
        return ticket

    def _ticket(self, peer: PeerId, broadcast: BroadcastId, role: Role, capacity: int, now: Micros) -> Ticket:
        """Vouch for a peer at the address where it was seen."""
        return sign_ticket(
            self._identity,
            peer=peer,
            broadcast=broadcast,
            addresses=(self._addresses[peer],),
            role=role,
            capacity=capacity,
            not_after_s=(now + self._wall_offset_us + TICKET_US) // SECOND,
        )
