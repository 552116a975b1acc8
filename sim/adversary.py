"""No loops, whatever the network does: the real parts of a dozen peers under delay, duplication, reordering and loss.

What the network may do to a control message is more than QUIC would ever let it: overtake others, come twice, or not at
all. Links break as one side sees it while the other goes on; peers crash; the tracker moves whom it likes. After every
step each peer's rank must be greater than its parent's, which makes loops impossible (I1), nobody may feed more than its
places (I3), and no standby may be the parent, or a third one (I8).

`Rules` switches off what the design says is needed, to see what then breaks: the lease, or all of rule 3. What a run
finds is collected and not raised, for what comes after a broken order is a question of its own: is there a cycle?
"""

import functools
import random
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Flag, Hop, sign_chunk
from meshcast.protocol.effects import Dial, Effect, HangUp, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import STANDBYS_MAX
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Beat,
    Bye,
    Message,
    Move,
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role, Ticket, sign_ticket
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, Micros, PeerId
from meshcast.protocol.uplink import Uplink

PEERS: Final = 12
PEERS_MIN: Final = 4
PEERS_MAX: Final = 24
PROMPT: Final = 40
"""Messages that arrive in one step when the network is in a good mood."""
CAPACITIES: Final = (0, 1, 2, 3, 1, 2, 0, 2, 1, 3, 0, 2)
CHUNK_US: Final = 100 * MILLISECOND
RTT_US: Final = 20 * MILLISECOND
DATAGRAM_AGE_US_MAX: Final = SECOND
"""The network may keep a control message for as long as it likes, and a datagram for a second."""
UNDER_WAY_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Rules:
    """Which parts of rule 3 hold: a peer raises its rank only when childless, and a lease after it dropped a child."""

    lease: bool = True
    childless: bool = True


ALL: Final = Rules()
NO_LEASE: Final = Rules(lease=False)
ANYBODY_RAISES: Final = Rules(lease=False, childless=False)


@dataclass(slots=True)
class LaxStanding(Standing):
    """A standing to which not all of rule 3 applies."""

    rules: Rules = ALL

    def may_raise(self, now: Micros, children: int) -> bool:
        """Does what is left of rule 3 let the rank rise?"""
        dropped_at = self.dropped_at
        if not self.rules.lease:
            self.dropped_at = None
        may = Standing.may_raise(self, now, children if self.rules.childless else 0)
        self.dropped_at = dropped_at
        return may


# ---- who they are


@functools.cache
def identity(name: str) -> Identity:
    """Give the key of this name."""
    return Identity.from_seed(name.encode().ljust(32, b"."))


BROADCAST: Final = BroadcastId(identity("event").peer_id)
remembered: Final = functools.lru_cache(maxsize=1 << 16)(verify)


@functools.cache
def ticket_of(name: str, role: Role, capacity: int) -> Ticket:
    """Have the tracker vouch for somebody; addresses differ, so that no limit for one network is in the way."""
    host = f"10.0.{sum(name.encode()) % 250}.1"
    return sign_ticket(
        identity("tracker"),
        peer=identity(name).peer_id,
        broadcast=BROADCAST,
        addresses=((host, 4433),),
        role=role,
        capacity=capacity,
        not_after_s=24 * HOUR // SECOND,
    )


@functools.cache
def chunk(sequence: int) -> Chunk:
    """Give the chunk of this number."""
    return sign_chunk(
        identity("source"),
        BROADCAST,
        source_index=0,
        run=1,
        generation=1,
        sequence=sequence,
        media_time_us=(sequence - 1) * CHUNK_US,
        duration_us=CHUNK_US,
        flags=Flag.NONE,
        packets=(b"sound",),
    )


class Peer:
    """The parts of a peer that the rank rule speaks of, and no sound."""

    def __init__(self, name: str, role: Role, capacity: int, rules: Rules = ALL) -> None:
        self.name, self.role, self.capacity = name, role, capacity
        member = Membership(
            identity(name),
            BROADCAST,
            identity("tracker").peer_id,
            (("192.0.2.1", 4433),),
            role,
            capacity,
            lambda sides: sides // 2,
            verify=remembered,
        )
        self.me = member.me
        self.ticket = ticket_of(name, role, capacity)
        self.backlog = Backlog()
        self.standing = LaxStanding(self.me, role, rules=rules)
        if role is Role.SOURCE:
            self.standing.rank = 0
        self.relay = Relay(
            member, self.standing, self.backlog, Sources(BROADCAST, member.verify), self.own_uncles
        )
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, SECOND)
        self.uplink.neighbours.own_ticket = self.ticket

    def own_uncles(self) -> tuple[Ticket, ...]:
        """Give children whom to turn to."""
        return self.uplink.reserves.uncles(self.uplink.parent_ticket)

    def take(self, peer: PeerId, message: Message, now: Micros) -> list[Effect]:
        """Take in what somebody says."""
        uplink, relay = self.uplink, self.relay
        match message:
            case Accept():
                return uplink.accepted(peer, message, now)[0]
            case Refuse():
                return uplink.refused(peer, message, now)
            case Beat():
                return uplink.beat(peer, message, now)
            case Stalled():
                return uplink.stalled(peer, message, now)
            case Uncles():
                return uplink.uncles(peer, message, now)
            case Bye(why):
                if why is not Why.SHED:
                    relay.gone(peer, now)
                return uplink.bye(peer, now)
            case _:
                return relay.asked(peer, message, now)

    def hear(self, peer: PeerId, chunk: Chunk, now: Micros) -> list[Effect]:
        """Take in a chunk, and pass it on."""
        self.uplink.heard(peer, chunk, RTT_US, now, live=True)
        if not self.backlog.is_new(chunk):
            return []
        newest = self.backlog.newest
        self.backlog.add(chunk, now, 0)
        self.uplink.find_holes(chunk, newest, peer, Hop(0, 0), now)
        held = self.backlog.get(chunk.sequence)
        assert held is not None
        return self.relay.forward([held], peer, now)


@dataclass(slots=True)
class Findings:
    """What a run has broken."""

    problems: list[str] = field(default_factory=list)
    """The first of each kind, in words."""
    order: bool = False
    """Somebody's parent had no lower rank."""
    cycles: bool = False

    def note(self, problem: str) -> None:
        """Take in a problem."""
        if not any(one[:3] == problem[:3] for one in self.problems):
            self.problems.append(problem)


class Chaos:
    """A dozen peers, a source, and the messages that are under way."""

    def __init__(self, rules: Rules = ALL) -> None:
        self.rules = rules
        self.now: Micros = 100 * SECOND
        self.peers: dict[PeerId, Peer] = {}
        self.source = self.add("source", Role.SOURCE, 2)
        self.number = self.sequence = 0
        self.under_way: list[tuple[Micros, PeerId, PeerId, Message | Chunk]] = []
        self.links: dict[tuple[PeerId, PeerId], None] = {}
        """Who thinks that it has a link to whom."""
        self.found = Findings()
        for capacity in CAPACITIES[:PEERS]:
            self.join(capacity, 0)

    def add(self, name: str, role: Role, capacity: int) -> Peer:
        """Let somebody be there."""
        peer = Peer(name, role, capacity, self.rules)
        self.peers[peer.me] = peer
        return peer

    @property
    def listeners(self) -> list[Peer]:
        """Give all but the source."""
        return [one for one in self.peers.values() if one is not self.source]

    def pick(self, number: int) -> Peer:
        """Give one of the listeners."""
        return self.listeners[number % len(self.listeners)]

    # ---- what may happen

    def join(self, capacity: int, where: int) -> None:
        """Let somebody come, under a new key: a peer's key lives as long as its process."""
        self.number += 1
        self.place(self.add(f"peer {self.number}", Role.LISTENER, capacity), where)

    def place(self, peer: Peer, where: int) -> None:
        """Let the tracker name anybody at all, whatever their ranks."""
        others = [one for one in self.peers.values() if one is not peer]
        parent, one, two = (others[(where + step) % len(others)] for step in (0, 3, 5))
        if where % 3 == 0:
            parent = self.source
        self.do(peer, peer.uplink.placed(parent.ticket, (one.ticket, two.ticket), self.now))

    def help(self) -> None:
        """Let the tracker give a place to whoever has told it that nobody helps."""
        for peer in self.listeners:
            if peer.uplink.search.is_seeking and not peer.uplink.state.is_hearing:
                self.do(peer, peer.uplink.placed(self.free_place(peer).ticket, (), self.now))

    def move(self, peer: Peer, where: int) -> None:
        """Let the tracker move a peer to anybody at all."""
        others = [one for one in self.peers.values() if one is not peer]
        uplink = peer.uplink
        if uplink.parent is not None:
            order = Move(1, uplink.attached_counter, uplink.parent, others[where % len(others)].ticket)
            self.do(peer, uplink.move(order, self.now))

    def crash(self, peer: Peer) -> None:
        """Let a peer die without a word."""
        del self.peers[peer.me]
        self.links = {link: None for link in self.links if link[0] != peer.me}

    def lose_link(self, number: int) -> None:
        """Have one end think that the link is down, while the other goes on."""
        links = sorted(self.links)
        if links:
            self.break_link(*links[number % len(links)])

    def notice(self, number: int) -> bool:
        """Have one end of a link notice that the other is gone, or has given the link up; False if all are whole."""
        dangling = sorted(
            link for link in self.links if link[1] not in self.peers or link[::-1] not in self.links
        )
        if dangling:
            self.break_link(*dangling[number % len(dangling)])
        return bool(dangling)

    def break_link(self, one: PeerId, other: PeerId) -> None:
        """End a link as `one` sees it."""
        self.links.pop((one, other), None)
        if one in self.peers:
            peer = self.peers[one]
            peer.relay.gone(other, self.now)
            self.do(peer, peer.uplink.disconnected(other, self.now))

    def deliver(self, number: int, *, keep: bool = False) -> None:
        """Let any message arrive, whichever was sent first; kept, it comes again."""
        if not self.under_way:
            return
        at = number % len(self.under_way)
        sent_at, by, to, what = self.under_way[at] if keep else self.under_way.pop(at)
        peer = self.peers.get(to)
        if peer is None or (to, by) not in self.links:
            return
        if isinstance(what, Chunk | Stalled) and self.now - sent_at > DATAGRAM_AGE_US_MAX:
            return
        if isinstance(what, Chunk):
            self.do(peer, peer.hear(by, what, self.now))
        else:
            self.do(peer, peer.take(by, what, self.now))

    def deliver_in_order(self) -> None:
        """Let those arrive that were sent first."""
        for _ in range(PROMPT):
            self.deliver(0)

    def deliver_some(self, number: int) -> None:
        """Let a few arrive from anywhere in the line."""
        for more in range(5):
            self.deliver(number + 7 * more)

    def lose(self, number: int) -> None:
        """Lose a message."""
        if self.under_way:
            self.under_way.pop(number % len(self.under_way))

    def wait(self, duration_us: Micros) -> None:
        """Let time pass; everybody ticks, and the source speaks."""
        until = self.now + duration_us
        while self.now < until:
            self.now = min(until, self.now + CHUNK_US // 2)
            if self.now // CHUNK_US > (self.now - CHUNK_US // 2) // CHUNK_US:
                self.sequence += 1
                self.do(self.source, self.source.hear(self.source.me, chunk(self.sequence), self.now))
            for peer in list(self.peers.values()):
                effects = peer.relay.tick(self.now)
                if peer is not self.source:
                    effects += peer.uplink.tick(self.now)
                self.do(peer, effects)

    def calm(self, duration_us: Micros) -> None:
        """Stop the faults: everything arrives in order and at once, and the tracker helps whoever has nobody."""
        until = self.now + duration_us
        helped_at = self.now
        while self.now < until:
            self.wait(CHUNK_US // 2)
            while self.under_way:
                self.deliver(0)
                self.check()
            while self.notice(0):
                pass
            if self.now - helped_at > SECOND:
                helped_at = self.now
                self.help()

    # ---- where everybody is

    def parent(self, peer: Peer) -> Peer | None:
        """Give whom a peer believes to hear from, if that one is there."""
        return self.peers.get(peer.uplink.parent) if peer.uplink.parent is not None else None

    def above(self, peer: Peer) -> list[Peer]:
        """Give a peer's ancestors as far as the source, a gap, or the first that comes again."""
        chain: list[Peer] = []
        at = None if peer is self.source else self.parent(peer)
        while at is not None and at not in chain:
            chain.append(at)
            at = None if at is self.source else self.parent(at)
        return chain

    def is_attached(self, peer: Peer) -> bool:
        """Tell whether a peer's ancestors end at the source."""
        return peer is self.source or self.source in self.above(peer)

    def free_place(self, orphan: Peer) -> Peer:
        """Find a place as the tracker does: the lowest rank that is attached, has room, and is not below the orphan."""
        good = [
            one
            for one in self.peers.values()
            if one.relay.free
            and one is not orphan
            and self.is_attached(one)
            and orphan not in self.above(one)
        ]
        return min(good, key=lambda one: one.standing.rank, default=self.source)

    # ---- what they want done

    def do(self, peer: Peer, effects: list[Effect]) -> None:
        """Carry out what somebody wants done."""
        for effect in effects:
            match effect:
                case Send(to, message) | SendDatagram(to, message):
                    self.under_way.append((self.now, peer.me, to, message))
                case SendChunk(to, _, one):
                    self.under_way.append((self.now, peer.me, to, one))
                case Refill(to, chunks):
                    self.under_way += [(self.now, peer.me, to, one) for _, one in chunks]
                case Dial(to, _):
                    self.dial(peer, to)
                case HangUp(to, _):
                    self.break_link(to, peer.me)
                    self.break_link(peer.me, to)
                case _:
                    pass
        del self.under_way[:-UNDER_WAY_MAX]

    def dial(self, peer: Peer, to: PeerId) -> None:
        """Let a link come up at both ends."""
        other = self.peers.get(to)
        if other is None:
            self.do(peer, peer.uplink.disconnected(to, self.now))
            return
        self.links |= {(peer.me, to): None, (to, peer.me): None}
        self.do(other, other.uplink.connected(peer.me, self.now, dialled=False))
        self.do(peer, peer.uplink.connected(to, self.now, dialled=True))

    # ---- what must hold

    def check(self) -> None:
        """Note what does not hold now."""
        is_broken = False
        for peer in self.listeners:
            parent, standbys = self.parent(peer), peer.uplink.standbys.all
            if parent is not None and parent.standing.rank >= peer.standing.rank:
                is_broken = True
                self.found.note(
                    f"I1: {parent.name} of rank {parent.standing.rank} feeds {peer.name} of rank {peer.standing.rank}"
                )
            most = peer.relay.places_max if peer.capacity else 0
            if len(peer.relay.children) > most:
                self.found.note(f"I3: {peer.name} feeds {len(peer.relay.children)}")
            if peer.uplink.parent in standbys or len(standbys) > STANDBYS_MAX:
                self.found.note(f"I8: {peer.name} has {len(standbys)} standbys, or its parent among them")
        if is_broken:
            # Without a broken order there can be no cycle.
            self.found.order = True
            self.found.cycles |= any(peer in self.above(peer) for peer in self.listeners)


STEPS: Final = (
    ["prompt"] * 30
    + ["deliver"] * 6
    + ["again"] * 4
    + ["lose"] * 2
    + ["wait"] * 14
    + ["move"] * 2
    + ["place"] * 2
    + ["notice", "help"] * 4
    + ["crash", "join", "break"]
)


def step(chaos: Chaos, what: str, number: int) -> None:
    """Do one of `STEPS`; the number says to whom, and how much."""
    match what:
        case "prompt":
            chaos.deliver_in_order()
        case "deliver":
            chaos.deliver_some(number)
        case "again":
            chaos.deliver(number, keep=True)
        case "lose":
            chaos.lose(number)
        case "wait":
            chaos.wait(CHUNK_US // 2 * (1 + (number % 6 == 0) * 4))
        case "move":
            chaos.move(chaos.pick(number), number // 7)
        case "place":
            chaos.place(chaos.pick(number), number // 7)
        case "help":
            chaos.help()
        case "notice":
            chaos.notice(number)
        case "break":
            chaos.lose_link(number)
        case "crash" if len(chaos.listeners) > PEERS_MIN:
            chaos.crash(chaos.pick(number))
        case "join" if len(chaos.listeners) < PEERS_MAX:
            chaos.join(number % 4, number // 4)


def run(seed: int, steps: int, rules: Rules = ALL) -> Chaos:
    """Let chance choose so many steps, and look after each."""
    chance = random.Random(seed)
    chaos = Chaos(rules)
    for _ in range(steps):
        step(chaos, chance.choice(STEPS), chance.randrange(10**6))
        chaos.check()
    return chaos
