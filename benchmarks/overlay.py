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
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from overlay_desk import BATCH, Costs, Desk
from rich.console import Console
from rich.table import Table

from sim.sizes import is_column, members

LEAVES_MAX = 40_000
SIZES = (10_000, 100_000, 1_000_000)


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


def held(desk: Desk) -> Iterator[Any]:
    """Go through everything that the tree, the registry and the leases hold."""
    # By what they are of: views, and numbers that are read out of compiled objects, are made when they are asked for.
    seen: dict[int, Any] = {id(desk.tree.dice): desk.tree.dice}
    stack: list[Any] = [desk.tree, desk.registry, desk.leases]
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
    taken = sum(sys.getsizeof(one, 0) for one in held(desk))
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
