"""The listener's machine, composed: a chunk in, chunks out; who feeds me, whom I feed, and when each is played.

The order within a handler is the order of importance: forward first, play second, talk to the tracker last.
"""

from typing import Final

from meshcast.protocol.agenda import Agenda
from meshcast.protocol.backlog import Held
from meshcast.protocol.chunk import Flag
from meshcast.protocol.departure import Departure
from meshcast.protocol.effects import Bridge, Conceal, Departed, Effect, Failed, HangUp, Play, Send
from meshcast.protocol.enrolment import Enrolment
from meshcast.protocol.events import (
    Captured,
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    ProgrammeEnded,
    Received,
    RefillReceived,
    RoundTrips,
    Stop,
    Tick,
    Woken,
)
from meshcast.protocol.history import History
from meshcast.protocol.household import Household
from meshcast.protocol.intake import Intake, Verdict
from meshcast.protocol.limits import PLAYOUT_DELAY_US_DEFAULT, RELAY_PLAYOUT_SLACK_US
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Accuse,
    Beat,
    Bye,
    Fault,
    Leave,
    Message,
    Notice,
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.news import News
from meshcast.protocol.peer_status import status_of
from meshcast.protocol.playout import Playout
from meshcast.protocol.playout_delay import DelayChooser
from meshcast.protocol.serving import Serving
from meshcast.protocol.session import IMPOSTOR, Contact
from meshcast.protocol.tally import Status, Tally
from meshcast.protocol.tickets import Role, Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId
from meshcast.protocol.uplink import Uplink
from meshcast.protocol.waking import attach_anew

SAMPLE_BYTES: Final = 1200


class PeerMachine:
    """One listener (or a headless relay, which is a listener that plays to nobody)."""

    def __init__(
        self,
        member: Membership,
        delay_us: Micros = PLAYOUT_DELAY_US_DEFAULT,
        serving: Serving | None = None,
        *,
        adapts: bool = False,
        is_paced: bool = False,
        uplink_bps: int | None = None,
    ) -> None:
        """Play `delay_us` behind the earliest transit; one that `adapts` begins there, and goes where jitter lets it.

        `serving` is what a source that becomes a spare has served with so far. One that `is_paced` sends no more than
        `uplink_bps`, or than its places need.
        """
        self.member = member
        self.tally = Tally()
        self.serving = serving or Serving.begin(member)
        self.backlog, self.sources = self.serving.backlog, self.serving.sources
        self.standing, self.relay = self.serving.standing, self.serving.relay
        self.relay.uncles = self._own_uncles
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, delay_us + SECOND // 2)
        self.intake = Intake(self.backlog, self.sources, self.tally)
        self.playout = Playout(self.backlog, delay_us, DelayChooser(delay_us) if adapts else None)
        self.history = History(self.backlog, self.playout, self.uplink.standbys)
        self.news = News(
            member, self.sources, self.uplink, self.relay, self.intake, self.playout, self.history
        )
        self.enrolment = Enrolment(member, self.uplink, self.relay, self.intake, self.news)
        self.session = self.enrolment.session
        self.delay_us: Micros | None = None
        self.is_standby_programme = False
        """What is heard is played while the host is away."""
        self.acquaintances = self.serving.acquaintances
        self.departure = Departure(self.relay)
        self.household = Household(self.relay, self.backlog, uplink_bps) if is_paced else None
        self.agenda = Agenda(
            self.playout,
            self.uplink,
            self.history,
            self.relay,
            self.session,
            self.acquaintances,
            self.tally,
            self._needs,
        )
        self._now: Micros = 0
        """When something happened last."""
        self._has_stopped = False
        self._has_slept = False
        """Nothing later has come since this machine overslept."""

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened; return what is to be done, in order."""
        if self._has_stopped:
            return []
        effects = self._handle(event, now)
        self._now = now
        return effects if self.household is None else self.household.pass_on(effects, now)

    def _handle(self, event: Event, now: Micros) -> list[Effect]:
        woken, is_calm = self._wake(now), False
        match event:
            case RefillReceived():
                effects = self._refill(event, now)
            case ChunkReceived():
                newest = self.backlog.newest
                effects = self._chunk(event, now)
                follows = event.peer == self.uplink.parent and self.backlog.newest == newest + 1
                is_calm = follows and self.agenda.is_calm(now)
            case Received(peer, message):
                effects = (
                    self._from_tracker(message, now)
                    if peer == self.member.tracker
                    else self._from_peer(peer, message, now)
                )
            case Connected(peer, _, dialled):
                effects = self._connected(peer, now, dialled=dialled)
            case Disconnected():
                effects = self._disconnected(event, now)
            case Stop():
                effects = self._stop(now)
            case Woken(slept_us):
                effects = attach_anew(
                    slept_us, self.uplink, self.playout, self.history, self.acquaintances, now
                )
            case RoundTrips(measured):
                effects = []
                if self.household is not None:
                    self.household.measured(measured, now)
            case Tick():
                effects, is_calm = [], not woken and self.agenda.is_early(now)
            case Captured() | ProgrammeEnded():
                effects = []
        if self.departure.has_begun:
            return woken + effects + self._hand_over(now)
        effects = woken + effects + self._play(now)
        return effects if is_calm else effects + self.agenda.tick(now)

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        if self._has_stopped:
            return None
        waiting = self.household.deadline(self._now) if self.household is not None else None
        if self.departure.has_begun:
            return earliest(self.uplink.deadline(), self.relay.deadline(), waiting, self.departure.until)
        return earliest(self._playout_deadline(), self.agenda.deadline(), waiting)

    def status(self) -> Status:
        """Say where this peer stands."""
        return status_of(self)

    # ---- chunks

    def _chunk(self, event: ChunkReceived, now: Micros) -> list[Effect]:
        """Take in a chunk, and pass it on."""
        held, effects = self._take_in(event, now)
        return effects if held is None else effects + self.relay.forward([held], event.peer, now)

    def _refill(self, event: RefillReceived, now: Micros) -> list[Effect]:
        """Take in a backlog, and pass on together what is new in it."""
        fresh: list[Held] = []
        effects: list[Effect] = []
        # Of two generations the later first: only what is seen of it says up to where the earlier one counts.
        for part in sorted(event.parts, key=lambda one: -one.chunk.generation):
            held, more = self._take_in(part, now)
            effects += more
            if held is not None:
                fresh.append(held)
        return effects + self.relay.forward(fresh, event.peer, now)

    def _take_in(self, event: ChunkReceived, now: Micros) -> tuple[Held | None, list[Effect]]:
        """Check a chunk, and keep it if it is new."""
        chunk, peer = event.chunk, event.peer
        verdict = self.intake.judge(chunk)
        if verdict is Verdict.FORGED:
            return None, self._cut_off(peer, Fault.FORGED, chunk.signed, now)
        if verdict is Verdict.STRAY:
            return None, []
        newest = self.backlog.newest
        is_later = chunk.sequence > newest
        is_live = verdict is Verdict.NEW and not event.is_refill and is_later
        self.uplink.heard(peer, chunk, event.rtt_us, now, live=is_live)
        if verdict is Verdict.KNOWN:
            return None, []
        held = self.intake.keep(chunk, now, event.hop.age_us + event.rtt_us // 2)
        # What was missed while the machine slept is not missing: to pull it would be a flood of the past.
        self.uplink.find_holes(chunk, 0 if self._has_slept else newest, peer, event.hop, now)
        self._has_slept = self._has_slept and not is_later
        if is_live and not newest:
            self.history.heard_first(chunk.sequence)
        self.playout.offer(chunk, now, event.rtt_us, live=is_live)
        return held, []

    def _cut_off(self, peer: PeerId, fault: Fault, sample: bytes, now: Micros) -> list[Effect]:
        """Have nothing to do any more with a polluter, and report it."""
        if peer in self.tally.accused:
            return []
        self.tally.accuse(peer)
        self.relay.gone(peer, now)
        effects: list[Effect] = [Send(peer, Bye(Why.POLLUTER)), *self.uplink.cut_off(peer, now)]
        if self.session.contact is Contact.KNOWN:
            effects.append(Send(self.member.tracker, Accuse(peer, fault, sample[:SAMPLE_BYTES])))
        return effects

    # ---- links

    def _connected(self, peer: PeerId, now: Micros, *, dialled: bool) -> list[Effect]:
        """Take in that a link is up."""
        if peer == self.member.tracker:
            self.session.connected(now)
            return []
        if peer in self.tally.accused or not self.acquaintances.met(peer, now):
            return [HangUp(peer, "no room for another link")]
        return self.uplink.connected(peer, now, dialled=dialled)

    def _disconnected(self, event: Disconnected, now: Micros) -> list[Effect]:
        """Take in that a link is gone."""
        peer = event.peer
        if peer == self.member.tracker:
            self.session.disconnected(event.detail, now)
            return [Failed(IMPOSTOR)] if event.is_wrong_key else []
        self.acquaintances.gone(peer)
        self.relay.gone(peer, now)
        return self.uplink.disconnected(peer, now)

    # ---- what is said

    def _from_tracker(self, message: Message, now: Micros) -> list[Effect]:
        """Take in what the tracker says; to one that goes it has nothing to say any more."""
        return [] if self.departure.has_begun else self.enrolment.heard(message, now)

    def _from_peer(self, peer: PeerId, message: Message, now: Micros) -> list[Effect]:
        """Take in what a neighbour says."""
        match message:
            case Accept():
                return self._accepted(peer, message, now)
            case Refuse():
                return self.uplink.refused(peer, message, now)
            case Beat():
                return self.uplink.beat(peer, message, now)
            case Stalled():
                return self.uplink.stalled(peer, message, now)
            case Uncles():
                return self.uplink.uncles(peer, message, now)
            case Notice():
                return self.news.take_in(message, now)
            case Bye(why):
                if why is not Why.SHED:
                    self.relay.gone(peer, now)
                return self.uplink.bye(peer, now)
            case _:
                return self.relay.asked(peer, message, now)

    def _accepted(self, peer: PeerId, accept: Accept, now: Micros) -> list[Effect]:
        """Take in an Accept; the first one tells the playout when chunks come at the earliest."""
        effects, is_parent = self.uplink.accepted(peer, accept, now)
        if is_parent:
            self.tally.parents += 1
            self.tally.attached_at = self.tally.attached_at or now
            self.enrolment.waiting = None
            self.playout.anchor(accept.newest, now - accept.idle_us)
            if self.tally.parents == 1:
                self.history.begin(accept.newest, now)
        return effects

    # ---- time

    def _wake(self, now: Micros) -> list[Effect]:
        """After a suspension attach anew, before anything that has waited is believed."""
        vigil = self.uplink.vigil
        if vigil is None or not vigil.has_overslept(now):
            return []
        self.uplink.asks.has_slept = self._has_slept = True
        return self.uplink.lose_parent(now, is_silent=False)

    def _needs(self) -> dict[PeerId, None]:
        """Give the peers whose links are needed."""
        return self.uplink.needs | self.relay.served

    def _playout_deadline(self) -> Micros | None:
        """When is a chunk due? A headless relay or a spare plays to nobody: what is due there waits for the next chunk to come."""
        due = self.playout.deadline()
        if due is None or self.member.role not in {Role.RELAY, Role.SPARE}:
            return due
        return due + RELAY_PLAYOUT_SLACK_US

    def _play(self, now: Micros) -> list[Effect]:
        """Hand over what is due; this comes before all else that is."""
        due = self.playout.deadline()
        if due is None or now < due:
            return []
        effects = self.playout.due(now)
        for effect in effects:
            if isinstance(effect, Play):
                self.delay_us = effect.age_us
                self.is_standby_programme = bool(effect.chunk.flags & Flag.STANDBY)
                if self.tally.first_play_at is None:
                    self.tally.first_play_at = now
        return [one for one in effects if not isinstance(one, Conceal | Bridge) or self.playout.is_audible]

    def _stop(self, now: Micros) -> list[Effect]:
        """Begin to go politely: nobody is sent here any more, and the children look for somebody else."""
        if self.departure.has_begun:
            return []
        return self.departure.begin(now) + self.session.close(Leave())

    def _hand_over(self, now: Micros) -> list[Effect]:
        """Feed the children until they hear from somebody else, and go; at the end of the programme they need nobody."""
        if not self.playout.has_ended and not self.departure.is_over(now):
            effects = self.uplink.tick(now) + self.relay.tick(now)
            if not self.departure.is_over(now):
                return effects
        self._has_stopped = True
        return [*self.uplink.leave(), *self.acquaintances.part(), Departed()]

    def _own_uncles(self) -> tuple[Ticket, ...]:
        """Give children whom to turn to."""
        return self.uplink.reserves.uncles(self.uplink.parent_ticket)
