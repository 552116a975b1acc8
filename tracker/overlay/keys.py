"""Bags by region and rank: how a bag is named."""

from typing import Final

from meshcast.protocol.limits import RANK_LISTENER_MIN, RANK_MAX

RANK_BITS: Final = 6
RANK_MASK: Final = (1 << RANK_BITS) - 1
LEVELS: Final = RANK_MASK + 1
LEVEL_MASK: Final = RANK_MASK
"""Where bags are kept by lag, its levels stand for the ranks."""
REGIONS_MAX: Final = 256
"""48 regions by landmarks are planned; a region fits a byte."""
NOWHERE: Final = -1
"""The key of a node that is in no bag, and of a bag that does not exist."""
WINDOW_RANK_MIN: Final = RANK_LISTENER_MIN + 3
"""From this rank on one's own region may be one rank deeper than the best: in a tree this deep a hop across the world
costs more than a level; in a small one the depth is everything, and must be least."""

assert RANK_MAX <= RANK_MASK
assert REGIONS_MAX << RANK_BITS < 2**15, "a key fits two bytes"


def key_of(region: int, rank: int) -> int:
    """Name the bag of a region and a rank."""
    return region << RANK_BITS | rank
