"""The tracker's tree at a million peers: what do a join and a leave cost, and how many bytes does a peer take?

    .venv/bin/python benchmarks/overlay.py                       # 10,000, 100,000 and a million: 10 to 15 minutes
    .venv/bin/python benchmarks/overlay.py --peers 10000 --repeats 5 --json

A crowd comes, in 48 regions under an origin of 256 places; half of it can serve nobody, the others carry 2, 4 or 8. Then
peers drawn at random leave, each followed by another that comes. What is counted, as CPU time of one process:

join      `Tree.add`, `place`, `refill_standbys`, `Registry.enter`, `Leases.touch`, and the report that confirms it
          (`Leases.touch`, `Tree.clear`, `Tree.adopted`, `relieve` of its parent, `complete_splice`, `relieve`).
leave     `Tree.leave`, `Registry.strike`, `Leases.drop` and `relieve_some`, as the tracker's machine does it.
adoption  the report of an orphan that its standby has taken it in, as above; without such a standby it is placed.
moved     the report of a child that a splice or relief has moved, as above.
standby   `refill_standbys` for one that has lost a standby, or made it its parent, or was sent down.

"A join, all told" is a join with the reports of those moved for it and the standbys looked for because of it; "a leave,
all told" is a leave with the adoptions, moves and standbys that follow. Those looked for after others' joins count as
joins', those after leaves as leaves'. The last tenth of the crowd comes to the largest tree.

Not counted are signatures and messages: neither their packing nor the rows that the store is given. Bytes are the sizes
of all objects that tree, registry and leases reach, each once (`sys.getsizeof`), and the growth of the process while
the crowd came. The latter holds what glibc leaves between columns that outgrow their places, a fifth of the whole;
`MALLOC_MMAP_THRESHOLD_=262144` in the environment avoids it. Each repeat plays the same crowd again; printed are the
least and the median of the repeats.
"""

import json
import random
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import process_time_ns
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_LISTENER_MIN, TRACKER_LEASE_US
from meshcast.protocol.units import SECOND, Address, PeerId
from sim.sizes import is_column, members
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
LEAVES_MAX = 40_000
BATCH = 16
"""So many leaves, or joins, between two looks at the clock: a look costs about as much as a twentieth of them."""
CHANGED_MAX = 4096
"""Whoever keeps the changed rows takes them this often."""
SIZES = (10_000, 100_000, 1_000_000)


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


@dataclass
class Result:
    """One repeat; times in microseconds an operation."""

    peers: int
    join_us: float
    join_last_tenth_us: float
    join_all_told_us: float
    leave_us: float
    leave_all_told_us: float
    adoption_us: float
    moved_us: float
    standby_us: float
    adoptions_per_leave: float
    moves_per_leave: float
    standbys_per_leave: float
    bytes_per_peer: float
    rss_bytes_per_peer: float
    depth: int


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

    def sizes(self) -> Iterator[Any]:
        """Go through everything that the tree, the registry and the leases hold."""
        # By what they are of: views, and numbers that are read out of compiled objects, are made when they are asked for.
        seen: dict[int, Any] = {id(self.tree.dice): self.tree.dice}
        stack: list[Any] = [self.tree, self.registry, self.leases]
        while stack:
            one = stack.pop()
            one = getattr(one, "base", one)
            if id(one) in seen or isinstance(one, type):
                continue
            seen[id(one)] = one
            yield one
            if isinstance(one, (int, bytes, str)) or is_column(one):
                continue
            if isinstance(one, dict):
                stack.extend(one.keys())
                stack.extend(one.values())
            elif isinstance(one, (list, tuple)):
                stack.extend(one)
            else:
                stack.extend(members(one))

    def depth(self) -> int:
        """Give the greatest depth of anybody."""
        depths = [0] * len(self.tree.parent)
        for node in sorted(self.tree.nodes(), key=self.tree.rank.__getitem__):
            if self.tree.parent[node] != NOBODY:
                depths[node] = depths[self.tree.parent[node]] + 1
        return max(depths)


def resident_bytes() -> int:
    """Give the memory that this process has at present; on systems that do not tell, 0."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * resource.getpagesize() if told.exists() else 0


def measure(peers: int, seed: int) -> Result:
    """Play one crowd, in this process."""
    costs, before = Costs(), resident_bytes()
    desk = Desk(seed)
    last = peers // 10 // BATCH * BATCH
    desk.come(peers - last, costs)
    early_ns = costs.spent_ns["join"]
    desk.come(last, costs)
    grown = resident_bytes() - before
    # PyPy does not tell the size of a thing: 0 there.
    taken = sum(sys.getsizeof(one, 0) for one in desk.sizes())
    desk.churn(peers, min(LEAVES_MAX, peers // 2), costs)
    ns, counts, leaves = costs.spent_ns, costs.counts, costs.counts["leave"]
    after_leave = ("adoption", "moved after leave", "standby after leave")
    return Result(
        peers=peers,
        join_us=costs.us("join"),
        join_last_tenth_us=(ns["join"] - early_ns) / max(1, last) / 1000,
        join_all_told_us=sum(
            costs.us(one, "join") for one in ("join", "moved after join", "standby after join")
        ),
        leave_us=costs.us("leave"),
        leave_all_told_us=sum(costs.us(one, "leave") for one in ("leave", *after_leave)),
        adoption_us=costs.us("adoption"),
        moved_us=costs.us("moved after leave"),
        standby_us=costs.us("standby after leave"),
        adoptions_per_leave=counts["adoption"] / leaves,
        moves_per_leave=counts["moved after leave"] / leaves,
        standbys_per_leave=counts["standby after leave"] / leaves,
        bytes_per_peer=taken / peers,
        rss_bytes_per_peer=grown / peers,
        depth=desk.depth(),
    )


LINES = {
    "join, us": "join_us",
    "join in the last tenth": "join_last_tenth_us",
    "join, all told": "join_all_told_us",
    "leave, us": "leave_us",
    "leave, all told": "leave_all_told_us",
    "adoption, us": "adoption_us",
    "moved, us": "moved_us",
    "standby, us": "standby_us",
    "adoptions a leave": "adoptions_per_leave",
    "moves a leave": "moves_per_leave",
    "standbys a leave": "standbys_per_leave",
    "bytes a peer": "bytes_per_peer",
    "the process grew by": "rss_bytes_per_peer",
    "depth": "depth",
}


def table(results: list[Result]) -> Table:
    """Lay out the least and the median of the repeats, a column for each size."""
    sizes = list(dict.fromkeys(one.peers for one in results))
    lines = Table(title="The tracker's tree: least / median of the repeats")
    lines.add_column("")
    for size in sizes:
        lines.add_column(f"{size:,}", justify="right")
    for title, name in LINES.items():
        seen = [[getattr(one, name) for one in results if one.peers == size] for size in sizes]
        lines.add_row(title, *(f"{min(one):.1f} / {statistics.median(one):.1f}" for one in seen))
    return lines


@click.command(help=__doc__)
@click.option("--peers", multiple=True, type=int, help="Sizes of the crowd; may be given more than once.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "is_json", is_flag=True, help="Print every repeat as JSON instead of a table.")
@click.option("--alone", is_flag=True, hidden=True, help="One repeat in this process.")
def main(peers: tuple[int, ...], repeats: int, seed: int, *, is_json: bool, alone: bool) -> None:
    if alone:
        print(json.dumps(asdict(measure(peers[0], seed))))
        return
    results = []
    # A process of its own for each: what one has allocated does not help or hinder the next.
    for size in peers or SIZES:
        for _ in range(repeats):
            command = [sys.executable, __file__, "--alone", "--peers", str(size), "--seed", str(seed)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            results.append(Result(**json.loads(done.stdout)))
    if is_json:
        print(json.dumps([asdict(one) for one in results], indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else 130).print(table(results))


if __name__ == "__main__":
    main()
