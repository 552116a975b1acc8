"""Trials: what the bed proves, each a function of a seed, for the benchmarks at length and for the tests in short.

`hops`        Every path delays, jitters and loses; the tree is four deep or deeper. Then a third of the relays stand
              still in one instant, silently: their processes sleep, their links stay open.
`disorder`    5 % loss, and datagrams that overtake each other by more than three packets, which QUIC takes for loss.
"""

import random
from dataclasses import dataclass, field
from typing import Final

import trio

from bed.crowd import Casting, Ledger, depths, gather, ledger
from bed.ear import FOLD_US_MAX, RIPE_US, Ears, Score
from bed.stage import Stage, open_stage
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.transport.fabric import Conditions

HOPS: Final = Conditions(delay_us=40 * MILLISECOND, jitter_us=20 * MILLISECOND, loss=0.02)
"""50 +- 10 ms one way, and one packet in fifty lost."""
DISORDER: Final = Conditions(
    delay_us=30 * MILLISECOND,
    jitter_us=20 * MILLISECOND,
    loss=0.05,
    reordering=0.1,
    reordering_us=160 * MILLISECOND,
)
"""One packet in ten is overtaken by four of 40 ms: more than the three that QUIC bears (RFC 9002, section 6.1.1)."""
FOLD_S: Final = FOLD_US_MAX // SECOND // 2
RIPE_S: Final = RIPE_US / SECOND
AFTERMATH_S: Final = 60
IN_FLIGHT_S: Final = 1
"""What was sent so long before a fault is with everybody who is ever to have it without repair."""


@dataclass
class Findings:
    """What one trial has found."""

    seed: int
    score: Score = field(default_factory=Score)
    depth_max: int = 0
    relays: int = 0
    frozen: int = 0
    aftermath: Score = field(default_factory=Score)
    """The survivors', of what was sent in the minute after relays stood still."""
    orphans: int = 0
    """Survivors that hear from nobody at the end."""
    ledger: Ledger = field(default_factory=Ledger)
    """Of the calm time, before anything stood still."""
    worst_stretch: float = 0.0
    """The greatest share missing at 2 s in any ten seconds."""


async def hops(seed: int, seconds: float, cast: Casting = Casting(), *, freezes: bool = True) -> Findings:  # noqa: B008 - frozen
    """Let a crowd hear for so long over bad paths; then let a third of its relays stand still, for another minute."""
    found = Findings(seed)
    async with open_stage(HOPS, seed) as stage:
        await _calm(stage, cast, seconds, found)
        if freezes:
            await _freeze_a_third(stage, found)
    return found


async def disorder(seed: int, seconds: float, cast: Casting) -> Findings:
    """Let a crowd hear for so long while packets are lost and overtake each other."""
    found = Findings(seed)
    async with open_stage(DISORDER, seed) as stage:
        await _calm(stage, cast, seconds, found)
    return found


async def _calm(stage: Stage, cast: Casting, seconds: float, found: Findings) -> None:
    """Count what is missing while nothing happens but the weather."""
    await gather(stage, cast)
    ears, before = Ears(stage), ledger(stage)
    ears.listen()
    end = trio.current_time() + seconds + RIPE_S
    while trio.current_time() < end:
        await trio.sleep(min(FOLD_S, end - trio.current_time()))
        stretch = ears.fold()
        if stretch.due:
            found.worst_stretch = max(found.worst_stretch, stretch.missing_at(2 * SECOND) / stretch.due)
        found.score.add(stretch)
    found.depth_max = max(depths(stage).values(), default=0)
    found.relays = len(stage.relays())
    found.ledger = ledger(stage) - before


async def _freeze_a_third(stage: Stage, found: Findings) -> None:
    """Let a third of the relays stand still at once, and count what the others miss in the next minute."""
    ears = Ears(stage)
    ears.listen()
    await trio.sleep(RIPE_S)
    relays = sorted(one.name for one in stage.relays())
    victims = random.Random(f"{found.seed} victims").sample(relays, len(relays) // 3)
    chunk_us = stage.actors["source"].source.programme.chunk_us
    ears.skip(ears.newest - IN_FLIGHT_S * SECOND // chunk_us)
    last = ears.newest + AFTERMATH_S * SECOND // chunk_us
    for name in victims:
        stage.freeze(name)
    found.frozen = len(victims)
    while ears.ripe < last:
        await trio.sleep(FOLD_S)
        found.aftermath.add(ears.fold(min(ears.ripe, last)))
    found.orphans = sum(not one.peer.uplink.state.is_hearing for one in stage.peers())
