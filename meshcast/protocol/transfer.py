"""Going over to another parent without losing a chunk: the old one is heard until the new one has accepted.

The tracker orders it, to relieve somebody or to shorten a way; and a peer does it by itself when its parent keeps back too much,
or a standby is well ahead of it. Whoever is asked may refuse or never answer: then the peer stays where it is, and what it has
raised its rank to meanwhile is settled under the parent that it still has.
"""

from dataclasses import dataclass

from meshcast.protocol.adoption import Adoption
from meshcast.protocol.attachment import Attachment, Step
from meshcast.protocol.effects import Effect
from meshcast.protocol.limits import MOVE_US_MAX
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId, Rank


@dataclass(slots=True)
class Transfer:
    """Of one peer; one is under way as long as there is somebody `to` whom it goes."""

    adoption: Adoption
    standing: Standing
    neighbours: Neighbours
    to: PeerId | None = None
    until: Micros | None = None
    """How long that one may take to answer."""

    def begin(self, ticket: Ticket, parent: PeerId | None, now: Micros) -> list[Effect]:
        """Ask another one to adopt this peer, in place of its parent."""
        self.neighbours.note(ticket)
        self.to, self.until = ticket.peer, now + MOVE_US_MAX
        return self.adoption.ask(ticket.peer, now, parent)

    def failed(self, peer: PeerId, above: Rank | None) -> None:
        """Take in that somebody will not adopt this peer, whose parent has the rank `above`; None if there is no parent."""
        if peer == self.to:
            self._give_up(above)

    def expire(self, now: Micros, above: Rank | None) -> None:
        """Wait no longer for somebody who has not answered in time."""
        if self.until is not None and now >= self.until:
            self._give_up(above)

    def end(self) -> None:
        """Take in that there is another parent, or that none is wanted any more."""
        self.to = self.until = None

    def _give_up(self, above: Rank | None) -> None:
        """Stay where one is, and end a raise that came to nothing."""
        if self.to is not None:
            self.adoption.asks.when_up.pop(self.to, None)
        self.end()
        if self.adoption.state is Attachment.MOVING:
            self.adoption.take(Step.GAVE_UP)
        if self.standing.is_raising and above is not None:
            self.standing.end_raise(above)
