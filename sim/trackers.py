"""The trackers of a world: the product's, which know the regions of the geography that the world has."""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

from meshcast.protocol.identity import Identity
from meshcast.protocol.machine import Dice
from meshcast.protocol.units import Micros
from sim.distances import Distances
from sim.geography import Geography
from sim.papers import remembered
from sim.process import Runs
from tracker.overlay.machine import TrackerMachine

MakeTracker: TypeAlias = Callable[[Identity, Dice, Micros, int], Runs]
"""Make a tracker's machine of an identity, chance, a wall offset and a term."""


def make_tracker(
    identity: Identity,
    dice: Dice,
    wall_offset_us: Micros,
    term: int,
    nearest_regions: Sequence[Sequence[int]] | None = None,
    kind: type[TrackerMachine] = TrackerMachine,
    *,
    by_delay: bool = False,
) -> TrackerMachine:
    """Make the tracker that the product runs; the regions are those of the geography that ships, if nothing is said."""
    return kind(
        identity,
        dice,
        wall_offset_us=wall_offset_us,
        term=term,
        nearest_regions=nearest_regions or _nearest_regions(),
        by_delay=by_delay,
        check=remembered,
    )


def maker(
    geography: Distances | None, kind: type[TrackerMachine] = TrackerMachine, *, by_delay: bool = False
) -> MakeTracker:
    """Make trackers that know a geography's regions; those of the one that ships, without one."""
    nearest_regions = geography.nearest_regions() if geography is not None else None
    return functools.partial(make_tracker, nearest_regions=nearest_regions, kind=kind, by_delay=by_delay)


@functools.cache
def _nearest_regions() -> tuple[tuple[int, ...], ...]:
    """Give the regions' distances from each other, worked out once."""
    return Geography().nearest_regions()
