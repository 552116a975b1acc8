"""Faults by turns: each is done to somebody or to everybody on the stage, and undone again."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from bed.actor import Actor
from bed.stage import NEAR, Stage
from meshcast.protocol.units import MILLISECOND
from meshcast.transport.fabric import BLACK_HOLE, Conditions

Undo: TypeAlias = Callable[[], Awaitable[None]]
Fault: TypeAlias = Callable[[Stage, random.Random], Undo]
"""Do harm now; what is returned undoes it."""

SLOW_BYTES_S: Final = 5_000
"""Less than one copy of the programme at 64 kbit/s takes."""


@dataclass(frozen=True)
class Turn:
    """A fault, and for how long."""

    name: str
    begin: Fault
    seconds: float


def weather(conditions: Conditions) -> Fault:
    """Let every path be so."""

    def begin(stage: Stage, _: random.Random) -> Undo:
        stage.fabric.weather(conditions)

        async def undo() -> None:
            stage.fabric.weather(NEAR)

        return undo

    return begin


def slow_host(stage: Stage, chance: random.Random) -> Undo:
    """Let one peer's downlink be too narrow for the programme."""
    host = _somebody(stage, chance).address[0]
    stage.fabric.downlink(host, Conditions(rate_bytes_s=SLOW_BYTES_S))

    async def undo() -> None:
        stage.fabric.downlink(host, None)

    return undo


def one_way(stage: Stage, chance: random.Random) -> Undo:
    """Let nothing that a peer sends reach its parent, while it goes on hearing it."""
    child = _somebody(stage, chance)
    parent = next((one for one in stage.actors.values() if one.key == child.peer.uplink.parent), child)
    path = child.address[0], parent.address[0]
    stage.fabric.between(*path, BLACK_HOLE)

    async def undo() -> None:
        stage.fabric.between(*path, None)

    return undo


def blackout(stage: Stage, _: random.Random) -> Undo:
    """Let nothing through anywhere."""
    return weather(BLACK_HOLE)(stage, _)


def partition(stage: Stage, chance: random.Random) -> Undo:
    """Part a third of the peers from everybody else, the tracker included."""
    hosts = [one.address[0] for one in stage.actors.values()]
    parted = [one.address[0] for one in stage.peers() if chance.random() < 1 / 3]
    stage.fabric.partition(parted, [host for host in hosts if host not in parted])

    async def undo() -> None:
        stage.fabric.heal()

    return undo


def frozen(stage: Stage, chance: random.Random) -> Undo:
    """Let one process stand still."""
    return _still(stage, _somebody(stage, chance).name, stage.freeze, stage.thaw)


def suspended(stage: Stage, chance: random.Random) -> Undo:
    """Let one machine sleep."""
    return _still(stage, _somebody(stage, chance).name, stage.suspend, stage.wake)


def rebound(stage: Stage, chance: random.Random) -> Undo:
    """Let one peer's NAT forget it."""
    stage.rebind(_somebody(stage, chance).name)
    return _nothing


def no_tracker(stage: Stage, _: random.Random) -> Undo:
    """Kill the tracker; another goes on with what it has kept."""
    stage.kill("tracker")

    async def undo() -> None:
        await stage.start_tracker()

    return undo


def new_keys(stage: Stage, _: random.Random) -> Undo:
    """Let every connection change its keys."""
    for one in stage.actors.values():
        if one.links is not None:
            one.links.update_keys()
    return _nothing


TURNS: Final = (
    Turn("loss", weather(replace(NEAR, loss=0.05)), 8),
    Turn("jitter", weather(replace(NEAR, jitter_us=80 * MILLISECOND)), 8),
    Turn("reordering", weather(replace(NEAR, reordering=0.2)), 8),
    Turn("duplication", weather(replace(NEAR, duplication=0.3)), 8),
    Turn("blackout", blackout, 1),
    Turn("new keys", new_keys, 1),
    Turn("partition", partition, 6),
    Turn("one way", one_way, 6),
    Turn("slow host", slow_host, 8),
    Turn("frozen", frozen, 9),
    Turn("suspended", suspended, 9),
    Turn("rebound", rebound, 1),
    Turn("no tracker", no_tracker, 6),
)


def _somebody(stage: Stage, chance: random.Random) -> Actor:
    return chance.choice(stage.peers())


def _still(stage: Stage, name: str, stop: Callable[[str], None], go_on: Callable[[str], None]) -> Undo:
    stop(name)

    async def undo() -> None:
        if name in stage.actors:
            go_on(name)

    return undo


async def _nothing() -> None:
    """Leave it as it is."""
