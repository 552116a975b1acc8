"""Warm standbys: silent links to peers of lower rank, so that a switch costs one message.

The tracker names them; when one is lost, a ticket of an uncle fills its place until the tracker knows (at most one
comes from uncles, so that a parent cannot choose both).
"""

from dataclasses import dataclass, field

from meshcast.protocol.limits import STANDBY_SILENCE_US_MAX, STANDBYS_MAX
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Beat
from meshcast.protocol.networks import prefix_of
from meshcast.protocol.repair import RTT_UNKNOWN_US, Candidate, in_order, nearest_first
from meshcast.protocol.tickets import Role, Ticket
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence


@dataclass(slots=True)
class Standby:
    """One that stands by, or is asked to."""

    ticket: Ticket
    is_from_uncles: bool
    enlisted_at: Micros | None = None
    """When it was asked, on a link that is up."""
    heard_at: Micros | None = None
    """When it last sent a beat; it stands by from the first one on."""
    rtt_us: Micros = RTT_UNKNOWN_US
    newest: Sequence = 0
    rank: Rank = 0
    path: tuple[bytes, ...] = ()
    lagging_beats: int = 0
    """Beats in a row that showed it well ahead of this peer."""

    @property
    def waited_since(self) -> Micros | None:
        """Since when is its next beat waited for?"""
        return self.enlisted_at if self.heard_at is None else self.heard_at


@dataclass(slots=True)
class Standbys:
    """Those of one peer, in the order in which they were named."""

    all: dict[PeerId, Standby] = field(default_factory=dict)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self.all

    def name(self, tickets: tuple[Ticket, ...]) -> tuple[list[Ticket], list[PeerId]]:
        """Take the tracker's word for who stands by; give those that are new, and those that are no longer."""
        named = {ticket.peer: ticket for ticket in tickets[:STANDBYS_MAX]}
        gone = [peer for peer in self.all if peer not in named]
        for peer in gone:
            del self.all[peer]
        for one in self.all.values():
            one.is_from_uncles = False
        fresh = [ticket for peer, ticket in named.items() if peer not in self.all]
        for ticket in fresh:
            self.all[ticket.peer] = Standby(ticket, is_from_uncles=False)
        return fresh, gone

    def fill(self, uncles: list[Ticket], most: int = 1) -> Ticket | None:
        """Take one uncle into an empty place, from another network than the standby that is left, if there is one.

        At most so many come from uncles: the tracker's choice is not the parent's.
        """
        if len(self.all) >= STANDBYS_MAX or sum(one.is_from_uncles for one in self.all.values()) >= most:
            return None
        taken = {prefix_of(one.ticket) for one in self.all.values()}
        choice = sorted(
            (ticket for ticket in uncles if ticket.peer not in self.all), key=lambda t: prefix_of(t) in taken
        )
        if not choice:
            return None
        self.all[choice[0].peer] = Standby(choice[0], is_from_uncles=True)
        return choice[0]

    def enlisted(self, peer: PeerId, now: Micros) -> None:
        """Note that a standby has been asked to stand by."""
        self.all[peer].enlisted_at = now

    def beat(self, peer: PeerId, beat: Beat, now: Micros) -> None:
        """Take in a beat; the first one answers the request and shows the round trip."""
        one = self.all[peer]
        if one.heard_at is None and one.enlisted_at is not None:
            one.rtt_us = now - one.enlisted_at
        one.heard_at, one.newest, one.rank, one.path = now, beat.newest, beat.rank, beat.path

    def lives(self, peer: PeerId, now: Micros) -> None:
        """Take in a chunk from a standby: as good a sign of life as a beat."""
        one = self.all.get(peer)
        if one is not None and one.heard_at is not None:
            one.heard_at = now

    def living(self, since: Micros) -> list[Ticket]:
        """Give the tickets of those that have been heard since then."""
        return [one.ticket for one in self.all.values() if one.heard_at is not None and one.heard_at > since]

    def drop(self, peer: PeerId) -> bool:
        """Forget a standby; tell whether it was one."""
        return self.all.pop(peer, None) is not None

    def warm(self) -> list[PeerId]:
        """Give those that stand by, the nearest first and the origin last."""
        return [one.peer for one in nearest_first(self._warm())]

    def candidates(self, named: PeerId | None = None, *, is_up: bool = False) -> list[Candidate[PeerId]]:
        """Give whom an orphan asks, or a joiner that was named a parent, whose link is up or not."""
        cold = [peer for peer, one in self.all.items() if one.heard_at is None and named is not None]
        return in_order(named, self._warm(), cold, is_up=is_up)

    def _warm(self) -> list[Candidate[PeerId]]:
        return [
            Candidate(peer, is_warm=True, rtt_us=one.rtt_us, is_source=one.ticket.role is Role.SOURCE)
            for peer, one in self.all.items()
            if one.heard_at is not None
        ]

    def ahead_of(self, newest: Sequence) -> PeerId | None:
        """Name the standby that is known to have a chunk later than this, if there is one."""
        return next((peer for peer in self.warm() if self.all[peer].newest > newest), None)

    def silent(self, now: Micros) -> list[PeerId]:
        """Give those that have sent no beat for too long, or none at all since they were asked."""
        return [
            peer
            for peer, one in self.all.items()
            if one.waited_since is not None and now - one.waited_since > STANDBY_SILENCE_US_MAX
        ]

    def deadline(self) -> Micros | None:
        """When is the next one too silent?"""
        first = earliest(*(one.waited_since for one in self.all.values()))
        return first + STANDBY_SILENCE_US_MAX + 1 if first is not None else None
