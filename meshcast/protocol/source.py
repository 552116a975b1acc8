"""The broadcaster's machine: number, sign and hand out; the serving half of a peer, with rank 0.

A paused source sends empty chunks at the same pace, so that silence never makes the crowd change parents. When the
programme has ended, empty chunks marked END follow for a while, so that no single loss hides the end.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.acquaintances import Acquaintances
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Flag, sign_chunk
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
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Announce,
    Bye,
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
from meshcast.protocol.relay import Relay
from meshcast.protocol.session import IMPOSTOR, Session
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Delegation, Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId, Sequence

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
    """One broadcaster."""

    def __init__(self, member: Membership, delegation: Delegation, programme: Programme) -> None:
        self.member = member
        self.delegation = delegation
        self.programme = programme
        self.backlog = Backlog()
        self.sources = Sources(member.broadcast, member.verify)
        self.standing = Standing(member.me, member.role, rank=member.role.rank_min, path=(member.me[:4],))
        self.relay = Relay(member, self.standing, self.backlog, self.sources, lambda: ())
        self.session = Session(member, self._introduce, self._report, lambda: False)
        self.ticket: Ticket | None = None
        self.audio_bytes = 0
        """Bytes of chunks made, with one hop header each: what one copy of the programme costs."""
        self._media_time_us: Micros = 0
        self._sequence: Sequence = 0
        self._ending: tuple[Micros, Micros] | None = None
        self.acquaintances = Acquaintances()
        self._has_stopped = False

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened; return what is to be done, in order."""
        if self._has_stopped:
            return []
        self.sources.learn((self.delegation,), self.member.wall(now))
        match event:
            case Captured(packets, duration_us, paused):
                effects = self._emit(packets, duration_us, Flag.PAUSED if paused else Flag.NONE, now)
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

    def _emit(
        self, packets: tuple[bytes, ...], duration_us: Micros, flags: Flag, now: Micros
    ) -> list[Effect]:
        """Number, sign and hand out one chunk."""
        self._sequence += 1
        chunk = sign_chunk(
            self.member.identity,
            self.member.broadcast,
            source_index=self.delegation.index,
            run=self.delegation.run,
            generation=self.delegation.generation,
            sequence=self._sequence,
            media_time_us=self._media_time_us,
            duration_us=duration_us,
            flags=flags,
            packets=packets,
        )
        self._media_time_us += duration_us
        self.backlog.add(chunk, now, 0)
        held = self.backlog.get(chunk.sequence)
        assert held is not None, "the newest chunk is above the floor"
        self.audio_bytes += self.relay.size(held)
        return self.relay.forward([held], None, now)

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
            is_later = one.generation > self.delegation.generation
            if is_later and one.is_valid(self.member.broadcast, wall_us, self.member.verify):
                return [Failed(REFUSALS[Why.SUPERSEDED])]
        effects: list[Effect] = []
        for ban in notice.bans:
            effects += self.relay.ban(ban, now)
        return effects

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
