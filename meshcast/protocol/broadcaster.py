"""A broadcaster whole: on the air, or the spare that goes on when the one that is on the air dies.

    STANDING_BY --open--> ON_AIR        nobody is on the air: a new run begins
    STANDING_BY --take over--> ON_AIR   the source is silent, and not only here: its run goes on
    ON_AIR --give way--> RESTING        somebody has taken over
    RESTING --rested--> STANDING_BY     after a lease: the children that it dropped know of it by now

On the air it is a `SourceMachine`; standing by it is an `Understudy`, and beside it a `Rehearsal` of its own input. Both share
what they serve with (`Serving`), so that a take-over moves nobody who hears through this one.
"""

import enum
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Ended, Failed, HangUp, Send
from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.events import Captured, Event, ProgrammeEnded, Stop, Tick
from meshcast.protocol.limits import LEASE_US, RANK_MAX, RANK_ORIGIN
from meshcast.protocol.machine import earliest
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Notice, Refuse, Why
from meshcast.protocol.rehearsal import Rehearsal, epoch_of
from meshcast.protocol.relay import Relay
from meshcast.protocol.serving import Serving
from meshcast.protocol.session import Contact, Session
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.sources import Turn
from meshcast.protocol.tickets import Delegation, Role, Ticket
from meshcast.protocol.understudy import Understudy
from meshcast.protocol.units import Micros

RUNS: Final = 2**32


class Post(enum.Enum):
    """Where a broadcaster stands."""

    ON_AIR = "on the air"
    STANDING_BY = "standing by"
    RESTING = "giving way"


class Step(enum.Enum):
    """What may happen to it."""

    OPEN = "open"
    TAKE_OVER = "take over"
    GIVE_WAY = "give way"
    RESTED = "rested"


TRANSITIONS: Final = {
    (Post.STANDING_BY, Step.OPEN): Post.ON_AIR,
    (Post.STANDING_BY, Step.TAKE_OVER): Post.ON_AIR,
    (Post.ON_AIR, Step.GIVE_WAY): Post.RESTING,
    (Post.RESTING, Step.RESTED): Post.STANDING_BY,
}


class BroadcasterMachine:
    """One of the broadcasters of an event."""

    def __init__(
        self,
        member: Membership,
        mandate: Mandate,
        programme: Programme,
        delegation: Delegation | None = None,
    ) -> None:
        """Begin on the air, with a delegation for a run of one's own; or without one as a spare, which gives way to anybody."""
        self.mandate = mandate
        self.programme = programme
        self.rehearsal = Rehearsal()
        self.takeovers_us: list[Micros] = []
        """For each time that it took over: from the last chunk that it heard to its own first."""
        self._is_spare = delegation is None
        self._rests_until: Micros = 0
        self._part: SourceMachine | Understudy
        if delegation is None:
            self.post = Post.STANDING_BY
            self.serving = Serving.begin(member)
            self._part = Understudy(self.serving, mandate)
        else:
            self.post = Post.ON_AIR
            self._part = SourceMachine(member, delegation, programme)
            self.serving = self._part.serving

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened; return what is to be done, in order."""
        part = self._part
        if isinstance(part, SourceMachine):
            return self._on_air(part, event, now)
        if self.post is Post.RESTING and now >= self._rests_until:
            self._rested()
        match event:
            case Captured():
                self.rehearsal.add(event, now)
            case ProgrammeEnded():
                return [*part.handle(Stop(), now), Ended()]
            case Stop():
                return part.handle(event, now)
            case _:
                pass
        effects = part.handle(event, now)
        if self.post is not Post.STANDING_BY:
            return effects
        if part.must_take_over(now) and self.rehearsal.is_running(now):
            return effects + self._take_over(part, now)
        return effects + self._open(part, now) if part.may_open(now) else effects

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        rested = self._rests_until if self.post is Post.RESTING else None
        return earliest(rested, self._part.deadline())

    # ---- what is shown

    @property
    def member(self) -> Membership:
        """Say who this is now."""
        return self.serving.member

    @property
    def relay(self) -> Relay:
        """Give the serving half."""
        return self.serving.relay

    @property
    def backlog(self) -> Backlog:
        """Give what was sent or heard last."""
        return self.serving.backlog

    @property
    def session(self) -> Session:
        """Give the conversation with the tracker."""
        part = self._part
        return part.session if isinstance(part, SourceMachine) else part.peer.session

    @property
    def ticket(self) -> Ticket | None:
        """Give its own ticket, once the tracker knows it."""
        part = self._part
        return part.ticket if isinstance(part, SourceMachine) else part.peer.uplink.neighbours.own_ticket

    @property
    def audio_bytes(self) -> int:
        """Say what one copy of what it sent itself costs."""
        return self._part.audio_bytes if isinstance(self._part, SourceMachine) else 0

    @property
    def epoch_us(self) -> Micros | None:
        """Say when media time 0 was captured, on this machine's clock; None while nothing is heard."""
        return epoch_of(self.backlog)

    @property
    def is_spare_there(self) -> bool:
        """Tell whether somebody would go on if this source went."""
        return isinstance(self._part, SourceMachine) and bool(self._part.spares())

    # ---- steps

    def _on_air(self, source: SourceMachine, event: Event, now: Micros) -> list[Effect]:
        """Speak, until somebody else takes over."""
        effects = source.handle(event, now)
        successor = source.successor
        if successor is None or not (self._is_spare or successor.run == source.delegation.run):
            return effects
        return [one for one in effects if not isinstance(one, Failed)] + self._give_way(successor, now)

    def _open(self, part: Understudy, now: Micros) -> list[Effect]:
        """Begin a run of one's own: nobody is on the air."""
        self._step(Step.OPEN)
        delegation = self.mandate.begin(self.member.dice(RUNS), self.member.wall(now))
        return self._speak(part, delegation, now).handle(Tick(), now)

    def _take_over(self, part: Understudy, now: Micros) -> list[Effect]:
        """Go on with the run where it stopped."""
        last, epoch_us, generation = part.last, self.epoch_us, self.serving.sources.generation
        assert last is not None
        assert epoch_us is not None
        self._step(Step.TAKE_OVER)
        self.takeovers_us.append(now - self.backlog.newest_at)
        source, effects = part.peer.uplink.parent, part.peer.uplink.leave()
        speaker = self._speak(part, self.mandate.go_on(last.run, generation, self.member.wall(now)), now)
        effects = speaker.take_over(last, self.rehearsal.after(last, epoch_us, now), now) + effects
        if source is not None:
            # It may not be dead: then it gives way.
            effects.append(Send(source, Notice(self.serving.sources.delegations, ())))
        return effects + speaker.handle(Tick(), now)

    def _speak(self, part: Understudy, delegation: Delegation, now: Micros) -> SourceMachine:
        """Go on the air with whoever is served."""
        standing = self.serving.standing
        self.serving.become(Role.SOURCE)
        standing.rank, standing.is_raising, standing.path = RANK_ORIGIN, False, (self.member.me[:4],)
        speaker = SourceMachine(self.member, delegation, self.programme, self.serving)
        if part.peer.session.contact in {Contact.UP, Contact.KNOWN}:
            speaker.session.connected(now)
        self._part = speaker
        return speaker

    def _give_way(self, successor: Delegation, now: Micros) -> list[Effect]:
        """Speak no more: whoever hears through this one is told to whom to turn, and that it is not here."""
        self._step(Step.GIVE_WAY)
        self._rests_until = now + LEASE_US
        relay, standing = self.relay, self.serving.standing
        before = self.serving.sources.delegations
        turn = self.serving.sources.learn((successor,), self.member.wall(now))
        if turn is Turn.BEGUN_ANEW:
            self.backlog.clear()
        effects: list[Effect] = []
        if self.serving.sources.delegations != before:
            notice = Notice(self.serving.sources.delegations, ())
            effects += [Send(peer, notice) for peer in relay.served]
        effects += [Send(peer, Refuse(0, Why.RAISING, standing.rank)) for peer in relay.clients]
        relay.clients.clear()
        effects += relay.shed(Why.SHED, now)
        standing.dropped(now)
        standing.is_raising = True
        self.serving.become(Role.SPARE)
        part = Understudy(self.serving, self.mandate)
        part.peer.session.rest(self._rests_until)
        self._part = part
        return [*effects, HangUp(self.member.tracker, "gives way")]

    def _rested(self) -> None:
        """Stand by: nobody takes this one for its parent any more, so that its rank may rise."""
        self._step(Step.RESTED)
        standing = self.serving.standing
        standing.rank, standing.is_raising, standing.path = RANK_MAX, False, ()

    def _step(self, step: Step) -> None:
        """Take a step; one that the table does not know is a bug here."""
        try:
            self.post = TRANSITIONS[self.post, step]
        except KeyError as error:
            raise LocalProtocolError(f"{step.value} is no step from {self.post.value}") from error
