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
import time
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_LISTENER_MIN
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, Micros
from sim.geography import Geography, access_us, city_number
from sim.matrix import Matrix
from sim.population import Population
from tracker.overlay.columns import ORIGIN
from tracker.overlay.lags import RELAY_US
from tracker.overlay.placement import Move, complete_splice, place, place_in_emergency
from tracker.overlay.promises import check
from tracker.overlay.rebalance import advance, rebalance
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.succession import succeed, vacancy
from tracker.overlay.tree import Tree

ORIGIN_CAPACITY = 32
RELAY_CAPACITY = 64
DATA_CENTRE_US = 500
HOP_US = 8_000


class Crowd:
    """A tree, and where its peers really are."""

    def __init__(
        self, geography: Geography | Matrix, origin: int, *, seed: int, relays: int, noise_us: int
    ) -> None:
        self.geography = geography
        self.chance, self.noise, self.noise_us = Random(seed), Random(seed + 1), noise_us
        self.population = Population()
        near = geography.nearest_regions()
        dice = Random(seed + 2).randrange
        self.tree = Tree(regions=len(near), nearest_regions=near, dice=dice, origin_capacity=ORIGIN_CAPACITY)
        self.city, self.access = {ORIGIN: origin}, {ORIGIN: DATA_CENTRE_US}
        self.alive: list[int] = []
        self.moves: dict[str, int] = {}
        self.cpu_s: dict[str, float] = {}
        self.shed = 0
        self.tree.lags.enter(ORIGIN, self.measured(origin, DATA_CENTRE_US))
        for number in range(relays):
            marks = geography.landmarks
            self.enter(RELAY_CAPACITY, marks[number % len(marks)], DATA_CENTRE_US, Role.RELAY)

    def measured(self, city: int, access: Micros) -> list[Micros]:
        """Give round trips to the landmarks as a peer would measure them."""
        exact = self.geography.landmark_rtts_us(city, access)
        return (
            [rtt + round(self.noise.expovariate(1 / self.noise_us)) for rtt in exact]
            if self.noise_us
            else list(exact)
        )

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the true delay between two."""
        city, access = self.city, self.access
        return self.geography.delay_us(city[one], city[other]) + access[one] + access[other] + RELAY_US

    def join(self) -> None:
        """Draw one and have it join."""
        capacity = self.population.capacity(self.chance)
        mobile = self.population.is_mobile(capacity, self.chance)
        city = self.geography.draw(self.chance)
        self.alive.append(self.enter(capacity, city, access_us(self.chance, is_mobile=mobile), Role.LISTENER))

    def enter(self, capacity: int, city: int, access: Micros, role: Role) -> int:
        """Have one join and attach."""
        rtts = self.measured(city, access)
        region = min(range(len(rtts)), key=rtts.__getitem__)
        node = self.tree.add(
            capacity=capacity, region=region, role=role, prefix=self.chance.randrange(1 << 30)
        )
        self.city[node], self.access[node] = city, access
        began = time.process_time()
        self.tree.lags.enter(node, rtts)
        placed = place(self.tree, node)
        self.spent("join", began)
        assert placed is not None, "there is always a place in this crowd"
        self.tree.confirm(node)
        self.obey("splice", self.reported(node))
        self.refill(node)
        return node

    def die(self) -> None:
        """Let one die; its children go to the nearer of their standbys, and the tracker tidies up."""
        tree, at = self.tree, self.chance.randrange(len(self.alive))
        dead, last = self.alive[at], self.alive.pop()
        if last != dead:
            self.alive[at] = last
        vacant = vacancy(tree, dead)
        known = {head: tree.standbys.of(head) for head in tree.children.of(dead)}
        heads = tree.leave(dead)
        adopters = []
        for head in heads:
            willing = [one for one in known[head] if self.is_willing(one, head)]
            if willing:
                adopter = min(willing, key=lambda one: self.delay_us(one, head))
                rank = max(RANK_LISTENER_MIN, tree.rank[adopter] + 1)
                tree.adopted(head, adopter, rank=rank, counter=tree.counter[head] + 1)
                adopters.append(adopter)
            else:
                self.rescue(head)
            self.refill(head)
        began = time.process_time()
        moves = succeed(tree, vacant, heads)
        self.spent("succeed", began)
        self.obey("succeed", moves)
        for adopter in adopters:
            self.obey("relief", relieve(tree, adopter))
        self.obey("relief", relieve_some(tree))

    def is_willing(self, one: int, head: int) -> bool:
        """Tell whether a standby takes an orphan."""
        tree = self.tree
        return (
            tree.free[one] > -EMERGENCY_PLACES_MAX
            and tree.is_rooted(one)
            and tree.rank[one] < tree.rank[head]
        )

    def rescue(self, head: int) -> None:
        """Have the tracker place an orphan that nobody took; one that cannot be placed sheds its children first."""
        tree = self.tree
        shed: list[int] = []
        if place_in_emergency(tree, head) is None:
            self.shed += 1
            shed = list(tree.children.of(head))
            for child in shed:
                tree.detach(child)
            assert place_in_emergency(tree, head) is not None
        tree.confirm(head)
        self.obey("splice", self.reported(head))
        for child in shed:
            self.rescue(child)

    def reported(self, node: int) -> list[Move]:
        """Do what the tracker does when a peer reports that it is attached."""
        tree = self.tree
        splice = complete_splice(tree, node)
        moves = ([] if splice is None else [splice]) + advance(tree, node)
        return moves or relieve(tree, tree.parent[node]) or relieve(tree, node)

    def obey(self, why: str, moves: list[Move]) -> None:
        """Have everybody move who is told to, and what follows."""
        for move in moves:
            self.moves[why] = self.moves.get(why, 0) + 1
            self.tree.counter[move.child] += 1
            self.tree.confirm(move.child)
            self.obey(why, self.reported(move.child))

    def refill(self, node: int) -> None:
        """Give standbys to one, and to all who want some."""
        began = time.process_time()
        refill_standbys(self.tree, node)
        for one in list(self.tree.standbys.wanting):
            refill_standbys(self.tree, one)
        self.spent("standbys", began)

    def better(self, steps: int) -> None:
        """Take steps of rebalancing."""
        for _ in range(steps):
            began = time.process_time()
            moves = rebalance(self.tree)
            self.spent("rebalance", began)
            self.obey("rebalance", moves)

    def spent(self, what: str, began: float) -> None:
        """Add up time by what it went to."""
        self.cpu_s[what] = self.cpu_s.get(what, 0.0) + time.process_time() - began

    # ---- what came of it

    def result(self, what: str, events: int) -> dict[str, Any]:
        """Measure true delays, depth, moves and costs for each event; begin to count anew."""
        tree = self.tree
        lag, depth = {ORIGIN: 0}, {ORIGIN: 0}
        for node in sorted(tree.nodes(), key=lambda one: tree.rank[one])[1:]:
            parent = tree.parent[node]
            lag[node], depth[node] = lag[parent] + self.delay_us(parent, node), depth[parent] + 1
        direct = [self.delay_us(ORIGIN, node) for node in self.alive]
        result = {
            "what": what,
            **delays([lag[node] for node in self.alive], direct),
            "depth": max(depth.values()),
            "depth_least": least_depth([tree.capacity[node] for node in tree.nodes()]),
            "moves": {why: round(count / events, 3) for why, count in self.moves.items()},
            "moves_an_event": round(sum(self.moves.values()) / events, 3),
            "us_an_event": {why: round(s * 1e6 / events, 1) for why, s in self.cpu_s.items()},
            "shed": self.shed,
        }
        self.moves, self.cpu_s = {}, {}
        return result

    def floor(self) -> dict[str, Any]:
        """Build a greedy tree with full knowledge: whoever can be reached soonest, and what it costs to hear through it."""
        capacity = {node: self.tree.capacity[node] for node in self.tree.nodes()}
        order = sorted(
            (node for node in capacity if node != ORIGIN),
            key=lambda node: (
                capacity[node] == 0,
                self.delay_us(ORIGIN, node) + 2 * self.access[node] - 3_000 * capacity[node],
            ),
        )
        # Free places by city, soonest first: cities are few, so each peer looks at all of them.
        spots: dict[int, list[tuple[Micros, int, int]]] = {}
        lag: dict[int, Micros] = {}

        def offer(node: int, late: Micros, rank: int) -> None:
            heappush(spots.setdefault(self.city[node], []), (late + self.access[node], rank, node))

        free = dict(capacity)
        offer(ORIGIN, 0, 0)
        for node in order:
            at = min(
                (city for city, heap in spots.items() if heap),
                key=lambda city: (
                    spots[city][0][0]
                    + HOP_US * spots[city][0][1]
                    + self.geography.delay_us(city, self.city[node])
                ),
            )
            late, rank, parent = spots[at][0]
            free[parent] -= 1
            if not free[parent]:
                heappop(spots[at])
            lag[node] = late + self.geography.delay_us(at, self.city[node]) + self.access[node] + RELAY_US
            if capacity[node]:
                offer(node, lag[node], rank + 1)
        direct = [self.delay_us(ORIGIN, node) for node in self.alive]
        return {"what": "floor", **delays([lag[node] for node in self.alive], direct)}


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


def least_depth(capacities: list[int]) -> int:
    """Give the depth of the best tree: level by level, whoever carries most first; the origin is the first capacity."""
    waiting = sorted(capacities[1:], reverse=True)
    places, depth, at = capacities[0], 0, 0
    while at < len(waiting):
        at, places, depth = at + places, sum(waiting[at : at + places]), depth + 1
    return depth


def run(
    crowd: Crowd, *, peers: int, turnovers: float, steps: int, console: Console, with_floor: bool
) -> list[dict[str, Any]]:
    for number in track(range(peers), "Joining", console=console):
        crowd.join()
        crowd.better(steps if number % 2 else 0)
    results = [crowd.result("built", peers)]
    deaths = int(peers * turnovers)
    for number in track(range(1, deaths + 1), "Dying and joining", console=console):
        crowd.die()
        crowd.join()
        crowd.better(steps)
        if number % max(1, deaths // 4) == 0:
            results.append(crowd.result(f"{number} deaths", deaths // 4))
    return [*results, crowd.floor()] if with_floor else results


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
