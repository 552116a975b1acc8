"""The serving half of a peer: children, those for whom it stands by, and what they get.

The source is nothing but this half with rank 0. Refusals are messages; whatever is asked twice is answered twice and
changes nothing the second time.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.budget import Budget
from meshcast.protocol.capacity import children_max, clients_max_for, may_go_below, referred
from meshcast.protocol.chunk import HOP_BYTES, Chunk, Hop
from meshcast.protocol.effects import Effect, HangUp, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.limits import (
    BEAT_EVERY_US,
    BURST_CHUNKS_MAX,
    DATAGRAM_BYTES_MAX,
    PARKED_MAX,
    PARKED_US,
    REFILL_BYTES_MAX,
    REFILL_CHUNKS_MAX,
    STALLED_EVERY_US,
    STANDBY_CLIENTS_PER_PREFIX,
)
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
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ban, Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId, Rank, Sequence

REFILL_HEAD_BYTES: Final = 1
REFILL_OVERHEAD_BYTES: Final = HOP_BYTES + 2


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
    _parked: dict[PeerId, dict[Sequence, Micros]] = field(default_factory=dict)
    _budgets: dict[PeerId, Budget] = field(default_factory=dict)
    _beat_at: Micros = 0
    _noticed_at: Micros | None = None

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
        why = self._why_not(peer, ask, now)
        if why is not None:
            return [self._refuse(peer, ask.counter, why, ask.rank)]
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
        why = self._why_not_stand_by(peer, rank)
        if why is not None:
            return [self._refuse(peer, 0, why, rank)]
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
        self._parked.pop(peer, None)
        self._budgets.pop(peer, None)

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
        effects = self._give(list(fed), self._copies(fresh, now), emergencies=emergencies)
        for peer, wanted in self._parked.items():
            until = {held.chunk.sequence: wanted.pop(held.chunk.sequence, None) for held in fresh}
            waited = [held for held in fresh if now <= (until[held.chunk.sequence] or -1)]
            if waited and peer not in self.children:
                effects += self._give([peer], self._copies(waited, now), emergencies=1)
        return effects

    def pull(self, peer: PeerId, ask: Pull, now: Micros) -> list[Effect]:
        """Send missing chunks that are here, and park the wish for those that are not."""
        if peer not in self.children and peer not in self.clients:
            return []
        budget = self._budgets.setdefault(peer, Budget(at=now))
        parked = self._parked.setdefault(peer, {})
        for sequence in [one for one, until in parked.items() if until < now]:
            del parked[sequence]
        found: list[Held] = []
        for first, last in ask.ranges:
            for sequence in range(max(first, self.backlog.floor + 1), min(last, first + PARKED_MAX) + 1):
                held = self.backlog.get(sequence)
                if held is None:
                    if len(parked) < PARKED_MAX:
                        parked[sequence] = now + PARKED_US
                elif budget.draw(now):
                    found.append(held)
        return self._give([peer], self._copies(found, now), emergencies=peer in self.clients)

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
            self._typical_age(),
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
        for wanted in self._parked.values():
            for sequence in [one for one, until in wanted.items() if until < now]:
                del wanted[sequence]
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

    @property
    def _places_max(self) -> int:
        """Give how many children this peer feeds at most, emergencies included."""
        most = children_max(self.member.role, self.capacity)
        return most if self.ceiling is None else min(most, self.ceiling)

    def _why_not(self, peer: PeerId, ask: Adopt, now: Micros) -> Why | None:
        """Say why this child is not adopted, if it is not."""
        ticket = self.tickets.get(peer)
        if ticket is None or not self.member.trusts(ticket, now):
            return Why.TICKET
        if peer in self.bans:
            return Why.BANNED
        if not ask.is_signed_by(peer, self.member.me, self.member.verify):
            return Why.TICKET
        if self.is_leaving:
            return Why.LEAVING
        if self.standing.is_raising:
            return Why.RAISING
        if not self.standing.may_adopt(ask.rank):
            return Why.RANK
        if self.capacity == 0:
            return Why.LEAF
        if peer not in self.children and len(self.children) >= self._places_max:
            return Why.FULL
        return None

    def _why_not_stand_by(self, peer: PeerId, rank: Rank) -> Why | None:
        """Say why this peer does not stand by for another, if it does not."""
        if peer not in self.tickets:
            return Why.TICKET
        if self.is_leaving:
            return Why.LEAVING
        if peer in self.clients:
            return None
        places = clients_max_for(self.member.role, self.member.capacity, self.standing.rank, rank)
        prefix = prefix_of(self.tickets[peer])
        of_prefix = sum(one == prefix for one in self.clients.values())
        if len(self.clients) >= places or of_prefix >= max(STANDBY_CLIENTS_PER_PREFIX, places // 2):
            return Why.FULL
        return None

    def _refuse(self, peer: PeerId, counter: int, why: Why, rank: Rank) -> Effect:
        """Say no; one that is full names some of its children to whoever is deeper than they, each time other ones."""
        others: tuple[Ticket, ...] = ()
        if why is Why.FULL and may_go_below(self.standing.rank, rank):
            able = [
                self.tickets[child]
                for child in self.children
                if child != peer and child in self.tickets and self.tickets[child].capacity
            ]
            others = referred(able, self.member.dice)
        return Send(peer, Refuse(counter, why, self.standing.rank, others))

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

    def _copies(self, chunks: list[Held], now: Micros) -> list[tuple[Hop, Chunk]]:
        """Put the same hop header before each chunk for all who are given it now."""
        return [(self.backlog.hop(held, now), held.chunk) for held in chunks]

    def _give(
        self, peers: list[PeerId], copies: list[tuple[Hop, Chunk]], *, emergencies: int
    ) -> list[Effect]:
        """Send the same chunks to each of these, of whom so many are fed in an emergency.

        A few go as datagrams, many on short streams, for a link does not hold many datagrams back.
        """
        size = sum(len(chunk.signed) + HOP_BYTES for _, chunk in copies)
        self._count(len(peers) * len(copies), len(peers) * size, emergencies * size)
        if len(copies) <= BURST_CHUNKS_MAX:
            return [give(peer, hop, chunk) for peer in peers for hop, chunk in copies]
        return [Refill(peer, tuple(part)) for peer in peers for part in streams(copies)]

    def _refill(self, peer: PeerId, ask: Adopt, now: Micros) -> list[Effect]:
        """Send what an adopted child lacks: what came after its newest, or a joiner's playout delay."""
        count = min(ask.wanted_us // self.backlog.chunk_us + 1, REFILL_CHUNKS_MAX)
        budget = self._budgets.setdefault(peer, Budget(at=now))
        chunks, size = [], REFILL_HEAD_BYTES
        for held in reversed(list(self.backlog.after(ask.newest, count))):
            size += len(held.chunk.signed) + REFILL_OVERHEAD_BYTES
            if size > REFILL_BYTES_MAX or not budget.draw(now):
                break
            chunks.append((self.backlog.hop(held, now), held.chunk))
            cost = self.size(held)
            self._count(1, cost, cost if self.children[peer].is_emergency else 0)
        return [Refill(peer, tuple(reversed(chunks)))] if chunks else []

    @staticmethod
    def size(held: Held) -> int:
        """Give what one copy of a chunk costs, in bytes with its hop header."""
        return len(held.chunk.signed) + HOP_BYTES

    def _count(self, chunks: int, size: int, emergency_size: int) -> None:
        """Count chunks that are sent."""
        self.served_chunks += chunks
        self.served_bytes += size
        self.emergency_bytes += emergency_size

    def _typical_age(self) -> Micros:
        """Say how old the newest chunk was when it came."""
        held = self.backlog.get(self.backlog.newest)
        return held.age_us if held else 0


def prefix_of(ticket: Ticket) -> str:
    """Name the network that a peer was seen in: /24 of IPv4, /48 of IPv6; empty when it was not."""
    if not ticket.addresses:
        return ""
    try:
        host = ipaddress.ip_address(ticket.addresses[0][0])
    except ValueError:
        return ticket.addresses[0][0]
    return str(ipaddress.ip_network((host, 24 if host.version == 4 else 48), strict=False))


def give(peer: PeerId, hop: Hop, chunk: Chunk) -> Effect:
    """Send a chunk as a datagram, or on a short stream if it is too large for one."""
    if len(chunk.signed) + HOP_BYTES <= DATAGRAM_BYTES_MAX:
        return SendChunk(peer, hop, chunk)
    return Refill(peer, ((hop, chunk),))


def streams(chunks: list[tuple[Hop, Chunk]]) -> list[list[tuple[Hop, Chunk]]]:
    """Divide chunks into what one short stream may hold each."""
    parts: list[list[tuple[Hop, Chunk]]] = []
    room = 0
    for hop, chunk in chunks:
        size = len(chunk.signed) + REFILL_OVERHEAD_BYTES
        if size > room:
            parts.append([])
            room = REFILL_BYTES_MAX - REFILL_HEAD_BYTES
        parts[-1].append((hop, chunk))
        room -= size
    return parts
