"""Rehearsals in flow fidelity: what a crowd of any size costs to simulate, and what its listeners miss.

    .venv/bin/python benchmarks/rehearsals.py                              # flash-crowd at 10,000 and 100,000
    .venv/bin/python benchmarks/rehearsals.py --peers 1000000 --peers 8000000
    .venv/bin/python benchmarks/rehearsals.py --churn --crash --outage     # audio missing, not cost

Each run is a process of its own, so that none finds memory or caches that another has left. What each table says:

flash-crowd  The scenario that ships, scaled: all come within 60 s, then 300 s of churn at a median session of 5 min, an
             origin of 64 places, 24 relays of 64. Wall and CPU seconds are those of `run_until` and of the summing up at
             the end; peak memory is the process's. CPU time a join and a leave are the tracker's own decisions. Depths
             stand against the least possible, when the last has come and at the end. `missing` is over the whole run.
--churn      10,000 listeners come within 60 s, then 600 s with a median session of 1, 5 and 30 min; three seeds each.
             The origin and the relays are those of flash-crowd.
--crash      The scenario `mass-crash`: 30 % of each size at once, and half of 10,000 at once. Missing is what the
             survivors had not received of the 60 s after it. Emergency copies are what origin and relays carried beyond
             their places, at most, in the whole run.
--outage     The scenario `tracker-outage`, 10,000 listeners: the tracker is away for 600 s under churn. Missing is what
             was due from its death to 30 s after its return.

No run may break a promise: if one does, it ends with the first of them and an exit code of 1.

Measured with seed 1 (churn: 1 to 3) on two cores of a shared machine, CPython 3.11:

flash-crowd     10,000: 3.2 s of CPU, 74 MB, 27 us an event; tracker 48 us a join, 86 a leave; depth 4 (least 3)
               100,000: 42.5 s of CPU, 230 MB, 34 us an event; tracker 49 us a join, 121 a leave; depth 6 (least 4)
missing, ppm                          0.5 s      1 s    2 s
churn, median 1 min                16 to 41        0      0
churn, median 5 min                  2 to 4        0      0
churn, median 30 min                 0 to 8        0      0
30 % of 10,000 at once                   36      0.7      0   emergency copies 20 at most, all of them before the crash
30 % of 100,000 at once                  69     0.05      0   emergency copies 201 at most
half of 10,000 at once                  167      1.0      0   emergency copies 25 at most
no tracker for 600 s                     21        0      0   11.5 moves a departure: nearly all when it is back
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from meshcast.protocol.units import MINUTE, SECOND, Micros
from sim.flow.flow import Flow
from sim.measures import Measures, Sample
from sim.scenario import DELAYS_US, FaultKind, Law, Scenario, Sessions
from sim.scenario_file import read_scenario

SIZES = (10_000, 100_000)
CHURN_PEERS = 10_000
CHURN_MEDIANS_MIN = (1, 5, 30)
CHURN_US = 600 * SECOND
SETTLED_US = 5 * SECOND
"""So long after the last has come its first place is taken."""
AFTERMATH_US = 60 * SECOND
RETURN_US = 30 * SECOND
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Task:
    """One run, as it is handed to its process."""

    kind: str
    peers: int
    seed: int
    share: float = 0.3
    median_min: int = 5


@dataclass
class Costs:
    """What a run has taken, without what is only looked at in the middle."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def of(self, work: Callable[[], Any]) -> Any:
        """Do some work, and count what it takes."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        done = work()
        self.wall_s += time.perf_counter() - wall_s
        self.cpu_s += time.process_time() - cpu_s
        return done


# ---- runs, each in a process of its own


def scenario_of(task: Task) -> Scenario:
    """Give what is to be run."""
    if task.kind == "crash":
        return read_scenario("mass-crash", (f"faults.0.share={task.share}",), task.peers)
    if task.kind == "outage":
        return read_scenario("tracker-outage", (), task.peers)
    scenario = read_scenario("flash-crowd", (), task.peers)
    if task.kind == "churn":
        sessions = Sessions(Law.LOG_NORMAL, median_us=task.median_min * MINUTE)
        return replace(scenario, sessions=sessions, duration_us=last_comes_at(scenario) + CHURN_US)
    return scenario


def last_comes_at(scenario: Scenario) -> Micros:
    """Say when the waves are over."""
    return max(wave.at_us + wave.over_us for wave in scenario.waves)


def run(task: Task) -> dict[str, Any]:
    """Run one, and give its figures."""
    scenario, costs = scenario_of(task), Costs()
    flow: Flow = costs.of(lambda: Flow(scenario, task.seed, time.process_time))
    since, until = window(scenario)
    costs.of(lambda: flow.run_until(since))
    before = flow.measures()
    if until < scenario.duration_us:
        costs.of(lambda: flow.run_until(until))
        after = flow.measures().samples[-1]
        costs.of(lambda: flow.run_until(scenario.duration_us))
        found: Measures = costs.of(flow.measures)
    else:
        costs.of(lambda: flow.run_until(scenario.duration_us))
        found = costs.of(flow.measures)
        after = found.samples[-1]
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return {
        **asdict(task),
        "wall_s": costs.wall_s,
        "cpu_s": costs.cpu_s,
        "peak_rss_bytes": peak_bytes,
        "events": found.events,
        "us_per_event": 1e6 * costs.cpu_s / max(1, found.events),
        "us_per_join": found.join_us,
        "us_per_leave": found.leave_us,
        "bytes_per_peer": found.bytes_per_peer,
        "peers_peak": found.peers_peak,
        "departures": found.leaves + found.crashes,
        "repairs": found.repairs,
        "moves": found.moves,
        "wait_p99_s": found.wait_us.p99 / SECOND,
        "missing_ppm": [found.missing_ppm(number) for number in range(len(DELAYS_US))],
        "window_s": [since / SECOND, after.at_us / SECOND],
        "window_ppm": ppm_between(before.samples[-1], after),
        "depth_before": [before.depth.max, before.depth_least],
        "depth_after": [found.depth.max, found.depth_least],
        "emergency_copies_peak": found.emergency_copies_peak,
        "emergency_copies_before": before.emergency_copies_peak,
        "violations": [*before.violations, *found.violations],
        "digest": found.digest,
    }


def window(scenario: Scenario) -> tuple[Micros, Micros]:
    """Give the stretch that is looked at apart: what follows a fault, or all that follows the last one's coming."""
    for fault in scenario.faults:
        if fault.kind is FaultKind.MASS_CRASH:
            return fault.at_us - 1, fault.at_us + AFTERMATH_US
        if fault.kind is FaultKind.TRACKER_DOWN:
            return fault.at_us - 1, fault.at_us + fault.for_us + RETURN_US
    return last_comes_at(scenario) + SETTLED_US, scenario.duration_us


def ppm_between(one: Sample, other: Sample) -> list[float]:
    """Give what was missing between two samples, in parts per million of what was due, at each delay."""
    due_us = other.due_us - one.due_us
    pairs = zip(one.missing_us, other.missing_us, strict=True)
    return [1e6 * (later - earlier) / due_us if due_us else 0.0 for earlier, later in pairs]


# ---- tables


def costs_table(found: list[dict[str, Any]]) -> Table:
    """Lay out what the crowds cost, a column for each size."""
    lines = Table(title="flash-crowd in flow fidelity")
    lines.add_column("")
    for one in found:
        lines.add_column(f"{one['peers']:,}", justify="right")
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "wall, s": lambda one: f"{one['wall_s']:.1f}",
        "CPU, s": lambda one: f"{one['cpu_s']:.1f}",
        "peak memory, MB": lambda one: f"{one['peak_rss_bytes'] / 1e6:,.0f}",
        "events": lambda one: f"{one['events']:,}",
        "CPU an event, us": lambda one: f"{one['us_per_event']:.1f}",
        "tracker, us a join": lambda one: f"{one['us_per_join']:.1f}",
        "tracker, us a leave, all told": lambda one: f"{one['us_per_leave']:.1f}",
        "tracker, bytes a peer": lambda one: f"{one['bytes_per_peer']:.0f}",
        **{
            f"missing at {delay_us / SECOND:g} s, ppm": lambda one, at=at: f"{one['missing_ppm'][at]:.3f}"  # type: ignore[misc]
            for at, delay_us in enumerate(DELAYS_US)
        },
        "wait p99, s": lambda one: f"{one['wait_p99_s']:.2f}",
        "depth (least) when all are here": lambda one: depth(one["depth_before"]),
        "depth (least) at the end": lambda one: depth(one["depth_after"]),
        "moves a departure": lambda one: f"{one['moves'] / max(1, one['departures']):.2f}",
        "broken promises": lambda one: str(len(one["violations"])),
    }
    for title, show in rows.items():
        lines.add_row(title, *(show(one) for one in found))
    return lines


def depth(pair: list[float]) -> str:
    """Give a depth beside the least."""
    return f"{pair[0]:.0f} ({pair[1]:.0f})"


def missing_table(title: str, found: list[dict[str, Any]], what: Callable[[dict[str, Any]], str]) -> Table:
    """Lay out what was missing, a line for each run."""
    lines = Table(title=title)
    lines.add_column("run")
    for name in (
        "peers", "seed", *(f"{delay_us / SECOND:g} s" for delay_us in DELAYS_US), "repairs", "copies before",
        "copies at most", "depth before", "after", "broken", "CPU, s",
    ):  # fmt: skip
        lines.add_column(name, justify="right")
    for one in found:
        lines.add_row(
            what(one),
            f"{one['peers']:,}",
            str(one["seed"]),
            *(f"{ppm:.3f}" for ppm in one["window_ppm"]),
            f"{one['repairs']:,}",
            str(one["emergency_copies_before"]),
            str(one["emergency_copies_peak"]),
            depth(one["depth_before"]),
            depth(one["depth_after"]),
            str(len(one["violations"])),
            f"{one['cpu_s']:.1f}",
        )
    return lines


def in_a_process(task: Task) -> dict[str, Any]:
    """Run one in a process of its own."""
    command = [sys.executable, __file__, "--alone", json.dumps(asdict(task))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@click.command(help=__doc__)
@click.option(
    "--peers", multiple=True, type=click.IntRange(1), help="Sizes of the crowd; may be given again."
)
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option("--seeds", default=3, show_default=True, help="Seeds of --churn.")
@click.option("--churn", "kinds", flag_value="churn", multiple=True, help="Sessions of 1, 5 and 30 min.")
@click.option("--crash", "kinds", flag_value="crash", multiple=True, help="Many die at once.")
@click.option("--outage", "kinds", flag_value="outage", multiple=True, help="No tracker for 600 s.")
@click.option("--json", "is_json", is_flag=True, help="Print every run as JSON instead of tables.")
@click.option("--alone", hidden=True, help="One run in this process.")
def main(
    peers: tuple[int, ...], seed: int, seeds: int, kinds: tuple[str, ...], *, is_json: bool, alone: str | None
) -> None:
    if alone is not None:
        print(json.dumps(run(Task(**json.loads(alone)))))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    everything: dict[str, list[dict[str, Any]]] = {}
    for kind in kinds or ("flash-crowd",):
        found = [in_a_process(task) for task in tasks(kind, peers, seed, seeds)]
        everything[kind] = found
        if not is_json:
            console.print(table(kind, found))
    if is_json:
        print(json.dumps(everything, indent=1))
    broken = [line for found in everything.values() for one in found for line in one["violations"]]
    if broken:
        raise click.ClickException(f"{len(broken)} promises were broken; the first: {broken[0]}")


def tasks(kind: str, peers: tuple[int, ...], seed: int, seeds: int) -> list[Task]:
    """Give the runs of a table."""
    match kind:
        case "churn":
            size = peers[0] if peers else CHURN_PEERS
            return [
                Task(kind, size, one, median_min=median)
                for median in CHURN_MEDIANS_MIN
                for one in range(seed, seed + seeds)
            ]
        case "crash":
            return [*(Task(kind, size, seed) for size in peers or SIZES), Task(kind, 10_000, seed, share=0.5)]
        case "outage":
            return [Task(kind, peers[0] if peers else CHURN_PEERS, seed)]
        case _:
            return [Task(kind, size, seed) for size in peers or SIZES]


def table(kind: str, found: list[dict[str, Any]]) -> Table:
    """Lay out the runs of a kind."""
    match kind:
        case "churn":
            return missing_table(
                "Churn, after all have come: missing, ppm",
                found,
                lambda one: f"median {one['median_min']} min",
            )
        case "crash":
            return missing_table(
                "A mass crash: the survivors' audio missing in the next minute, ppm",
                found,
                lambda one: f"{one['share']:.0%} at once",
            )
        case "outage":
            return missing_table(
                "No tracker for 600 s under churn: missing, ppm", found, lambda _: "tracker down"
            )
        case _:
            return costs_table(found)


if __name__ == "__main__":
    main()
