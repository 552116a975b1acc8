"""Being on the tracker's list: what a listener tells the tracker of itself, and what it makes of the answers.

It joins, and is placed, told to wait or refused; from then on it holds a ticket, reports where it stands and is ordered
elsewhere now and then. With that ticket it comes back to a tracker that was away; one that does not know it any more is joined
anew. When something is said is for `session`.
"""

from typing import Final

from meshcast.protocol.effects import Effect, Failed, HangUp
from meshcast.protocol.intake import Intake
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Goodbye,
    Join,
    Message,
    Move,
    Noted,
    Notice,
    Placed,
    Refused,
    Renewed,
    Report,
    Resume,
    Standbys,
    Wait,
    Why,
)
from meshcast.protocol.news import BANNED, News
from meshcast.protocol.relay import Relay
from meshcast.protocol.session import Session
from meshcast.protocol.units import Micros
from meshcast.protocol.uplink import Uplink

REFUSALS: Final = {
    Why.UNKNOWN_BROADCAST: "the tracker does not know this broadcast; check the link, or ask whether it has begun",
    Why.BANNED: BANNED,
    Why.TICKET: "the tracker does not accept this peer's ticket; restart to join anew",
}


class Enrolment:
    """Of one peer."""

    def __init__(self, member: Membership, uplink: Uplink, relay: Relay, intake: Intake, news: News) -> None:
        self.member = member
        self.uplink = uplink
        self.relay = relay
        self.intake = intake
        self.news = news
        self.session = Session(member, self._introduce, self._report, self._may_wait)
        self.waiting: Wait | None = None
        """What a joiner was told to wait for."""
        self.title = ""
        self.term = 0
        """The tracker's, as far as it is known: what an earlier one ordered is void."""
        self.invitation = b""
        """What is shown to the tracker when one asks for a place."""
        self._joins_anew = False
        """The tracker has refused its ticket, and given no other yet."""

    def heard(self, message: Message, now: Micros) -> list[Effect]:
        """Take in what the tracker says; what an earlier term said is void."""
        match message:
            case Placed(term=term) | Noted(term=term) | Move(term=term) | Standbys(term=term):
                if term < self.term:
                    return []
                self.term = term
            case _:
                pass
        match message:
            case Placed():
                return self._placed(message, now)
            case Wait():
                self.waiting = message
            case Noted():
                self.session.noted(message)
            case Move():
                return self.uplink.move(message, now)
            case Standbys():
                return self.uplink.named_standbys(message.standbys, now)
            case Renewed(ticket) if ticket.peer == self.member.me:
                self.uplink.neighbours.own_ticket = ticket
            case Notice():
                return self.news.take_in(message, now)
            case Refused():
                return self._refused(message, now)
            case Goodbye():
                self.session.disconnected("the tracker is being restarted", now)
                return [HangUp(self.member.tracker, "goodbye")]
            case _:
                pass
        return []

    def _placed(self, placed: Placed, now: Micros) -> list[Effect]:
        """Take in a place."""
        if placed.ticket.peer != self.member.me or not self.member.trusts(placed.ticket, now):
            return [Failed("the tracker's ticket is not good; is this machine's clock right?")]
        self.title, self._joins_anew = placed.title, False
        self.uplink.neighbours.own_ticket = placed.ticket
        effects = self.news.learn(placed.delegations, now)
        if not self.uplink.backlog.newest:
            self.intake.start = placed.newest
        return effects + self.uplink.placed(placed.parent, placed.standbys, now)

    def _refused(self, refused: Refused, now: Micros) -> list[Effect]:
        """Take in that the tracker does not do it: fatal for a joiner, while one who was placed joins anew.

        Until then the ticket that one has is good among peers: whoever loses its parent now needs it.
        """
        if self.uplink.neighbours.own_ticket is not None and refused.why is Why.TICKET:
            if not self._joins_anew:
                self._joins_anew = True
                self.session.introduce_again(now)
            return []
        is_known = self.uplink.neighbours.own_ticket is not None or self.waiting is not None
        if is_known and refused.why is Why.UNKNOWN_BROADCAST:
            # A tracker that has forgotten everything, and the broadcaster has not come back to it yet: what it said
            # of a ticket says nothing.
            self._joins_anew = False
            self.session.disconnected("the broadcaster has not come back to it", now)
            return [HangUp(self.member.tracker, "asking again later")]
        return [Failed(REFUSALS.get(refused.why, refused.detail))]

    # ---- for the session

    def _introduce(self) -> list[Message]:
        """Join, or come back with the ticket that one has."""
        if self.uplink.neighbours.own_ticket is not None and not self._joins_anew:
            return [Resume(self.uplink.neighbours.own_ticket)]
        member = self.member
        wish = (member.role, self.relay.capacity, member.addresses, member.landmarks, self.invitation)
        return [Join(member.broadcast, *wish)]

    def _report(self, serial: int) -> Report | None:
        """Say where one stands, once placed."""
        uplink, search = self.uplink, self.uplink.search
        if uplink.neighbours.own_ticket is None or self._joins_anew:
            return None
        silent, search.left_for_silence = search.left_for_silence, None
        return Report(
            serial,
            uplink.attached_counter,
            uplink.parent,
            uplink.standing.rank,
            tuple(self.relay.children),
            tuple(uplink.standbys.all),
            uplink.backlog.newest,
            search.is_seeking and uplink.parent is None,
            silent,
            self.relay.offered,
        )

    def _may_wait(self) -> bool:
        """Tell whether the tracker is not needed at once."""
        return self.uplink.state.is_hearing
