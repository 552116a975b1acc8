"""The desk of `overlay.py`: a tree with what the tracker's machine keeps beside it, peers that come and go, and what each costs."""

import random
from dataclasses import dataclass, field
from time import process_time_ns

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_LISTENER_MIN, TRACKER_LEASE_US
from meshcast.protocol.units import SECOND, Address, PeerId
from tracker.overlay.columns import NOBODY
from tracker.overlay.leases import Leases
from tracker.overlay.placement import Move, complete_splice, place, place_in_emergency
from tracker.overlay.registry import Registry
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

REGIONS = 48
ORIGIN_CAPACITY = 256
CAPACITIES = (0, 0, 0, 2, 4, 8)
BATCH = 16
"""So many leaves, or joins, between two looks at the clock: a look costs about as much as a twentieth of them."""
CHANGED_MAX = 4096
"""Whoever keeps the changed rows takes them this often."""


@dataclass
class Costs:
    """Nanoseconds and counts of one repeat."""

    spent_ns: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, spent_ns: int, count: int) -> None:
        """Count operations of a kind, and what they took together."""
        self.spent_ns[what] = self.spent_ns.get(what, 0) + spent_ns
        self.counts[what] = self.counts.get(what, 0) + count

    def us(self, what: str, per: str | None = None) -> float:
        """Give what one takes, or what they take for each of another kind."""
        return self.spent_ns.get(what, 0) / max(1, self.counts.get(per or what, 0)) / 1000


class Desk:
    """A tree and what is kept beside it, as the tracker's machine uses them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        places = [(self.chance.random(), self.chance.random()) for _ in range(REGIONS)]
        near = [
            sorted(
                range(REGIONS), key=lambda other: (x - places[other][0]) ** 2 + (y - places[other][1]) ** 2
            )
            for x, y in places
        ]
        self.tree = Tree(
            regions=REGIONS, nearest_regions=near, dice=self.chance.randrange, origin_capacity=ORIGIN_CAPACITY
        )  # fmt: skip
        self.registry = Registry()
        self.registry.enter(PeerId(self.chance.randbytes(32)), 0, (("192.0.2.1", 4000),))
        self.leases = Leases(heard_us=TRACKER_LEASE_US, grace_us=20 * SECOND)
        self.now = 0
        self.moves: list[Move] = []

    def strangers(self, count: int) -> list[tuple[PeerId, Address, int, int, int]]:
        """Make peers that nobody knows yet: key, address, prefix, capacity and region."""
        chance = self.chance
        made = []
        for _ in range(count):
            key, host = PeerId(chance.randbytes(32)), chance.getrandbits(32)
            address = (
                ".".join(str(host >> shift & 255) for shift in (24, 16, 8, 0)),
                chance.randrange(1024, 65536),
            )
            made.append((key, address, host >> 8, chance.choice(CAPACITIES), chance.randrange(REGIONS)))
        return made

    # ---- the operations

    def join(self, key: PeerId, address: Address, prefix: int, capacity: int, region: int) -> None:
        """Place a peer, and hear from it that it is there."""
        self.now += 100
        tree = self.tree
        node = tree.add(capacity=capacity, region=region, prefix=prefix)
        self.registry.enter(key, node, (address,))
        placement = place(tree, node)
        assert placement is not None, "the crowd is better supplied than that"
        self.leases.touch(node, self.now)
        refill_standbys(tree, node)
        self.report(node, placement.parent)
        if len(tree.changed) > CHANGED_MAX:
            tree.changed.clear()

    def report(self, node: int, parent: int) -> None:
        """Hear from a peer where it stands, as the tracker's machine does; whom that moves is told later."""
        tree = self.tree
        self.leases.touch(node, self.now)
        tree.clear(node)
        rank = tree.rank[parent] + 1
        tree.adopted(node, parent, rank=max(rank, RANK_LISTENER_MIN), counter=tree.counter[node] + 1)
        self.moves += relieve(tree, parent)
        splice = complete_splice(tree, node)
        if splice is not None:
            self.moves.append(splice)
        self.moves += relieve(tree, node)

    def leave(self, node: int) -> list[tuple[int, tuple[int, ...]]]:
        """Let a peer go; give its children with the standbys that they may turn to."""
        tree = self.tree
        self.now += 100
        self.leases.drop(node)
        orphans = tree.leave(node)
        self.registry.strike(node)
        self.moves += relieve_some(tree)
        return [(head, tree.standbys.of(head)) for head in orphans]

    def repair(self, head: int, standbys: tuple[int, ...]) -> int:
        """Let an orphan find somebody; tell whether it was there still and without a parent."""
        tree = self.tree
        if tree.state[head] != State.ORPHAN:
            return 0
        for standby in standbys:
            if tree.state[standby] == State.ATTACHED and tree.free[standby] > -EMERGENCY_PLACES_MAX:
                self.report(head, standby)
                return 1
        placement = place_in_emergency(tree, head)
        if placement is not None:
            self.report(head, placement.parent)
        return 1

    # ---- the course of a repeat

    def come(self, count: int, costs: Costs, what: str = "join") -> None:
        """Let so many peers join, and do what follows."""
        for _ in range(0, count, BATCH):
            strangers = self.strangers(BATCH)
            began = process_time_ns()
            for stranger in strangers:
                self.join(*stranger)
            costs.add(what, process_time_ns() - began, BATCH)
            self.settle(costs, what)

    def settle(self, costs: Costs, what: str) -> None:
        """Let those report who were moved, and look for the standbys that are wanting."""
        while self.moves:
            moves, self.moves = self.moves, []
            began = process_time_ns()
            for move in moves:
                if self.tree.parent[move.child] == move.target:
                    self.report(move.child, move.target)
            costs.add("moved after " + what, process_time_ns() - began, len(moves))
        wanting = list(self.tree.standbys.wanting)
        began = process_time_ns()
        for node in wanting:
            refill_standbys(self.tree, node)
        costs.add("standby after " + what, process_time_ns() - began, len(wanting))

    def churn(self, peers: int, leaves: int, costs: Costs) -> None:
        """Let some of so many peers leave, and as many come."""
        tree = self.tree
        for _ in range(0, leaves, BATCH):
            going: dict[int, None] = {}
            while len(going) < BATCH:
                node = self.chance.randrange(1, peers)
                if tree.state[node] == State.ATTACHED:
                    going[node] = None
            began = process_time_ns()
            orphans = [orphan for node in going for orphan in self.leave(node)]
            left = process_time_ns()
            repaired = sum([self.repair(*orphan) for orphan in orphans])
            costs.add("adoption", process_time_ns() - left, repaired)
            costs.add("leave", left - began, BATCH)
            self.settle(costs, "leave")
            self.come(BATCH, costs, "join in churn")

    def depth(self) -> int:
        """Give the greatest depth of anybody."""
        depths = [0] * len(self.tree.parent)
        for node in sorted(self.tree.nodes(), key=self.tree.rank.__getitem__):
            if self.tree.parent[node] != NOBODY:
                depths[node] = depths[self.tree.parent[node]] + 1
        return max(depths)
