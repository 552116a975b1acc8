"""No loops, whatever the network does: the real parts of a dozen peers under delay, duplication, reordering and loss.

The network may do to a message what it likes (`lawless_network`); peers crash; the tracker moves whom it likes. After every
step each peer's rank must be greater than its parent's, which makes loops impossible (I1), nobody may feed more than its
places (I3), and no standby may be the parent, or a third one (I8).

What a run finds is collected and not raised, for what comes after a broken order is a question of its own: is there a
cycle?
"""

import random
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.limits import STANDBYS_MAX
from meshcast.protocol.messages import Move
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Micros, PeerId
from sim.bare_peer import ALL, CHUNK_US, BarePeer, Rules, chunk
from sim.lawless_network import LawlessNetwork

PEERS: Final = 12
PEERS_MIN: Final = 4
PEERS_MAX: Final = 24
CAPACITIES: Final = (0, 1, 2, 3, 1, 2, 0, 2, 1, 3, 0, 2)


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
    """A dozen peers and a source, whom anything may befall."""

    def __init__(self, rules: Rules = ALL) -> None:
        self.rules = rules
        self.peers: dict[PeerId, BarePeer] = {}
        self.network = LawlessNetwork(self.peers)
        self.source = self.add("source", Role.SOURCE, 2)
        self.number = self.sequence = 0
        self.found = Findings()
        for capacity in CAPACITIES[:PEERS]:
            self.join(capacity, 0)

    def add(self, name: str, role: Role, capacity: int) -> BarePeer:
        """Let somebody be there."""
        peer = BarePeer(name, role, capacity, self.rules)
        self.peers[peer.me] = peer
        return peer

    @property
    def listeners(self) -> list[BarePeer]:
        """Give all but the source."""
        return [one for one in self.peers.values() if one is not self.source]

    def pick(self, number: int) -> BarePeer:
        """Give one of the listeners."""
        return self.listeners[number % len(self.listeners)]

    # ---- what may happen

    def join(self, capacity: int, where: int) -> None:
        """Let somebody come, under a new key: a peer's key lives as long as its process."""
        self.number += 1
        self.place(self.add(f"peer {self.number}", Role.LISTENER, capacity), where)

    def place(self, peer: BarePeer, where: int) -> None:
        """Let the tracker name anybody at all, whatever their ranks."""
        others = [one for one in self.peers.values() if one is not peer]
        parent, one, two = (others[(where + step) % len(others)] for step in (0, 3, 5))
        if where % 3 == 0:
            parent = self.source
        self.network.do(peer, peer.uplink.placed(parent.ticket, (one.ticket, two.ticket), self.network.now))

    def help(self) -> None:
        """Let the tracker give a place to whoever has told it that nobody helps."""
        for peer in self.listeners:
            if peer.uplink.search.is_seeking and not peer.uplink.state.is_hearing:
                self.network.do(peer, peer.uplink.placed(self.free_place(peer).ticket, (), self.network.now))

    def move(self, peer: BarePeer, where: int) -> None:
        """Let the tracker move a peer to anybody at all."""
        others = [one for one in self.peers.values() if one is not peer]
        uplink = peer.uplink
        if uplink.parent is not None:
            order = Move(1, uplink.attached_counter, uplink.parent, others[where % len(others)].ticket)
            self.network.do(peer, uplink.move(order, self.network.now))

    def crash(self, peer: BarePeer) -> None:
        """Let a peer die without a word."""
        del self.peers[peer.me]
        self.network.forget(peer.me)

    def wait(self, duration_us: Micros) -> None:
        """Let time pass; everybody ticks, and the source speaks."""
        network, source = self.network, self.source
        until = network.now + duration_us
        while network.now < until:
            network.now = min(until, network.now + CHUNK_US // 2)
            if network.now // CHUNK_US > (network.now - CHUNK_US // 2) // CHUNK_US:
                self.sequence += 1
                network.do(source, source.hear(source.me, chunk(self.sequence), network.now))
            for peer in list(self.peers.values()):
                effects = peer.relay.tick(network.now)
                if peer is not source:
                    effects += peer.uplink.tick(network.now)
                network.do(peer, effects)

    def calm(self, duration_us: Micros) -> None:
        """Stop the faults: everything arrives in order and at once, and the tracker helps whoever has nobody."""
        network = self.network
        until, helped_at = network.now + duration_us, network.now
        while network.now < until:
            self.wait(CHUNK_US // 2)
            while network.under_way:
                network.deliver(0)
                self.check()
            while network.notice(0):
                pass
            if network.now - helped_at > SECOND:
                helped_at = network.now
                self.help()

    # ---- where everybody is

    def parent(self, peer: BarePeer) -> BarePeer | None:
        """Give whom a peer believes to hear from, if that one is there."""
        return self.peers.get(peer.uplink.parent) if peer.uplink.parent is not None else None

    def above(self, peer: BarePeer) -> list[BarePeer]:
        """Give a peer's ancestors as far as the source, a gap, or the first that comes again."""
        chain: list[BarePeer] = []
        at = None if peer is self.source else self.parent(peer)
        while at is not None and at not in chain:
            chain.append(at)
            at = None if at is self.source else self.parent(at)
        return chain

    def is_attached(self, peer: BarePeer) -> bool:
        """Tell whether a peer's ancestors end at the source."""
        return peer is self.source or self.source in self.above(peer)

    def free_place(self, orphan: BarePeer) -> BarePeer:
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
            chaos.network.deliver_in_order()
        case "deliver":
            chaos.network.deliver_some(number)
        case "again":
            chaos.network.deliver(number, keep=True)
        case "lose":
            chaos.network.lose(number)
        case "wait":
            chaos.wait(CHUNK_US // 2 * (1 + (number % 6 == 0) * 4))
        case "move":
            chaos.move(chaos.pick(number), number // 7)
        case "place":
            chaos.place(chaos.pick(number), number // 7)
        case "help":
            chaos.help()
        case "notice":
            chaos.network.notice(number)
        case "break":
            chaos.network.lose_link(number)
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
