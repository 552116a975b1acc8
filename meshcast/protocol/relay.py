"""The serving half of a peer: children, those for whom it stands by, and what they get.

The source is nothing but this half with rank 0. Refusals are messages; whatever is asked twice is answered twice and
changes nothing the second time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from meshcast.protocol.admission import refusal, why_not_adopt, why_not_stand_by
from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.capacity import children_max
from meshcast.protocol.chunk import HOP_BYTES, Chunk, Hop
from meshcast.protocol.copies import copies_of, give, newest_that_fit, streams
from meshcast.protocol.effects import Effect, HangUp, Refill, Send, SendDatagram
from meshcast.protocol.limits import BEAT_EVERY_US, BURST_CHUNKS_MAX, STALLED_EVERY_US
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Beat,
    Bye,
    Detach,
    Enlist,
    Hello,
    Message,
    Notice,
    Pull,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.networks import prefix_of
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ban, Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId, Rank
from meshcast.protocol.wishes import Wishes


@dataclass(slots=True)
class Child:
    """One that is fed."""

    counter: int
    is_emergency: bool
    """Taken beyond the capacity."""


@dataclass(slots=True)
class Relay:
    """Feeds children; the owner forwards events to it and sends what it puts out."""

    member: Membership
    standing: Standing
    backlog: Backlog
    sources: Sources
    uncles: Callable[[], tuple[Ticket, ...]]
    """Whom children may turn to: this peer's own parent and standbys."""
    children: dict[PeerId, Child] = field(default_factory=dict)
    clients: dict[PeerId, str] = field(default_factory=dict)
    """Those for whom this peer stands by, with their address prefix."""
    tickets: dict[PeerId, Ticket] = field(default_factory=dict)
    """Tickets shown on links that are up."""
    bans: dict[PeerId, Ban] = field(default_factory=dict)
    changed: bool = False
    """The tracker should hear of it."""
    offered: int | None = None
    """Places, if fewer than the ticket says."""
    ceiling: int | None = None
    """Children that the uplink bears, emergencies included."""
    is_leaving: bool = False
    """Nobody new is taken in."""
    served_chunks: int = 0
    served_bytes: int = 0
    """Bytes of audio that were sent: chunks with their hop headers."""
    emergency_bytes: int = 0
    """Of these, what went to children beyond the capacity."""
    emergencies: int = 0
    children_peak: int = 0
    """The most children at any moment, emergencies apart."""
    children_peak_in_emergencies: int = 0
    """The same with emergencies."""
    wishes: Wishes = field(init=False)
    """What was asked for by number and waits to come."""
    _beat_at: Micros = 0
    _noticed_at: Micros | None = None

    def __post_init__(self) -> None:
        """Begin with nobody who waits for anything."""
        self.wishes = Wishes(self.backlog)

    # ---- who is served

    def asked(self, peer: PeerId, message: Message, now: Micros) -> list[Effect]:
        """Take in what a neighbour asks of whoever serves; other messages change nothing."""
        match message:
            case Hello(ticket):
                return self.hello(peer, ticket, now)
            case Adopt():
                return self.adopt(peer, message, now)
            case Enlist(rank):
                return self.enlist(peer, rank)
            case Detach(counter):
                return self.detach(peer, counter)
            case Pull():
                return self.pull(peer, message, now)
            case _:
                return []

    def hello(self, peer: PeerId, ticket: Ticket, now: Micros) -> list[Effect]:
        """Take in a ticket; a bad one ends the link."""
        if peer in self.bans:
            return [Send(peer, Bye(Why.BANNED)), HangUp(peer, "banned")]
        if ticket.peer != peer or not self.member.trusts(ticket, now):
            return [Send(peer, Bye(Why.TICKET)), HangUp(peer, "its ticket is not good")]
        self.tickets[peer] = ticket
        return []

    def adopt(self, peer: PeerId, ask: Adopt, now: Micros) -> list[Effect]:
        """Take a child, or say why not."""
        why = why_not_adopt(self, peer, ask, now)
        if why is not None:
            return [Send(peer, refusal(self, peer, ask.counter, why, ask.rank))]
        known = self.children.get(peer)
        if known is not None and ask.counter < known.counter:
            return []
        is_again = known is not None and ask.counter == known.counter
        self._take(peer, ask.counter)
        accept = Accept(
            ask.counter,
            self.standing.rank,
            self.backlog.newest,
            now - self.backlog.newest_at,
            self.standing.path,
        )
        greeting: list[Effect] = [
            Send(peer, Notice(self.sources.delegations, tuple(self.bans.values())[-8:]))
        ]
        greeting += [Send(peer, accept), Send(peer, Uncles(self.uncles()))]
        if is_again:
            return greeting
        return greeting + self._refill(peer, ask, now)

    def enlist(self, peer: PeerId, rank: Rank) -> list[Effect]:
        """Stand by for a peer, or say that there is no place left."""
        why = why_not_stand_by(self, peer, rank)
        if why is not None:
            return [Send(peer, refusal(self, peer, 0, why, rank))]
        self.clients[peer] = prefix_of(self.tickets[peer])
        return [Send(peer, self.beat())]

    def detach(self, peer: PeerId, counter: int) -> list[Effect]:
        """Let a child, or one for whom this peer stood by, go as it asked."""
        child = self.children.get(peer)
        if counter == 0:
            self.clients.pop(peer, None)
        elif child is not None and counter >= child.counter:
            self._forget_child(peer)
        return []

    def gone(self, peer: PeerId, now: Micros) -> None:
        """Forget a peer whose link is down: the child may not know it yet, so this counts as a drop."""
        if peer in self.children:
            self._forget_child(peer)
            self.standing.dropped(now)
        self.clients.pop(peer, None)
        self.tickets.pop(peer, None)
        self.wishes.gone(peer)

    def shed(self, why: Why, now: Micros) -> list[Effect]:
        """Send all children away: nothing comes here, and they have standbys."""
        effects: list[Effect] = [Send(child, Bye(why)) for child in self.children]
        if self.children:
            self.standing.dropped(now)
        for child in list(self.children):
            self._forget_child(child)
        return effects

    def take_leave(self) -> list[Effect]:
        """Say Bye to everybody who is served, and take nobody in; children are fed until they say Detach."""
        self.is_leaving = True
        effects: list[Effect] = [Send(peer, Bye(Why.LEAVING)) for peer in self.served]
        self.clients.clear()
        return effects

    def ban(self, ban: Ban, now: Micros) -> list[Effect]:
        """Take in a ban, pass it on, and cut the banned one off."""
        if ban.peer in self.bans or ban.peer == self.member.me or not self.member.believes(ban, now):
            return []
        wall_us = self.member.wall(now)
        self.bans = {peer: one for peer, one in self.bans.items() if wall_us < one.not_after_s * SECOND}
        self.bans[ban.peer] = ban
        effects: list[Effect] = [Send(one, Notice((), (ban,))) for one in self.children if one != ban.peer]
        if ban.peer in self.tickets:
            effects += [Send(ban.peer, Bye(Why.BANNED)), HangUp(ban.peer, "banned")]
            self.gone(ban.peer, now)
        return effects

    @property
    def capacity(self) -> int:
        """Give the places that are offered now."""
        return self.member.capacity if self.offered is None else min(self.offered, self.member.capacity)

    @property
    def places_max(self) -> int:
        """Give how many children this peer feeds at most, emergencies included."""
        most = children_max(self.member.role, self.capacity)
        return most if self.ceiling is None else min(most, self.ceiling)

    @property
    def free(self) -> int:
        """Places left, not counting emergency ones."""
        return max(0, self.capacity - len(self.children))

    @property
    def served(self) -> dict[PeerId, None]:
        """Give children, and those for whom this peer stands by."""
        return dict.fromkeys([*self.children, *self.clients])

    # ---- what they get

    def forward(self, fresh: list[Held], sender: PeerId | None, now: Micros) -> list[Effect]:
        """Pass new chunks on to all children, and to whoever has asked for them and waits."""
        if not fresh:
            return []
        fed = {peer: child for peer, child in self.children.items() if peer != sender}
        emergencies = sum(child.is_emergency for child in fed.values())
        effects = self._give(list(fed), copies_of(self.backlog, fresh, now), emergencies=emergencies)
        for peer, wanted in self.wishes.parked.items():
            until = {held.chunk.sequence: wanted.pop(held.chunk.sequence, None) for held in fresh}
            waited = [held for held in fresh if now <= (until[held.chunk.sequence] or -1)]
            if waited and peer not in self.children:
                effects += self._give([peer], copies_of(self.backlog, waited, now), emergencies=1)
        return effects

    def pull(self, peer: PeerId, ask: Pull, now: Micros) -> list[Effect]:
        """Send missing chunks that are here, and park the wish for those that are not."""
        if peer not in self.children and peer not in self.clients:
            return []
        found = self.wishes.pull(peer, ask, now)
        return self._give([peer], copies_of(self.backlog, found, now), emergencies=peer in self.clients)

    def stalled(self, notice: Stalled, now: Micros) -> list[Effect]:
        """Tell the children that nothing comes."""
        self._noticed_at = now
        return [SendDatagram(child, notice) for child in self.children]

    def notice_due(self) -> Micros:
        """When may the next stall notice go out? Every 100 ms."""
        return 0 if self._noticed_at is None else self._noticed_at + STALLED_EVERY_US

    def beat(self) -> Beat:
        """Say where this peer stands."""
        return Beat(
            self.backlog.newest,
            self.backlog.newest_age_us,
            self.standing.rank,
            self.standing.path,
            self.free,
        )

    def announce(self) -> list[Effect]:
        """Tell children and clients of a change of rank or path, reliably."""
        beat = self.beat()
        return [Send(peer, beat) for peer in (*self.children, *self.clients)]

    def tell_uncles(self) -> list[Effect]:
        """Tell the children whom they may turn to now."""
        uncles = Uncles(self.uncles())
        return [Send(child, uncles) for child in self.children]

    def tell(self, message: Message) -> list[Effect]:
        """Pass a message on to all children."""
        return [Send(child, message) for child in self.children]

    def tick(self, now: Micros) -> list[Effect]:
        """Send the beats that are due, and forget wishes that have waited too long."""
        if now < self._beat_at:
            return []
        self._beat_at = now + BEAT_EVERY_US
        self.wishes.expire(now)
        beat = self.beat()
        # On the stream, in order: a beat that arrives after a later Accept would put a child below its parent's old rank.
        return [Send(client, beat) for client in self.clients]

    def is_at_rest(self, now: Micros) -> bool:
        """Tell whether `tick` would do nothing now."""
        return now < self._beat_at

    def deadline(self) -> Micros | None:
        """When is the next beat due?"""
        return self._beat_at if self.clients else None

    # ---- details

    def _take(self, peer: PeerId, counter: int) -> None:
        """Enter a child."""
        known = self.children.get(peer)
        if known is not None:
            known.counter = counter
            return
        is_emergency = len(self.children) >= self.capacity
        self.children[peer] = Child(counter, is_emergency)
        self.emergencies += is_emergency
        regular = sum(not child.is_emergency for child in self.children.values())
        self.children_peak = max(self.children_peak, regular)
        self.children_peak_in_emergencies = max(self.children_peak_in_emergencies, len(self.children))
        self.changed = True

    def _forget_child(self, peer: PeerId) -> None:
        """Let a child go; one that was beyond the capacity takes its place."""
        gone = self.children.pop(peer)
        self.changed = True
        if not gone.is_emergency:
            for child in self.children.values():
                if child.is_emergency:
                    child.is_emergency = False
                    break

    def _give(
        self, peers: list[PeerId], copies: list[tuple[Hop, Chunk]], *, emergencies: int
    ) -> list[Effect]:
        """Send the same chunks to each of these, of whom so many are fed in an emergency.

        A few go as datagrams, many on short streams, for a link does not hold many datagrams back.
        """
        self._count(copies, len(peers), emergencies)
        if len(copies) <= BURST_CHUNKS_MAX:
            return [give(peer, hop, chunk) for peer in peers for hop, chunk in copies]
        return [Refill(peer, tuple(part)) for peer in peers for part in streams(copies)]

    def _refill(self, peer: PeerId, ask: Adopt, now: Micros) -> list[Effect]:
        """Send what an adopted child lacks: what came after its newest, or a joiner's playout delay."""
        budget = self.wishes.budget(peer, now)
        copies = newest_that_fit(self.backlog, ask.newest, ask.wanted_us, budget, now)
        self._count(copies, 1, self.children[peer].is_emergency)
        return [Refill(peer, tuple(copies))] if copies else []

    @staticmethod
    def size(held: Held) -> int:
        """Give what one copy of a chunk costs, in bytes with its hop header."""
        return len(held.chunk.signed) + HOP_BYTES

    def _count(self, copies: list[tuple[Hop, Chunk]], receivers: int, emergencies: int) -> None:
        """Count chunks that are sent to each of so many, of whom so many are fed in an emergency."""
        size = sum(len(chunk.signed) + HOP_BYTES for _, chunk in copies)
        self.served_chunks += receivers * len(copies)
        self.served_bytes += receivers * size
        self.emergency_bytes += emergencies * size
