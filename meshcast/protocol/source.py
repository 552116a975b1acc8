"""The broadcaster's machine: number, sign and hand out; the serving half of a peer, with rank 0.

A paused source sends empty chunks at the same pace, so that silence never makes the crowd change parents. When the
programme has ended, empty chunks marked END follow for a while, so that no single loss hides the end.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.backlog import Held
from meshcast.protocol.chunk import Chunk, Flag
from meshcast.protocol.effects import Effect, Ended, Failed, HangUp, Send
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
from meshcast.protocol.limits import UNCLES_MAX
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Announce,
    Bye,
    Detach,
    Goodbye,
    Leave,
    Message,
    Noted,
    Notice,
    Placed,
    Refused,
    Renewed,
    Report,
    Why,
)
from meshcast.protocol.rehearsal import Continuation
from meshcast.protocol.serving import Serving
from meshcast.protocol.session import IMPOSTOR, Session
from meshcast.protocol.tickets import Delegation, Role, Ticket
from meshcast.protocol.transmitter import Transmitter, flags_of
from meshcast.protocol.units import SECOND, Micros, PeerId

END_US: Final = 2 * SECOND
"""How long END is said."""
REFUSALS: Final = {
    Why.BAD_DELEGATION: "the tracker does not accept this broadcast key's word; is this machine's clock right?",
    Why.SUPERSEDED: "another broadcaster has taken this broadcast over with the same key; stop it first, or use --key",
}


@dataclass(frozen=True, slots=True)
class Programme:
    """What is broadcast."""

    title: str
    bitrate_bps: int
    chunk_us: Micros


class SourceMachine:
    """One broadcaster that is on the air."""

    def __init__(
        self,
        member: Membership,
        delegation: Delegation,
        programme: Programme,
        serving: Serving | None = None,
    ) -> None:
        """Begin; `serving` is what a spare that takes over has served with so far."""
        self.member = member
        self.delegation = delegation
        self.programme = programme
        self.serving = serving or Serving.begin(member, member.role.rank_min)
        self.backlog, self.sources = self.serving.backlog, self.serving.sources
        self.standing, self.relay = self.serving.standing, self.serving.relay
        self.acquaintances = self.serving.acquaintances
        self.relay.uncles = self.spares
        self.transmitter = Transmitter(member, delegation, self.backlog)
        self.session = Session(member, self._introduce, self._report, lambda: False)
        self.successor: Delegation | None = None
        """Who has taken over from this source."""
        self.ticket: Ticket | None = None
        self.audio_bytes = 0
        """Bytes of chunks made, with one hop header each: what one copy of the programme costs."""
        self._ending: tuple[Micros, Micros] | None = None
        self._has_stopped = False

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened; return what is to be done, in order."""
        if self._has_stopped:
            return []
        self.sources.learn((self.delegation,), self.member.wall(now))
        match event:
            case Captured(packets, duration_us):
                effects = self._emit(packets, duration_us, flags_of(event), now)
            case Received(peer, message):
                effects = self._received(peer, message, now)
            case Connected(peer, _, _):
                effects = self._connected(peer, now)
            case Disconnected():
                effects = self._disconnected(event, now)
            case ProgrammeEnded():
                self._ending = self._ending or (now, now + END_US)
                effects = []
            case Stop():
                return self._stop()
            case Tick() | ChunkReceived() | RefillReceived() | RoundTrips() | Woken():
                effects = []
        return effects + self._due(now)

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        if self._has_stopped:
            return None
        ending = self._ending[0] if self._ending is not None else None
        return earliest(ending, self.relay.deadline(), self.session.deadline(), self.acquaintances.deadline())

    def take_over(self, last: Chunk, what: Continuation, now: Micros) -> list[Effect]:
        """Go on at once where the source before this one stopped: who speaks now, and then all that is missing."""
        self.sources.learn((self.delegation,), self.member.wall(now))
        self.transmitter.go_on_after(last, what.skipped)
        notice = Notice(self.sources.delegations, ())
        effects: list[Effect] = [Send(peer, notice) for peer in self.relay.served]
        effects += self.relay.announce()
        make = self.transmitter.make
        fresh = [make((), last.duration_us, Flag.PAUSED, now) for _ in range(what.missing)]
        for take in what.takes:
            one = take.captured
            fresh.append(make(one.packets, one.duration_us, flags_of(one), now, now - take.at))
        return effects + self._hand_out(fresh, now)

    def _emit(
        self, packets: tuple[bytes, ...], duration_us: Micros, flags: Flag, now: Micros
    ) -> list[Effect]:
        """Number, sign and hand out one chunk."""
        return self._hand_out([self.transmitter.make(packets, duration_us, flags, now)], now)

    def _hand_out(self, fresh: list[Held], now: Micros) -> list[Effect]:
        """Give chunks to the children."""
        for held in fresh:
            self.sources.seen(held.chunk)
            self.audio_bytes += self.relay.size(held)
        return self.relay.forward(fresh, None, now)

    def _received(self, peer: PeerId, message: Message, now: Micros) -> list[Effect]:
        """Take in what the tracker or a child says."""
        if peer == self.member.tracker:
            return self._from_tracker(message, now)
        match message:
            case Notice():
                return self._notice(message, now)
            case Bye():
                self.relay.gone(peer, now)
                return []
            case Adopt():
                return self._adopt(peer, message, now)
            case Accept(counter):
                # It was asked by the spare that this source was before.
                return [Send(peer, Detach(counter))]
            case _:
                return self.relay.asked(peer, message, now)

    def _from_tracker(self, message: Message, now: Micros) -> list[Effect]:
        """Take in what the tracker says."""
        match message:
            case Placed(ticket=ticket) | Renewed(ticket=ticket) if ticket.peer == self.member.me:
                self.ticket = ticket
            case Noted():
                self.session.noted(message)
            case Notice():
                return self._notice(message, now)
            case Refused(why, detail):
                return [Failed(REFUSALS.get(why, detail))]
            case Goodbye():
                self.session.disconnected("the tracker is being restarted", now)
                return [HangUp(self.member.tracker, "goodbye")]
            case _:
                pass
        return []

    def _notice(self, notice: Notice, now: Micros) -> list[Effect]:
        """Give way to a later generation; cut off the banned."""
        wall_us = self.member.wall(now)
        for one in notice.delegations:
            is_later = one.supersedes(self.delegation) and one.key != self.delegation.key
            if is_later and one.is_valid(self.member.broadcast, wall_us, self.member.verify):
                self.successor = one
                return [Failed(REFUSALS[Why.SUPERSEDED])]
        effects: list[Effect] = []
        for ban in notice.bans:
            effects += self.relay.ban(ban, now)
        return effects

    def _adopt(self, peer: PeerId, ask: Adopt, now: Micros) -> list[Effect]:
        """Take a child, or say why not; of a spare all children hear, for it is whom they turn to when this source dies."""
        is_known = peer in self.relay.children
        effects = self.relay.adopt(peer, ask, now)
        is_new = not is_known and peer in self.relay.children
        if is_new and self.relay.tickets[peer].role is Role.SPARE:
            effects += self.relay.tell_uncles()
        return effects

    def spares(self) -> tuple[Ticket, ...]:
        """Give children whom to turn to when this source dies."""
        shown = (self.relay.tickets.get(peer) for peer in self.relay.children)
        return tuple(one for one in shown if one is not None and one.role is Role.SPARE)[:UNCLES_MAX]

    def _connected(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that a link is up."""
        if peer == self.member.tracker:
            self.session.connected(now)
            return []
        return [] if self.acquaintances.met(peer, now) else [HangUp(peer, "no room for another link")]

    def _disconnected(self, event: Disconnected, now: Micros) -> list[Effect]:
        """Take in that a link is gone."""
        peer = event.peer
        if peer == self.member.tracker:
            self.session.disconnected(event.detail, now)
            return [Failed(IMPOSTOR)] if event.is_wrong_key else []
        self.acquaintances.gone(peer)
        self.relay.gone(peer, now)
        return []

    def _due(self, now: Micros) -> list[Effect]:
        """Do what is due."""
        effects = self._end(now)
        effects += self.relay.tick(now)
        if self.relay.changed:
            self.relay.changed = False
            self.session.changed(now)
        effects += self.session.tick(now)
        return effects + self.acquaintances.sweep(lambda: self.relay.served, now)

    def _end(self, now: Micros) -> list[Effect]:
        """Say END for a while, at the pace of the programme."""
        if self._ending is None or now < self._ending[0]:
            return []
        next_at, until = self._ending
        if now >= until:
            self._ending = None
            return [Ended()]
        self._ending = next_at + self.programme.chunk_us, until
        return self._emit((), self.programme.chunk_us, Flag.END, now)

    def _stop(self) -> list[Effect]:
        """Go politely."""
        self._has_stopped = True
        effects: list[Effect] = [Send(peer, Bye(Why.LEAVING)) for peer in self.relay.children]
        effects += self.session.close(Leave())
        return effects + self.acquaintances.part()

    def _introduce(self) -> list[Message]:
        """Open the broadcast, or come back to it."""
        member, programme = self.member, self.programme
        return [
            Announce(
                member.broadcast,
                self.delegation,
                programme.title,
                programme.bitrate_bps,
                programme.chunk_us,
                member.capacity,
                member.addresses,
                member.landmarks,
            )
        ]

    def _report(self, serial: int) -> Report | None:
        """Say where one stands, once placed."""
        if self.ticket is None:
            return None
        children = tuple(self.relay.children)
        return Report(serial, 0, None, self.standing.rank, children, (), self.backlog.newest, False, None)  # noqa: FBT003
