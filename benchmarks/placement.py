"""How late is the sound at the median listener, against a broadcaster that fed everybody itself?

    .venv/bin/python benchmarks/placement.py                                # 10,000 peers, two turnovers: a minute
    .venv/bin/python benchmarks/placement.py --relays 24 --matrix rtt.csv.gz
    .venv/bin/python benchmarks/placement.py --peers 1000000 --turnovers 0.1 --no-floor

Peers join a tree one by one; then one dies and another joins, as often as asked. Half serve nobody, the others 2, 4 or 8
(shares .3/.5/.2); the origin has 32 places, relays 64. An orphan goes to the nearer of its standbys, as peers do, and the
tracker learns of it afterwards. The tracker knows what a Join says, with noise on every round trip; delays that are shown
are the geography's own. What is promised to have been confirmed is so at once. `floor` is a greedy tree with full
knowledge, by Prim's rule with what a place costs those who hear through it.
"""

import json
import sys
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import click
from placement_crowd import Crowd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from meshcast.protocol.units import MILLISECOND, Micros
from sim.geography import Geography, city_number
from sim.matrix import Matrix
from sim.sums import depth_least
from tracker.overlay.columns import ORIGIN
from tracker.overlay.lags import RELAY_US
from tracker.overlay.promises import check

HOP_US = 8_000


def result(crowd: Crowd, what: str, events: int) -> dict[str, Any]:
    """Measure true delays, depth, moves and costs for each event; begin to count anew."""
    tree = crowd.tree
    lag, depth = {ORIGIN: 0}, {ORIGIN: 0}
    for node in sorted(tree.nodes(), key=lambda one: tree.rank[one])[1:]:
        parent = tree.parent[node]
        lag[node], depth[node] = lag[parent] + crowd.delay_us(parent, node), depth[parent] + 1
    direct = [crowd.delay_us(ORIGIN, node) for node in crowd.alive]
    capacities = (tree.capacity[node] for node in tree.nodes() if node != ORIGIN)
    result = {
        "what": what,
        **delays([lag[node] for node in crowd.alive], direct),
        "depth": max(depth.values()),
        "depth_least": depth_least(tree.capacity[ORIGIN], capacities),
        "moves": {why: round(count / events, 3) for why, count in crowd.moves.items()},
        "moves_an_event": round(sum(crowd.moves.values()) / events, 3),
        "us_an_event": {why: round(s * 1e6 / events, 1) for why, s in crowd.cpu_s.items()},
        "shed": crowd.shed,
    }
    crowd.begin_anew()
    return result


def floor(crowd: Crowd) -> dict[str, Any]:
    """Build a greedy tree with full knowledge: whoever can be reached soonest, and what it costs to hear through it."""
    capacity = {node: crowd.tree.capacity[node] for node in crowd.tree.nodes()}
    order = sorted(
        (node for node in capacity if node != ORIGIN),
        key=lambda node: (
            capacity[node] == 0,
            crowd.delay_us(ORIGIN, node) + 2 * crowd.access[node] - 3_000 * capacity[node],
        ),
    )
    # Free places by city, soonest first: cities are few, so each peer looks at all of them.
    spots: dict[int, list[tuple[Micros, int, int]]] = {}
    lag: dict[int, Micros] = {}

    def offer(node: int, late: Micros, rank: int) -> None:
        heappush(spots.setdefault(crowd.city[node], []), (late + crowd.access[node], rank, node))

    free = dict(capacity)
    offer(ORIGIN, 0, 0)
    for node in order:
        at = min(
            (city for city, heap in spots.items() if heap),
            key=lambda city: (
                spots[city][0][0]
                + HOP_US * spots[city][0][1]
                + crowd.geography.delay_us(city, crowd.city[node])
            ),
        )
        late, rank, parent = spots[at][0]
        free[parent] -= 1
        if not free[parent]:
            heappop(spots[at])
        lag[node] = late + crowd.geography.delay_us(at, crowd.city[node]) + crowd.access[node] + RELAY_US
        if capacity[node]:
            offer(node, lag[node], rank + 1)
    direct = [crowd.delay_us(ORIGIN, node) for node in crowd.alive]
    return {"what": "floor", **delays([lag[node] for node in crowd.alive], direct)}


def delays(lags: list[Micros], direct: list[Micros]) -> dict[str, float]:
    lags, direct = sorted(lags), sorted(direct)
    last = len(lags) - 1
    p50, p99, u50, u99 = (one[last * at // 100] / MILLISECOND for one in (lags, direct) for at in (50, 99))
    return {
        "ratio": round(p50 / u50, 3),
        "p50_ms": p50,
        "p99_ms": p99,
        "unicast_p50_ms": u50,
        "unicast_p99_ms": u99,
    }


def run(
    crowd: Crowd, *, peers: int, turnovers: float, steps: int, console: Console, with_floor: bool
) -> list[dict[str, Any]]:
    for number in track(range(peers), "Joining", console=console):
        crowd.join()
        crowd.better(steps if number % 2 else 0)
    results = [result(crowd, "built", peers)]
    deaths = int(peers * turnovers)
    for number in track(range(1, deaths + 1), "Dying and joining", console=console):
        crowd.die()
        crowd.join()
        crowd.better(steps)
        if number % max(1, deaths // 4) == 0:
            results.append(result(crowd, f"{number} deaths", deaths // 4))
    return [*results, floor(crowd)] if with_floor else results


def table(results: list[dict[str, Any]]) -> Table:
    lines = Table(title="Delay from the origin, against unicast")
    for name in ("after", "median", "p50 ms", "p99 ms", "depth", "moves", "us an event"):
        lines.add_column(name, justify="left" if name == "after" else "right")
    for one in results:
        lines.add_row(
            one["what"],
            f"{one['ratio']:.2f} x",
            f"{one['p50_ms']:.0f} / {one['unicast_p50_ms']:.0f}",
            f"{one['p99_ms']:.0f} / {one['unicast_p99_ms']:.0f}",
            f"{one['depth']} ({one['depth_least']})" if "depth" in one else "",
            f"{one['moves_an_event']:.2f}" if "moves_an_event" in one else "",
            " ".join(f"{why} {us:.0f}" for why, us in one.get("us_an_event", {}).items()),
        )
    return lines


@click.command(help=__doc__)
@click.option("--peers", default=10_000, show_default=True)
@click.option("--turnovers", default=2.0, show_default=True, help="Deaths, and joins, for each peer.")
@click.option("--relays", default=0, show_default=True, help="Infrastructure relays of 64 places.")
@click.option("--matrix", type=click.Path(path_type=Path), help="A measured matrix instead of the model.")
@click.option("--origin", default=None, help="The origin's city: New York, or Manhattan in a matrix.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--steps",
    default=6,
    show_default=True,
    help="Steps of rebalancing for each death and join; half for each join before.",
)
@click.option(
    "--noise-us", default=1_000, show_default=True, help="Mean of what each measured round trip is too long."
)
@click.option("--floor/--no-floor", default=True, help="Build a greedy tree with full knowledge too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--check", "checked", is_flag=True, help="Check every promise of the tree at the end.")
def main(  # noqa: PLR0913 - one for each option
    peers: int,
    turnovers: float,
    relays: int,
    matrix: Path | None,
    origin: str | None,
    seed: int,
    steps: int,
    noise_us: int,
    *,
    floor: bool,
    as_json: bool,
    checked: bool,
) -> None:
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else 140)
    geography: Geography | Matrix
    if matrix is None:
        geography, city = Geography(), city_number(origin or "New York")
    else:
        geography = Matrix(matrix)
        city = geography.number(origin or "Manhattan")
    crowd = Crowd(geography, city, seed=seed, relays=relays, noise_us=noise_us)
    results = run(crowd, peers=peers, turnovers=turnovers, steps=steps, console=console, with_floor=floor)
    if checked:
        check(crowd.tree)
    if as_json:
        print(json.dumps(results))
    else:
        console.print(table(results))


if __name__ == "__main__":
    main()
