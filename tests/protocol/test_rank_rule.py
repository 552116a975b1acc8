"""No loops, whatever the network does: the real parts of a dozen peers under delay, duplication, reordering and loss.

What the network may do to a control message is more than QUIC would ever let it: overtake others, come twice, or not at
all. Links break as one side sees it while the other goes on; peers crash; the tracker moves whom it likes. After every
step each peer's rank must be greater than its parent's, which makes loops impossible (I1), and nobody may feed more than
its places (I3). Then the faults stop, and everybody must be heard again (liveness).
"""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.effects import Dial, Effect, HangUp, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Beat,
    Bye,
    Detach,
    Enlist,
    Hello,
    Move,
    Pull,
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role, Ticket
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId
from meshcast.protocol.uplink import Uplink

PEERS = 12
CHUNK_US = 100 * MILLISECOND
DATAGRAM_AGE_US_MAX = SECOND
"""The network may keep a control message for as long as it likes, and a datagram for a second."""


class Peer:
    """The parts of a peer that the rank rule speaks of, and no sound."""

    def __init__(self, crew: Any, name: str, role: Role, capacity: int) -> None:
        self.name, self.role = name, role
        member: Membership = crew.member(name, role, capacity, verify=lambda *_: True)
        self.me = member.me
        self.ticket = crew.ticket(name, role, capacity, host=f"10.0.{sum(name.encode())}.1")
        self.backlog = Backlog()
        self.standing = Standing(self.me, role)
        if role is Role.SOURCE:
            self.standing.rank = 0
        sources = Sources(crew.broadcast, member.verify)
        self.relay = Relay(member, self.standing, self.backlog, sources, self.own_uncles)
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, SECOND)
        self.uplink.ticket = self.ticket

    def own_uncles(self) -> tuple[Ticket, ...]:
        return self.uplink.own_uncles()

    def take(self, peer: PeerId, message: Any, now: Micros) -> list[Effect]:
        uplink, relay = self.uplink, self.relay
        match message:
            case Hello(ticket):
                return relay.hello(peer, ticket, now)
            case Adopt():
                return relay.adopt(peer, message, now)
            case Enlist(rank):
                return relay.enlist(peer, rank)
            case Detach(counter):
                return relay.detach(peer, counter)
            case Pull():
                return relay.pull(peer, message, now)
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
                return []

    def chunk(self, peer: PeerId, chunk: Any, now: Micros) -> list[Effect]:
        self.uplink.heard(peer, chunk, 20 * MILLISECOND, now, live=True)
        if not self.backlog.is_new(chunk):
            return []
        newest = self.backlog.newest
        self.backlog.add(chunk, now, 0)
        self.uplink.find_holes(chunk, newest, peer, Hop(0, 0), now)
        held = self.backlog.get(chunk.sequence)
        assert held is not None
        return self.relay.forward([held], peer, now)


class Chaos:
    """A dozen peers, a source, and the messages that are under way."""

    def __init__(self, crew: Any) -> None:
        self.crew = crew
        self.now: Micros = 100 * SECOND
        self.peers: dict[PeerId, Peer] = {}
        self.source = self.add("source", Role.SOURCE, 2)
        self.number = self.sequence = 0
        self.under_way: list[tuple[Micros, PeerId, PeerId, Any]] = []
        self.links: set[tuple[PeerId, PeerId]] = set()
        """Who thinks that it has a link to whom."""
        for capacity in (0, 1, 2, 3, 1, 2, 0, 2, 1, 3, 0, 2)[:PEERS]:
            self.join(capacity, 0)

    def add(self, name: str, role: Role, capacity: int) -> Peer:
        peer = Peer(self.crew, name, role, capacity)
        self.peers[peer.me] = peer
        return peer

    @property
    def listeners(self) -> list[Peer]:
        return [one for one in self.peers.values() if one is not self.source]

    def pick(self, number: int) -> Peer:
        return self.listeners[number % len(self.listeners)]

    # ---- what may happen

    def join(self, capacity: int, where: int) -> None:
        """Somebody comes, under a new key: a peer's key lives as long as its process."""
        self.number += 1
        self.place(self.add(f"peer {self.number}", Role.LISTENER, capacity), where)

    def place(self, peer: Peer, where: int) -> None:
        """The tracker names anybody at all, whatever their ranks."""
        others = [one for one in self.peers.values() if one is not peer]
        parent, one, two = (others[(where + step) % len(others)] for step in (0, 3, 5))
        if where % 3 == 0:
            parent = self.source
        self.do(peer, peer.uplink.placed(parent.ticket, (one.ticket, two.ticket), self.now))

    def help(self) -> None:
        """The tracker gives a place to whoever has told it that nobody helps."""
        for peer in self.listeners:
            if peer.uplink.is_seeking and not peer.uplink.state.is_hearing:
                self.do(peer, peer.uplink.placed(self.free_place(peer).ticket, (), self.now))

    def move(self, peer: Peer, where: int) -> None:
        others = [one for one in self.peers.values() if one is not peer]
        uplink = peer.uplink
        if uplink.parent is not None:
            order = Move(1, uplink.attached_counter, uplink.parent, others[where % len(others)].ticket)
            self.do(peer, uplink.move(order, self.now))

    def crash(self, peer: Peer) -> None:
        del self.peers[peer.me]
        self.links = {link for link in self.links if link[0] != peer.me}

    def lose_link(self, number: int) -> None:
        """One end thinks that the link is down; the other goes on."""
        links = sorted(self.links)
        if links:
            one, other = links[number % len(links)]
            self.break_link(one, other)

    def notice(self, number: int) -> bool:
        """One end of a link notices that the other is gone, or has given the link up."""
        dangling = sorted(
            link for link in self.links if link[1] not in self.peers or link[::-1] not in self.links
        )
        if dangling:
            self.break_link(*dangling[number % len(dangling)])
        return bool(dangling)

    def break_link(self, one: PeerId, other: PeerId) -> None:
        self.links.discard((one, other))
        if one in self.peers:
            peer = self.peers[one]
            peer.relay.gone(other, self.now)
            self.do(peer, peer.uplink.disconnected(other, self.now))

    def deliver(self, number: int, *, keep: bool = False) -> None:
        """Let any message arrive, whichever was sent first; it may come again."""
        if not self.under_way:
            return
        at = number % len(self.under_way)
        sent_at, by, to, what = self.under_way[at] if keep else self.under_way.pop(at)
        peer = self.peers.get(to)
        is_chunk = isinstance(what, Chunk)
        if peer is None or (to, by) not in self.links:
            return
        if (is_chunk or isinstance(what, Stalled)) and self.now - sent_at > DATAGRAM_AGE_US_MAX:
            return
        self.do(peer, peer.chunk(by, what, self.now) if is_chunk else peer.take(by, what, self.now))

    def lose(self, number: int) -> None:
        if self.under_way:
            self.under_way.pop(number % len(self.under_way))

    def wait(self, duration_us: Micros) -> None:
        """Let time pass; everybody ticks, and the source speaks."""
        until = self.now + duration_us
        while self.now < until:
            self.now = min(until, self.now + CHUNK_US // 2)
            if self.now // CHUNK_US > (self.now - CHUNK_US // 2) // CHUNK_US:
                self.sequence += 1
                self.do(
                    self.source,
                    self.source.chunk(self.source.me, cached_chunk(self.crew, self.sequence), self.now),
                )
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

    def free_place(self, orphan: Peer) -> Peer:
        """Find a place as the tracker does: the lowest rank that is attached, has room, and is not below the orphan."""
        good = [
            one
            for one in self.peers.values()
            if one.relay.free
            and one is not orphan
            and self.is_attached(one)
            and not self.is_below(one, orphan)
        ]
        return min(good, key=lambda one: one.standing.rank, default=self.source)

    def is_attached(self, peer: Peer) -> bool:
        at: Peer | None = peer
        for _ in range(len(self.peers) + 1):
            if at is None or at is self.source:
                return at is not None
            at = self.peers.get(at.uplink.parent) if at.uplink.parent is not None else None
        return False

    def is_below(self, peer: Peer, above: Peer) -> bool:
        at: Peer | None = peer
        while at is not None and at is not self.source:
            if at is above:
                return True
            at = self.peers.get(at.uplink.parent) if at.uplink.parent is not None else None
        return False

    def do(self, peer: Peer, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(to, message) | SendDatagram(to, message):
                    self.under_way.append((self.now, peer.me, to, message))
                case SendChunk(to, _, chunk):
                    self.under_way.append((self.now, peer.me, to, chunk))
                case Refill(to, chunks):
                    self.under_way += [(self.now, peer.me, to, chunk) for _, chunk in chunks]
                case Dial(to, _):
                    self.dial(peer, to)
                case HangUp(to, _):
                    self.break_link(to, peer.me)
                    self.break_link(peer.me, to)
                case _:
                    pass
        del self.under_way[:-400]

    def dial(self, peer: Peer, to: PeerId) -> None:
        other = self.peers.get(to)
        if other is None:
            self.do(peer, peer.uplink.disconnected(to, self.now))
            return
        self.links |= {(peer.me, to), (to, peer.me)}
        self.do(other, other.uplink.connected(peer.me, self.now, dialled=False))
        self.do(peer, peer.uplink.connected(to, self.now, dialled=True))

    # ---- what must hold

    def check(self) -> None:
        for peer in self.listeners:
            parent = self.peers.get(peer.uplink.parent) if peer.uplink.parent is not None else None
            if parent is not None:
                assert parent.standing.rank < peer.standing.rank, (
                    f"I1: {parent.name} of rank {parent.standing.rank} feeds {peer.name} of rank {peer.standing.rank}"
                )
            assert len(peer.relay.children) <= peer.relay._places_max, "I3"
            assert peer.relay.member.capacity or not peer.relay.children, "I3: a leaf feeds nobody"
            assert peer.uplink.parent not in peer.uplink.standbys.all, "I8"
            assert len(peer.uplink.standbys.all) <= 2, "I8"


_CHUNKS: dict[int, Any] = {}


def cached_chunk(crew: Any, sequence: int) -> Any:
    if sequence not in _CHUNKS:
        _CHUNKS[sequence] = crew.chunk(sequence)
    return _CHUNKS[sequence]


STEPS = (
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
    match what:
        case "prompt":
            for _ in range(40):
                chaos.deliver(0)
        case "deliver":
            for more in range(5):
                chaos.deliver(number + 7 * more)
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
        case "crash":
            if len(chaos.listeners) > 4:
                chaos.crash(chaos.pick(number))
        case _:
            if len(chaos.listeners) < 2 * PEERS:
                chaos.join(number % 4, number // 4)


def run(crew: Any, seed: int, steps: int) -> Chaos:
    chance = random.Random(seed)
    chaos = Chaos(crew)
    for _ in range(steps):
        step(chaos, chance.choice(STEPS), chance.randrange(10**6))
        chaos.check()
    return chaos


@pytest.mark.parametrize("seed", range(8))
def test_ranks_stay_in_order_under_any_delay_duplication_reordering_and_loss(crew: Any, seed: int) -> None:
    run(crew, seed, 400)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 200))
def test_ranks_stay_in_order_in_a_hundred_longer_runs(crew: Any, seed: int) -> None:
    run(crew, seed, 3_000)


@pytest.mark.parametrize("seed", range(3))
def test_once_the_faults_stop_everybody_is_attached_to_the_source(crew: Any, seed: int) -> None:
    """L1: with places enough."""
    chaos = run(crew, seed, 150)
    for peer in chaos.listeners[8:]:
        chaos.crash(peer)
    for _ in range(4):
        chaos.join(3, 0)
    chaos.calm(25 * SECOND)
    assert [one.name for one in chaos.listeners if not chaos.is_attached(one)] == []
    for peer in chaos.listeners:
        parent = chaos.peers[peer.uplink.parent]  # type: ignore[index]
        assert peer.me in parent.relay.children, "I4: whoever is pointed at knows its child"


class RankRule(RuleBasedStateMachine):
    """The same, with steps that hypothesis chooses and shrinks."""

    crew: Any

    def __init__(self) -> None:
        super().__init__()
        self.chaos = Chaos(self.crew)

    @rule(what=st.sampled_from(STEPS), numbers=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
    def steps(self, what: str, numbers: list[int]) -> None:
        for number in numbers:
            step(self.chaos, what, number)
            self.chaos.check()

    @invariant()
    def ranks_are_in_order(self) -> None:
        self.chaos.check()


def test_ranks_stay_in_order_whatever_hypothesis_tries(crew: Any) -> None:
    RankRule.crew = crew
    run_state_machine_as_test(
        RankRule,
        settings=settings(
            deadline=None, max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck)
        ),
    )
