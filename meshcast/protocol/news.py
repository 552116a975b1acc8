"""What goes round about others: who may speak for this broadcast, and who is banned from it.

It comes from the tracker and from neighbours alike, for it is signed, and is passed on where it is new. When another run begins,
what was heard is of the past; when somebody goes on with the run that there is, nothing that is here is touched.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.effects import Effect, Failed
from meshcast.protocol.history import History
from meshcast.protocol.intake import Intake
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Notice
from meshcast.protocol.playout import Playout
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources, Turn
from meshcast.protocol.tickets import Ban, Delegation
from meshcast.protocol.units import Micros
from meshcast.protocol.uplink import Uplink

BANNED: Final = "the tracker has banned this peer from the broadcast; restart to join anew"


@dataclass(slots=True)
class News:
    """As one peer takes it in."""

    member: Membership
    sources: Sources
    uplink: Uplink
    relay: Relay
    intake: Intake
    playout: Playout
    history: History

    def take_in(self, notice: Notice, now: Micros) -> list[Effect]:
        """Take in delegations and bans, and pass on what is new."""
        effects = self.learn(notice.delegations, now)
        for ban in notice.bans:
            if ban.peer == self.member.me and self.member.believes(ban, now):
                return [*effects, Failed(BANNED)]
            effects += self._ban(ban, now)
        return effects

    def learn(self, delegations: tuple[Delegation, ...], now: Micros) -> list[Effect]:
        """Take in whose chunks are good, and tell the children.

        When another goes on with the run, only a child of who spoke before has a parent that brings nothing good any more,
        and need not wait for silence.
        """
        before = self.sources.delegations
        turn = self.sources.learn(delegations, self.member.wall(now))
        if turn is Turn.BEGUN_ANEW:
            self._begin_anew()
        if self.sources.delegations == before:
            return []
        effects = self.relay.tell(Notice(self.sources.delegations, ()))
        parent = self.uplink.parent
        if turn is Turn.CONTINUED and parent is not None and self.sources.is_superseded(parent):
            effects += self.uplink.lose_parent(now, is_silent=False)
        return effects

    def _begin_anew(self) -> None:
        """Forget what was heard: its numbers say nothing about another run."""
        self.intake.backlog.clear()
        self.uplink.pulls.holes.clear()
        self.history.clear()
        self.playout.reset()
        self.intake.start = 0
        if self.uplink.vigil is not None:
            self.uplink.vigil.watch.newest = 0

    def _ban(self, ban: Ban, now: Micros) -> list[Effect]:
        """Pass a ban on, and have nothing to do any more with whom it names."""
        is_known = ban.peer in self.relay.bans
        effects = self.relay.ban(ban, now)
        if not is_known and ban.peer in self.relay.bans:
            effects += self.uplink.cut_off(ban.peer, now)
        return effects
