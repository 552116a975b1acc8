"""Keeps two standbys warm: names, enlists, loses and replaces them."""

from dataclasses import dataclass

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.limits import AVOID_US, BEAT_EVERY_US, STANDBYS_MAX, UNCLES_MAX
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Detach, Enlist
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.relay import Relay
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId


@dataclass(slots=True)
class Reserves:
    """The standbys of one peer, and the conversation with them."""

    member: Membership
    standing: Standing
    backlog: Backlog
    relay: Relay
    neighbours: Neighbours
    standbys: Standbys
    parent: PeerId | None = None
    """Who is no standby, for it is the parent."""
    is_alone: bool = False
    """The tracker is away: then both standbys may be uncles, or those to whom these referred one."""
    _fill_at: Micros = 0

    def name(self, tickets: tuple[Ticket, ...], orphan_since: Micros | None, now: Micros) -> list[Effect]:
        """Take in who stands by, in the tracker's word."""
        wanted = tuple(
            ticket
            for ticket in tickets
            if ticket.peer not in {self.member.me, self.parent}
            and now >= self.neighbours.declined.get(ticket.peer, 0)
            and self.member.trusts(ticket, now)
        )
        if orphan_since is not None:
            # Whoever has shown a sign of life since is not exchanged for somebody who may be dead.
            living = {one.peer: one for one in self.standbys.living(orphan_since)}
            wanted = tuple((living | {one.peer: one for one in wanted}).values())
        fresh, gone = self.standbys.name(wanted)
        # What the tracker has named stands for a while, however often it is heard; uncles fill up later.
        self._fill_at = now + BEAT_EVERY_US
        effects: list[Effect] = [Send(peer, Detach(0)) for peer in gone if peer in self.neighbours]
        for ticket in fresh:
            effects += self._stand_by(ticket, now)
        self.relay.changed = True
        return effects

    def enlist(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Ask a peer to stand by, on a link that is up."""
        self.standbys.enlisted(peer, now)
        greeting = self.neighbours.introduce(peer, self.standing.rank, self.backlog.newest)
        return [*greeting, Send(peer, Enlist(self.standing.rank))]

    def lose(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Replace a standby that is gone, too silent, full or no longer of lower rank."""
        self.standbys.drop(peer)
        self.neighbours.declined[peer] = now + AVOID_US
        self.relay.changed = True
        effects: list[Effect] = [Send(peer, Detach(0))] if peer in self.neighbours else []
        return effects + self.fill(now)

    def give_up(self, peers: list[PeerId], now: Micros) -> list[Effect]:
        """Replace those who have not answered an orphan for a whole round, and ask them no more for a while."""
        effects: list[Effect] = []
        for peer in peers:
            self.neighbours.avoid(peer, now)
            if peer in self.standbys:
                effects += self.lose(peer, now)
        return effects

    def fill(self, now: Micros) -> list[Effect]:
        """Take uncles into empty places until the tracker names somebody."""
        self._fill_at = now + BEAT_EVERY_US
        most = STANDBYS_MAX if self.is_alone else 1
        effects: list[Effect] = []
        while (
            ticket := self.standbys.fill(self.neighbours.may_stand_by(now, self.parent), most)
        ) is not None:
            self.relay.changed = True
            effects += self._stand_by(ticket, now)
        return effects

    def part(self) -> list[Effect]:
        """Let those know who need not stand by any more, for this peer goes."""
        return [Send(peer, Detach(0)) for peer in self.standbys.all if peer in self.neighbours]

    def tick(self, now: Micros) -> list[Effect]:
        """Replace those that have been silent for too long, and look again for those that are lacking."""
        effects = [effect for peer in self.standbys.silent(now) for effect in self.lose(peer, now)]
        return effects + self.fill(now) if self._is_lacking and now >= self._fill_at else effects

    def uncles(self, parent: Ticket | None) -> tuple[Ticket, ...]:
        """Give one's own children whom to turn to: one's parent, standbys and uncles."""
        above = (parent, *(one.ticket for one in self.standbys.all.values()))
        known = {ticket.peer: ticket for ticket in above if ticket is not None}
        return tuple((known | self.neighbours.uncles).values())[:UNCLES_MAX]

    def deadline(self) -> Micros | None:
        """When is something due?"""
        return earliest(self.standbys.deadline(), self._fill_at if self._is_lacking else None)

    @property
    def _is_lacking(self) -> bool:
        """Is there room for another standby, and somebody to ask?"""
        is_short = len(self.standbys.all) < STANDBYS_MAX and self.parent is not None
        return is_short and bool(self.neighbours.uncles or self.neighbours.referred)

    def _stand_by(self, ticket: Ticket, now: Micros) -> list[Effect]:
        """Ask a peer to stand by, on a link that is up, or as soon as it is."""
        dial = self.neighbours.dial(ticket)
        return self.enlist(ticket.peer, now) if ticket.peer in self.neighbours else dial
