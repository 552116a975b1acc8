"""What a world asks of whatever says how far places are from each other: a model (`sim.geography`), or a measured matrix."""

from random import Random
from typing import Protocol

from meshcast.protocol.units import Micros


class Distances(Protocol):
    """Places by their numbers, and one-way delays between them."""

    @property
    def places(self) -> int:
        """How many places there are."""
        ...

    def number(self, name: str) -> int:
        """Give the number of a place; `BadInputError` if there is none of that name."""
        ...

    def continent(self, city: int) -> str:
        """Name the continent of a place, as `sim.cities.Continent` does."""
        ...

    def draw(self, chance: Random) -> int:
        """Draw where a listener is."""
        ...

    def draw_many(self, chance: Random, count: int) -> list[int]:
        """Draw where so many listeners are: as `draw` would, one after another."""
        ...

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two places, one way, without access."""
        ...

    def landmark_rtts_us(self, city: int, last_mile_us: Micros) -> tuple[Micros, ...]:
        """Give the round trips from a peer to the landmarks."""
        ...

    def nearest_regions(self) -> tuple[tuple[int, ...], ...]:
        """Give, for each region, all regions by distance, itself first."""
        ...
