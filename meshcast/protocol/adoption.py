"""Asking to be adopted: the request that goes out, and the state that it brings a peer into (`attachment`).

Three ask: whoever searches for a parent, whoever goes over to a better one, and whoever was refused for its rank. All do it
here, so that there is one count of requests and one state, and an answer finds both as the request has left them.
"""

from dataclasses import dataclass, field

from meshcast.protocol.asks import Asks
from meshcast.protocol.attachment import Attachment, Step, after
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.limits import BACKLOG_US
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Adopt
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.standing import Standing
from meshcast.protocol.units import Micros, PeerId


@dataclass(slots=True)
class Adoption:
    """Of one peer, by whoever will have it."""

    member: Membership
    standing: Standing
    backlog: Backlog
    neighbours: Neighbours
    wanted_us: Micros
    """How much of the past a joiner wants; one that has heard something wants all that came since."""
    asks: Asks = field(default_factory=Asks)
    state: Attachment = Attachment.SEEKING

    def ask(self, peer: PeerId, now: Micros, parent: PeerId | None = None) -> list[Effect]:
        """Ask a peer to adopt this one, in place of a parent that there is; on a link that is up, or as soon as it is."""
        if peer not in self.neighbours:
            ticket = self.neighbours.tickets.get(peer)
            if ticket is None:
                return []
            self.asks.when_up[peer] = None
            return self.neighbours.dial(ticket)
        counter = self.asks.begin(peer, now)
        self.take(Step.ASK)
        rank, newest = self.standing.rank, self.backlog.newest
        wanted_us = BACKLOG_US if newest and not self.asks.has_slept else self.wanted_us
        ask = Adopt.ask(self.member.identity, peer, counter, rank, newest, wanted_us, parent)
        return [*self.introduce(peer), Send(peer, ask)]

    def introduce(self, peer: PeerId) -> list[Effect]:
        """Show one's ticket on a link that is up."""
        return self.neighbours.introduce(peer, self.standing.rank, self.backlog.newest)

    def settle(self) -> None:
        """Go back to seeking when nobody asked is left to answer."""
        if self.state is Attachment.ASKING and not self.asks:
            self.take(Step.GAVE_UP)

    def take(self, step: Step) -> None:
        """Take a step; one that the table does not know is a bug of the caller."""
        self.state = after(self.state, step)
