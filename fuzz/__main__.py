"""The command: `python -m fuzz [TARGET…] [--count N] [--seconds S] [--seed SEED]`.

A run is made of chapters. Each takes a fresh target and a source of chance of its own, named by seed, target and number,
so that one chapter can be repeated alone. Within a chapter nothing may be raised and nothing may grow; what passed is
entered in the ledger.
"""

import argparse
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Final

from fuzz import seeds
from fuzz.endpoint import Street
from fuzz.growth import Scale, resident_kib
from fuzz.ledger import Ledger
from fuzz.machines import ListenerSiege, SourceSiege, TrackerSiege
from fuzz.target import Target
from fuzz.wire import Wire

TARGETS: Final[dict[str, tuple[Callable[[], Target], int]]] = {
    "wire": (Wire, 800_000),
    "listener": (ListenerSiege, 16_000),
    "source": (SourceSiege, 12_000),
    "tracker": (TrackerSiege, 8_000),
    "endpoint": (Street, 8_000),
}
"""Each with the inputs of a chapter: some seconds of work."""

PARTS: Final = 8
"""Of a chapter; what is held is weighed after each."""
TRACED_EVERY: Final = 20


def chapter(name: str, seed: str, number: int, *, is_traced: bool = False) -> int:
    """Run one chapter of a target; give how many inputs it took."""
    make, count = TARGETS[name]
    part = count // (PARTS * (5 if is_traced else 1))
    chance, target, scale = Random(f"{seed} {name} {number}"), make(), Scale(is_traced)
    try:
        target.run(chance, part, PARTS, scale.weigh)
        scale.conclude()
    except BaseException as error:
        repeat = f"python -m fuzz {name} --seed {seed} --first {number} --chapters 1"
        if target.last and not isinstance(error, KeyboardInterrupt):
            repeat += f"; its last input is kept: {seeds.keep(f'found-{name}-{seed}-{number}', target.last)}"
        error.add_note(f"repeat it: {repeat}")
        raise
    return part * PARTS


def main() -> int:
    """Run chapters of the targets in turn until there are enough."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="by default all")
    parser.add_argument("--count", type=int, default=1_000_000, help="inputs of each target in this run")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--chapters", type=int, default=sys.maxsize, help="chapters of each target")
    parser.add_argument("--first", type=int, default=0, help="number of the first chapter")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--no-ledger", action="store_true", help="do not enter what passed")
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    ledger, done, number = Ledger(), dict.fromkeys(names, 0), options.first
    end = time.monotonic() + options.seconds
    while number < options.first + options.chapters and time.monotonic() < end:
        open_names = [name for name in names if done[name] < options.count]
        if not open_names:
            break
        for name in open_names:
            is_traced = number % TRACED_EVERY == TRACED_EVERY // 2
            count = chapter(name, options.seed, number, is_traced=is_traced)
            done[name] += count
            if not options.no_ledger:
                ledger.enter(name, options.seed, count)
        sums = ", ".join(f"{name} {count:,}" for name, count in done.items())
        print(f"{sums}; ledger {ledger.total:,}; resident at most {resident_kib() // 1024} MiB", flush=True)
        number += 1
    print(f"survived {sum(done.values()):,} inputs in this run, {ledger.total:,} by the ledger", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
