"""A spare that stands by: it hears the source as a peer under it does, and asks others when nothing comes.

It plays to nobody. What the tracker and its neighbours say of the source is taken in here; whether it goes on the air is for
its owner to decide (`broadcaster`).
"""

from typing import Final

from meshcast.protocol.chunk import Chunk, Flag
from meshcast.protocol.effects import Conceal, Effect, HangUp, Play
from meshcast.protocol.events import ChunkReceived, Event, Received, RefillReceived, Tick
from meshcast.protocol.inquiry import Inquiry
from meshcast.protocol.limits import TRACKER_RETRY_US
from meshcast.protocol.machine import earliest
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.messages import Adopt, Bye, Message, Placed, Refuse, Refused, Wait, WaitFor, Why
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.serving import Serving
from meshcast.protocol.units import SECOND, Micros, PeerId

OPEN_AFTER_US: Final = 10 * SECOND
"""The tracker has said for so long that the broadcaster is away: a source whose link to it was down only for a moment is
back by then, and is not fought."""
UNKNOWN_US: Final = 2 * TRACKER_RETRY_US
"""A tracker that has lost its memory hears of the source again within this, before anybody opens the broadcast anew."""
JOIN_EVERY_US: Final = 2 * SECOND
"""A tracker that has not heard yet who took over from this one keeps no wish of it: it asks again."""


class Understudy:
    """One spare while another is on the air."""

    def __init__(self, serving: Serving, mandate: Mandate) -> None:
        self.peer = PeerMachine(serving.member, serving=serving)
        self._mandate = mandate
        neighbours = self.peer.uplink.neighbours
        for peer in serving.acquaintances.since:
            neighbours.up(peer)
        self.inquiry = Inquiry(serving.backlog, serving.relay, serving.standing, neighbours)
        self._unknown_since: Micros | None = None
        """Since when the tracker knows of no such broadcast."""
        self._away_since: Micros | None = None
        self._joined_at: Micros = 0

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened; return what is to be done, in order."""
        if not self.peer.enrolment.invitation:
            self.peer.enrolment.invitation = self._mandate.introduction(self.peer.member.wall(now))
        if isinstance(event, Received):
            if self._is_unknown(event, now):
                return [HangUp(event.peer, "asking again later"), *self.peer.handle(Tick(), now)]
            event = self._overhear(event, now)
        effects = self.peer.handle(event, now)
        match event:
            case ChunkReceived():
                self._answered(event.peer, event.chunk)
            case RefillReceived(_, parts):
                for part in parts:
                    self._answered(part.peer, part.chunk)
            case Received():
                effects += self.inquiry.enlist()
            case _:
                pass
        effects += self.inquiry.tick(now)
        return [one for one in effects if not isinstance(one, Play | Conceal)]

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        return earliest(self.peer.deadline(), self.inquiry.deadline())

    @property
    def last(self) -> Chunk | None:
        """Give the newest chunk that was heard."""
        held = self.peer.backlog.get(self.peer.backlog.newest)
        return held.chunk if held is not None else None

    def must_take_over(self, now: Micros) -> bool:
        """Has the source died in the middle of its programme?"""
        last = self.last
        return last is not None and not last.flags & Flag.END and self.inquiry.has_found_silence(now)

    def may_open(self, now: Micros) -> bool:
        """Is nobody on the air, and has not been since this spare began?"""
        if self.last is not None:
            return False
        is_unknown = self._unknown_since is not None and now >= self._unknown_since + UNKNOWN_US
        return is_unknown or (self._away_since is not None and now >= self._away_since + OPEN_AFTER_US)

    # ---- what is said

    def _overhear(self, event: Received, now: Micros) -> Event:
        """Take in what is said of the source; give what the peer's machine is to hear of it."""
        peer, message = event.peer, event.message
        if peer == self.peer.member.tracker:
            return event if self._from_tracker(message, now) else Tick()
        match message:
            case Adopt(newest=newest):
                self.inquiry.says_silent(peer, newest)
            case Refuse(counter=0):
                self.inquiry.refused(peer)
            case Bye(Why.LEAVING):
                speaks = self.peer.sources.delegations[:1]
                self.inquiry.has_source_left |= any(one.key == peer for one in speaks)
            case _:
                pass
        return event

    def _is_unknown(self, event: Received, now: Micros) -> bool:
        """Tell whether the tracker says that it knows of no such broadcast: perhaps it has only begun itself."""
        match event.message:
            case Refused(Why.UNKNOWN_BROADCAST) if (
                self.last is None and event.peer == self.peer.member.tracker
            ):
                self._unknown_since = now if self._unknown_since is None else self._unknown_since
                self.peer.session.disconnected("nobody is on the air yet", now)
                return True
            case _:
                return False

    def _from_tracker(self, message: Message, now: Micros) -> bool:
        """Take in what the tracker says; tell whether the peer's machine is to hear of it."""
        match message:
            case Placed():
                self._away_since = self._unknown_since = None
            case Wait(WaitFor.SOURCE):
                self.inquiry.is_source_away = True
                self._away_since = now if self._away_since is None else self._away_since
                if self.peer.uplink.neighbours.own_ticket is None and now >= self._joined_at + JOIN_EVERY_US:
                    self._joined_at = now
                    self.peer.session.introduce_again(now)
            case Wait():
                self._away_since = None
            case Refused(Why.SUPERSEDED):
                return False
            case _:
                pass
        return True

    def _answered(self, peer: PeerId, chunk: Chunk) -> None:
        """Take in that a peer has sent a chunk, whatever it is."""
        self.inquiry.says_silent(peer, chunk.sequence)
