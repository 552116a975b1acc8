"""What stories of peers begin with, and what they end with."""

from typing import Any

from meshcast.protocol.units import SECOND


def is_whole(sequences: list[int]) -> bool:
    return len(sequences) > 1 and sequences == list(range(sequences[0], sequences[-1] + 1))


def family(world: Any) -> None:
    """Make source -> mum -> (one child) with standbys one and two, also under the source, and let all hear."""
    world.add_origin()
    world.run(5 * SECOND)
    for name in ("mum", "one", "two"):
        world.join(name, "source")
    world.join("kid", "mum", "one", "two")
    world.run(3 * SECOND)
    assert world.parent("kid") == "mum"
    assert len(world.machines["kid"].uplink.standbys.warm()) == 2
