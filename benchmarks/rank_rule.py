"""The rank rule against its adversary, many times over: with all of it, without the lease, and without rule 3.

    .venv/bin/python benchmarks/rank_rule.py                     # 300 runs of 4,000 steps, three times: 5 to 10 minutes
    .venv/bin/python benchmarks/rank_rule.py --runs 50 --jobs 1

Each run lets `sim.adversary` delay, double, reorder and lose what the real parts of a dozen peers say to each other, crash
them, break links at one end and move them anywhere, and looks after each step: is every parent's rank lower than its
child's, and is anybody its own ancestor? Promised, and checked: with all rules nothing is ever broken; without the lease,
or if anybody may raise its rank, order is.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sim.adversary import Findings, run
from sim.bare_peer import ALL, ANYBODY_RAISES, NO_LEASE, Rules

VARIANTS: Final = {
    "all rules": ALL,
    "without the lease": NO_LEASE,
    "anybody may raise": ANYBODY_RAISES,
}


@click.command(help=__doc__)
@click.option("--runs", default=300, show_default=True, help="Runs of each kind.")
@click.option("--first", default=1, show_default=True, help="The first run's seed.")
@click.option("--steps", default=4_000, show_default=True, help="Steps of each run.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
def main(runs: int, first: int, steps: int, jobs: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else 130)
    found: dict[str, list[Findings]] = {}
    with ProcessPoolExecutor(jobs) as pool:
        for name, rules in VARIANTS.items():
            seeds = range(first, first + runs)
            results = pool.map(partial(findings, steps, rules), seeds)
            found[name] = list(track(results, name, total=runs, console=console))
    console.print(table(found, runs, steps))
    broken = [first + number for number, one in enumerate(found["all rules"]) if one.problems]
    if broken:
        console.print(f"a promise is broken in seeds {broken}", style="bold red")
        sys.exit(1)
    blind = [name for name in VARIANTS if name != "all rules" and not any(one.order for one in found[name])]
    if blind:
        console.print(f"nothing was found {blind[0]}: too few runs, or a blind adversary", style="bold red")
        sys.exit(1)


def findings(steps: int, rules: Rules, seed: int) -> Findings:
    return run(seed, steps, rules).found


def table(found: dict[str, list[Findings]], runs: int, steps: int) -> Table:
    """Lay out in how many runs what was broken."""
    lines = Table(title=f"{runs} runs of {steps:,} steps")
    for name in ("rules", "broke order", "had cycles", "broke anything else", "the first"):
        lines.add_column(name, justify="left" if name in {"rules", "the first"} else "right")
    for name, all_found in found.items():
        others = sum(any(not one.startswith("I1") for one in run.problems) for run in all_found)
        first = next((one.problems[0] for one in all_found if one.problems), "")
        orders = sum(one.order for one in all_found)
        lines.add_row(name, str(orders), str(sum(one.cycles for one in all_found)), str(others), first)
    return lines


if __name__ == "__main__":
    main()
