"""Experiments: a world, a fault, and what the survivors missed."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.checkers import Checker, unsettled
from sim.process import Process
from sim.truth import depths, rank_of, relay_of, uplink_of
from sim.world import Settings, World

DELAYS_US: Final = (SECOND // 2, SECOND, 2 * SECOND, 4 * SECOND)
"""Buffers over a peer's own earliest transit, at which is counted what was missing."""
BEFORE_CHUNKS: Final = 5
"""A window begins a little before the fault: what was on its way then is part of it."""


@dataclass(slots=True)
class Outcome:
    """What a fault cost those who survived it."""

    seed: int | str
    survivors: int = 0
    chunks: int = 0
    """Chunks that were due at the survivors in the window, all together."""
    missing: dict[Micros, int] = field(default_factory=lambda: dict.fromkeys(DELAYS_US, 0))
    """Of these, those that had not come by media time + base + delay, for each delay."""
    worst_gap_us: Micros = 0
    """The longest time without a new chunk that a survivor had after the fault."""
    repairs_us: list[Micros] = field(default_factory=list)
    """From losing a parent to the Accept of another."""
    concealed: int = 0
    """Chunks that the machines themselves concealed, at their own delay."""
    ranks: Counter[int] = field(default_factory=Counter)
    depth_max: int = 0
    copies_before: int = 0
    """Children of the source before the fault."""
    copies_peak: int = 0
    copies_after: int = 0
    unsettled: list[str] = field(default_factory=list)
    """What was not as it must be at the end."""

    def ppm(self, delay_us: Micros) -> float:
        """Give the share of the survivors' audio that was missing, in parts per million."""
        return 1e6 * self.missing[delay_us] / max(1, self.chunks)


def settled_crowd(
    seed: int | str,
    *,
    peers: int,
    relays: int = 0,
    join_us: Micros = 20 * SECOND,
    settle_us: Micros = 10 * SECOND,
    settings: Settings | None = None,
    is_checked: bool = True,
) -> World:
    """Let a crowd come and settle. `relays` are infrastructure relays of 64 places; there are none by default."""
    world = World(seed, settings)
    if is_checked:
        Checker(world)
    world.run_for(SECOND)
    for _ in range(relays):
        world.add_peer(role=Role.RELAY, capacity=64)
    world.crowd(peers, join_us)
    world.run_for(join_us + settle_us)
    return world


def mass_crash(
    seed: int | str,
    *,
    peers: int = 200,
    share: float = 0.3,
    relays: int = 0,
    watch_us: Micros = 60 * SECOND,
    settings: Settings | None = None,
    is_checked: bool = True,
) -> Outcome:
    """Let a share of a settled crowd die in one instant, and see what the others miss in the time after it."""
    world = settled_crowd(seed, peers=peers, relays=relays, settings=settings, is_checked=is_checked)
    listeners = [peer for peer in world.living if peer.role is Role.LISTENER]
    victims = world.chance("crash").sample(listeners, round(share * len(listeners)))
    return crash(world, victims, watch_us)


def crash(world: World, victims: list[Process], watch_us: Micros) -> Outcome:
    """Kill these in one instant, and measure the rest."""
    outcome = Outcome(world.seed)
    outcome.copies_before = outcome.copies_peak = len(relay_of(world.source).children)

    def count_copies(process: Process) -> None:
        if process is world.source:
            outcome.copies_peak = max(outcome.copies_peak, len(relay_of(process).children))

    world.runner.watchers.append(count_copies)
    fault_at, first = world.now, max(1, world.broadcast.newest - BEFORE_CHUNKS)
    before = {peer.key: len(uplink_of(peer).search.repairs_us) for peer in world.living}
    world.faults.kill(*victims)
    world.run_for(watch_us)
    last = world.broadcast.newest
    # What was due shortly before the end must have had its time to come.
    world.run_for(max(DELAYS_US))
    measure(world, outcome, fault_at, (first, last))
    for peer in world.living:
        outcome.repairs_us += uplink_of(peer).search.repairs_us[before.get(peer.key, 0) :]
    outcome.copies_after = len(relay_of(world.source).children)
    outcome.unsettled = unsettled(world)
    return outcome


def measure(world: World, outcome: Outcome, fault_at: Micros, window: tuple[int, int]) -> None:
    """Count what each survivor that was hearing before the fault missed of the chunks of a window."""
    first, last = window
    for peer in world.living:
        base_us = peer.ear.base_us(first)
        if base_us is None:
            continue
        outcome.survivors += 1
        outcome.chunks += last - first + 1
        for delay_us in DELAYS_US:
            outcome.missing[delay_us] += world.broadcast.missing(peer.ear, base_us, delay_us, first, last)
        arrivals = sorted(at for at in peer.ear.arrivals.values() if at >= fault_at - 100 * MILLISECOND)
        gaps = (later - earlier for earlier, later in pairwise(arrivals))
        outcome.worst_gap_us = max(outcome.worst_gap_us, *gaps, 0)
        outcome.concealed += sum(at >= fault_at for at, _ in peer.ear.concealed)
        outcome.ranks[rank_of(peer)] += 1
    outcome.depth_max = max(depths(world).values(), default=0)
