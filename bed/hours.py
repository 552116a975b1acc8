"""Hours: faults by turns while peers come and go, and whether anything grows or is left over.

What lives is looked at in calm moments, when as many peers are here as always: objects by type, of this project and of
the libraries that keep state for each connection, and the memory of the process. The warm-up is over when every kind of
fault has had its turn twice: by then whatever remembers a bounded number of things is full.
"""

import gc
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from bed.crowd import Casting, Ledger, gather, ledger
from bed.faults import TURNS
from bed.stage import NEAR, Stage, open_stage

TURN_S: Final = 20
"""From one fault to the next: nine seconds of it at most, and time to come to rest."""
CALM_S: Final = 40
"""A tracker forgets who died 35 s ago; then what lives is what should."""
WATCHED: Final = ("meshcast", "tracker", "aioquic", "trio", "bed")


@dataclass(frozen=True)
class Sample:
    """What lived at one calm moment."""

    at_s: float
    objects: int
    rss_bytes: int
    tasks: int
    connections: int
    most: tuple[tuple[str, int], ...]
    """The commonest types of the watched packages."""


@dataclass
class Hours:
    """What was found."""

    seed: int
    samples: list[Sample] = field(default_factory=list)
    """The first is of the end of the warm-up."""
    came: int = 0
    went: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    key_updates: int = 0
    """Ends of links that had new keys, and were up, a moment after every turn of them."""
    deaf: int = 0
    """Peers that did not hear at a calm moment."""
    ledger: Ledger = field(default_factory=Ledger)
    tasks_left: int = 0
    sockets_left: int = 0

    @property
    def growth(self) -> float:
        """Give how many objects live at the end, for each after the warm-up."""
        return self.samples[-1].objects / self.samples[0].objects

    @property
    def rss_growth(self) -> float:
        """Give the same for the process's memory."""
        return self.samples[-1].rss_bytes / self.samples[0].rss_bytes


async def hours(
    seed: int,
    seconds: float,
    cast: Casting,
    *,
    turns_between: int = len(TURNS),
    warm_up_turns: int = 2 * len(TURNS),
    pace: float = 1.0,
    tell: Callable[[Sample], None] = lambda _: None,
) -> Hours:
    """Go through all faults again and again for so long; look at what lives after each `turns_between`, and `tell`.

    `pace` shortens everything: for a test that only asks whether all of it can be gone through.
    """
    found, chance = Hours(seed), random.Random(f"{seed} hours")
    tasks_before = trio.lowlevel.current_statistics().tasks_living
    async with open_stage(NEAR, seed) as stage:
        await gather(stage, cast)
        end, number = trio.current_time() + seconds, 0
        while trio.current_time() < end or len(found.samples) < 2:
            await _turn(stage, number, chance, found, pace)
            number += 1
            if number % turns_between == 0 and number >= warm_up_turns:
                await trio.sleep(CALM_S * pace)
                found.deaf += sum(not one.peer.uplink.state.is_hearing for one in stage.peers())
                found.samples.append(_sample(stage))
                tell(found.samples[-1])
        found.ledger = ledger(stage)
        fabric = stage.fabric
    found.tasks_left = trio.lowlevel.current_statistics().tasks_living - tasks_before
    found.sockets_left = fabric.sockets
    return found


async def _turn(stage: Stage, number: int, chance: random.Random, found: Hours, pace: float) -> None:
    """Do one kind of harm, undo it, and let somebody go and somebody come."""
    turn = TURNS[number % len(TURNS)]
    undo = turn.begin(stage, chance)
    found.faults[turn.name] = found.faults.get(turn.name, 0) + 1
    await trio.sleep(turn.seconds * pace)
    if turn.name == "new keys":
        found.key_updates += sum(
            one.links.key_updates for one in stage.actors.values() if one.links is not None
        )
    await undo()
    name = chance.choice(sorted(one.name for one in stage.peers()))
    capacity = stage.actors[name].peer.member.capacity
    if chance.random() < 1 / 2:
        stage.kill(name)
    else:
        await stage.leave(name)
    found.went += 1
    await trio.sleep(pace)
    found.came += 1
    await stage.start_peer(f"newcomer-{found.came}", capacity=capacity)
    await trio.sleep((TURN_S - turn.seconds - 1) * pace)


def _sample(stage: Stage) -> Sample:
    """Look at what lives."""
    gc.collect()
    kinds = Counter(type(one) for one in gc.get_objects())
    ours = Counter(
        {f"{kind.__module__}.{kind.__qualname__}": count for kind, count in kinds.items() if _is_ours(kind)}
    )
    return Sample(
        at_s=trio.current_time(),
        objects=ours.total(),
        rss_bytes=rss_bytes(),
        tasks=trio.lowlevel.current_statistics().tasks_living,
        connections=sum(one.links.connections for one in stage.actors.values() if one.links is not None),
        most=tuple(ours.most_common(12)),
    )


def _is_ours(kind: type) -> bool:
    return str(kind.__module__).split(".")[0] in WATCHED


def rss_bytes() -> int:
    """Give the memory that the process holds now; 0 where the system does not say (it is Linux's /proc)."""
    if not sys.platform.startswith("linux"):
        return 0
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
