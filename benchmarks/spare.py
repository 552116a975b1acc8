"""The broadcaster is killed, many times over: what does a crowd that hears a spare from then on miss?

    PYTHONPATH=. .venv/bin/python benchmarks/spare.py             # 3 seeds, 300 peers each: some minutes
    PYTHONPATH=. .venv/bin/python benchmarks/spare.py --seeds 1 --peers 1000 --origin 32 --city Frankfurt

Each line is one world of the simulator, with the machines that the product runs and the round trips of real cities: a crowd
joins within 20 s, has 15 s to settle, and the source is killed. The spare captures the same programme 37 ms later, and is in
the same place unless `--city` says otherwise. Counted are the chunks that were due at each survivor, with a delay of 1 s, and
not there, in the 8 s from then on. Promised, and checked: at most one at anybody.
"""

from collections import Counter

import click

from meshcast.protocol.broadcaster import BroadcasterMachine, Post
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.process import Process
from sim.weather import Conditions
from sim.world import Settings, World

LATE_US = 37 * MILLISECOND


def missing(process: Process) -> int:
    assert isinstance(process.machine, PeerMachine)
    return process.machine.playout.missing


@click.command(help=__doc__)
@click.option("--seeds", default=3, show_default=True, help="How many worlds.")
@click.option("--first", default=1, show_default=True, help="The first world's seed.")
@click.option("--peers", default=300, show_default=True)
@click.option("--origin", default=8, show_default=True, help="Places at the source, and at its spare.")
@click.option("--city", help="Where the spare is; by default where the source is.")
@click.option("--loss", default=0.0, show_default=True, help="Share of packets lost on every link, each way.")
def main(seeds: int, first: int, peers: int, origin: int, city: str | None, loss: float) -> None:
    worst = 0
    for seed in range(first, first + seeds):
        world = World(seed, Settings(origin_capacity=origin, conditions=Conditions(loss=loss)))
        world.run_for(SECOND)
        spare = world.add_spare(city=city, late_us=LATE_US)
        world.run_for(2 * SECOND)
        world.crowd(peers, 20 * SECOND)
        world.run_for(35 * SECOND)
        crowd = list(world.living)
        before = {one.key: missing(one) for one in crowd}
        world.faults.kill(world.source)
        world.run_for(8 * SECOND)
        machine = spare.machine
        assert isinstance(machine, BroadcasterMachine)
        missed = Counter(missing(one) - before[one.key] for one in crowd)
        took_ms = [round(one / MILLISECOND) for one in machine.takeovers_us]
        shares = ", ".join(f"{count} miss {chunks}" for chunks, count in sorted(missed.items()))
        print(
            f"seed {seed}: {machine.post.value} after {took_ms} ms; of {len(crowd)} peers {shares}",
            flush=True,
        )
        worst = max(worst, *missed, 0 if machine.post is Post.ON_AIR else 99)
    raise SystemExit(worst > 1)


if __name__ == "__main__":
    main()
