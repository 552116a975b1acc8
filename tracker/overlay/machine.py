"""The tracker's machine: who says what about which broadcast. Every decision is the broadcast's (`broadcast`)."""

from collections.abc import Iterable, Sequence
from typing import Final

from meshcast.protocol.effects import Send
from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.events import Connected, Disconnected, Event, Received
from meshcast.protocol.identity import Identity, Verify, verify
from meshcast.protocol.limits import TRACKER_RETRY_US
from meshcast.protocol.machine import Dice, earliest
from meshcast.protocol.messages import (
    Accuse,
    Announce,
    Goodbye,
    Join,
    Leave,
    Message,
    Notice,
    Refused,
    Report,
    Resume,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.tickets import Role, delegation, unpack
from meshcast.protocol.units import MINUTE, Address, BroadcastId, Micros, PeerId
from tracker.overlay.broadcast import Broadcast
from tracker.overlay.effects import Keep, TrackerEffect
from tracker.overlay.event import Announced
from tracker.overlay.office import Office
from tracker.overlay.snapshot import unpack_row

BROADCASTS_MAX: Final = 1_000
"""One tracker's broadcasts: anybody may announce one, and each keeps a tree."""
SWEEP_EVERY_US: Final = 10 * MINUTE
REGION_ALONE: Final = ((0,),)


class TrackerMachine:
    """All broadcasts of one tracker."""

    def __init__(
        self,
        identity: Identity,
        dice: Dice,
        *,
        wall_offset_us: Micros = 0,
        term: int = 1,
        nearest_regions: Sequence[Sequence[int]] = REGION_ALONE,
        check: Verify = verify,
        by_delay: bool = False,
    ) -> None:
        """Begin a term. `nearest_regions[r]` names other regions, nearest to r first.

        Without `by_delay` peers are placed by rank and region whatever they have measured.
        """
        self._office = Office(identity, term, wall_offset_us, dice, nearest_regions, by_delay)
        self._verify = check
        self.broadcasts: dict[BroadcastId, Broadcast] = {}
        self._swept_at: Micros = 0
        self._links: dict[PeerId, Address] = {}
        self._of: dict[PeerId, Broadcast] = {}

    def handle(self, event: Event, now: Micros) -> list[TrackerEffect]:
        """Take in what happened; return what is to be done, in order."""
        match event:
            case Connected(peer, address, _):
                self._links[peer] = address
            case Disconnected(peer, _):
                self._links.pop(peer, None)
                broadcast = self._of.pop(peer, None)
                return broadcast.lost(peer, now) if broadcast is not None else []
            case Received(peer, message):
                return self._reachable(self._received(peer, message, now))
            case _:
                effects: list[TrackerEffect] = self._forget_deserted(now)
                for broadcast in self.broadcasts.values():
                    due = broadcast.deadline()
                    if due is not None and now >= due:
                        effects += broadcast.tick(now)
                return self._reachable(effects)
        return []

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        sweep = self._swept_at + SWEEP_EVERY_US if self.broadcasts else None
        return earliest(sweep, *(broadcast.deadline() for broadcast in self.broadcasts.values()))

    def restore(self, broadcast: BroadcastId, rows: Iterable[tuple[bytes, bytes]], now: Micros) -> None:
        """Take back a broadcast as it was kept; `BadInputError` if a row cannot be read."""
        stored = dict(rows)
        about = stored.pop(b"", None)
        if about is None:
            return
        one = Broadcast(self._office, broadcast, Announced.unpack(about))
        one.restore([unpack_row(row) for row in stored.values()], now)
        self.broadcasts[broadcast] = one

    def goodbye(self) -> list[TrackerEffect]:
        """Send everybody away for a restart; they hear on, and come back not all at once."""
        return [Send(peer, Goodbye(TRACKER_RETRY_US)) for peer in self._links]

    def _forget_deserted(self, now: Micros) -> list[TrackerEffect]:
        """Forget broadcasts that nobody has sent or heard for a day."""
        if now < self._swept_at + SWEEP_EVERY_US:
            return []
        self._swept_at = now
        over = [one.id for one in self.broadcasts.values() if one.is_over(now)]
        for broadcast in over:
            del self.broadcasts[broadcast]
        return [Keep(broadcast, b"", None) for broadcast in over]

    def _received(self, peer: PeerId, message: Message, now: Micros) -> list[TrackerEffect]:
        """Take in what a peer says."""
        match message:
            case Announce():
                return self._announce(peer, message, now)
            case Join():
                return self._join(peer, message, now)
            case Resume():
                return self._resume(peer, message, now)
            case _:
                pass
        broadcast = self._of.get(peer)
        if broadcast is None:
            return []
        match message:
            case Report():
                return broadcast.report(peer, message, now)
            case Accuse(accused, _, _):
                return broadcast.accuse(peer, accused, now)
            case Leave():
                return broadcast.left(peer, now)
            case _:
                return []

    def _announce(self, peer: PeerId, announce: Announce, now: Micros) -> list[TrackerEffect]:
        """Open a broadcast, or let a later generation take it over."""
        delegation = announce.delegation
        wall_us = now + self._office.wall_offset_us
        if delegation.key != peer or not delegation.is_valid(announce.broadcast, wall_us, self._verify):
            return [
                Send(
                    peer, Refused(Why.BAD_DELEGATION, "the broadcast key has not signed for this broadcaster")
                )
            ]
        known = self.broadcasts.get(announce.broadcast)
        announced = Announced.of(announce, self._links[peer])
        if known is not None and not delegation.supersedes(known.announced.delegation):
            # Whose word that is, so that it can give way to a spare that took over while this tracker was away from it.
            news = Notice((known.announced.delegation,), ())
            return [
                Send(peer, news),
                Send(peer, Refused(Why.SUPERSEDED, "a later broadcaster has this broadcast")),
            ]
        if known is None and len(self.broadcasts) >= BROADCASTS_MAX:
            return [
                Send(peer, Refused(Why.FULL, f"this tracker has {BROADCASTS_MAX} broadcasts; use another"))
            ]
        if known is None:
            known = self.broadcasts[announce.broadcast] = Broadcast(
                self._office, announce.broadcast, announced
            )
        self._settle(peer, known, now)
        return known.announce(announced, now, announce.landmarks)

    def _join(self, peer: PeerId, join: Join, now: Micros) -> list[TrackerEffect]:
        """Find a joiner a place."""
        broadcast = self.broadcasts.get(join.broadcast)
        if broadcast is None:
            return [Send(peer, Refused(Why.UNKNOWN_BROADCAST, "no such broadcast here"))]
        if join.role is Role.SPARE:
            if not self._may_stand_by(peer, join, now):
                detail = "the broadcast key has not signed for this spare"
                return [Send(peer, Refused(Why.BAD_DELEGATION, detail))]
            if peer == broadcast.source:
                # It has given way to somebody whom this tracker does not know yet.
                return [Send(peer, Wait(WaitFor.SOURCE, 0, 0, b""))]
        if peer in broadcast.bans or peer == broadcast.source or join.role is Role.SOURCE:
            return [Send(peer, Refused(Why.BANNED, "not admitted"))]
        self._settle(peer, broadcast, now)
        return broadcast.join(peer, join, self._links[peer], now)

    def _may_stand_by(self, peer: PeerId, join: Join, now: Micros) -> bool:
        """Tell whether a spare brings the broadcast key's word for its key: its invitation is a delegation."""
        try:
            one = delegation(unpack(join.invitation))
        except RemoteProtocolError:
            return False
        wall_us = now + self._office.wall_offset_us
        return one.key == peer and one.is_valid(join.broadcast, wall_us, self._verify)

    def _resume(self, peer: PeerId, resume: Resume, now: Micros) -> list[TrackerEffect]:
        """Take a peer back by its own ticket."""
        ticket = resume.ticket
        broadcast = self.broadcasts.get(ticket.broadcast)
        wall_us = now + self._office.wall_offset_us
        is_good = ticket.peer == peer and ticket.is_valid(
            self._office.identity.peer_id, ticket.broadcast, wall_us, self._verify
        )
        if broadcast is None or not is_good or peer in broadcast.bans or ticket.role is Role.SOURCE:
            return [Send(peer, Refused(Why.TICKET, "this ticket does not hold here"))]
        self._settle(peer, broadcast, now)
        return broadcast.resume(peer, ticket, self._links[peer], now)

    def _settle(self, peer: PeerId, broadcast: Broadcast, now: Micros) -> None:
        """Note which broadcast a peer is in; in another it was until now, nobody would hear of its end."""
        before = self._of.get(peer)
        if before is not None and before is not broadcast:
            before.lost(peer, now)
        self._of[peer] = broadcast

    def _reachable(self, effects: list[TrackerEffect]) -> list[TrackerEffect]:
        """Leave out what goes to peers without a link: their reports will bring it up again."""
        return (
            [one for one in effects if isinstance(one, Keep) or one.to in self._links] if effects else effects
        )
