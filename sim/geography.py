"""How far peers are from each other: great circles at two thirds of the speed of light, detours, and the last mile.

Cables do not follow great circles, and routes do not follow cables: each pair of cities has a detour of its own, drawn
once from the pair's names, so that it is the same in every world and every process. Within a city there is a floor. Each
peer adds the delay of its access: a fixed line's median is 5 ms one way, a mobile link's 20 ms.
"""

import hashlib
import math
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Final

from meshcast.protocol.units import MILLISECOND, Micros
from sim.cities import CITIES, City, Continent

EARTH_KM: Final = 6_371.0
KM_PER_MS: Final = 299.792 * 2 / 3
"""Light in glass."""
DETOUR_MEDIAN: Final = 1.8
DETOUR_SIGMA: Final = 0.25
DETOUR_MIN: Final = 1.1
LANDMARKS: Final = (
    "New York", "Los Angeles", "Chicago", "Dallas", "Miami", "Seattle", "Toronto", "London", "Paris", "Frankfurt",
    "Madrid", "Stockholm", "Warsaw", "Istanbul", "Moscow", "Dubai", "Delhi", "Mumbai", "Singapore", "Hong Kong",
    "Tokyo", "Seoul", "Sydney", "Mexico City", "Sao Paulo", "Lima", "Lagos", "Johannesburg",
)  # fmt: skip
"""Where round trips are measured to; the nearest one is a peer's region."""
CITY_US: Final = 500
"""One way from a city's edge to its exchange and back out."""
FIXED_MS: Final = (5.0, 0.6)
MOBILE_MS: Final = (20.0, 0.5)
"""Median and sigma of the access delay one way, log-normal."""
ACCESS_DATA_CENTRE_US: Final[Micros] = MILLISECOND // 2
"""The access delay one way in a data centre: the origin, the tracker, relays."""

AUDIENCE: Final = {
    Continent.NORTH_AMERICA: 0.50,
    Continent.EUROPE: 0.24,
    Continent.ASIA: 0.14,
    Continent.LATIN_AMERICA: 0.06,
    Continent.AFRICA: 0.04,
    Continent.OCEANIA: 0.02,
}
"""Who listens to a programme in English from the United States; within a continent by people."""


class Geography:
    """One-way delays between cities, by their numbers in `CITIES`."""

    def __init__(self, audience: dict[Continent, float] | None = None) -> None:
        shares = audience or AUDIENCE
        people: dict[Continent, int] = {}
        for city in CITIES:
            people[city.continent] = people.get(city.continent, 0) + city.people
        weights = [shares.get(one.continent, 0.0) * one.people / people[one.continent] for one in CITIES]
        self._cumulative = list(accumulate(weights))
        self._delays_us: dict[int, Micros] = {}
        self.landmarks = tuple(city_number(name) for name in LANDMARKS)

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(CITIES)

    def number(self, name: str) -> int:
        """Give the number of a place."""
        return city_number(name)

    def continent(self, city: int) -> str:
        """Name the continent of a place."""
        return CITIES[city].continent.value

    def draw(self, chance: Random) -> int:
        """Draw a listener's city."""
        return self.draw_many(chance, 1)[0]

    def draw_many(self, chance: Random, count: int) -> list[int]:
        """Draw so many listeners' cities: as `draw` would, one after another."""
        return chance.choices(range(len(CITIES)), cum_weights=self._cumulative, k=count)

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two cities, one way, without access."""
        pair = min(one, other) * len(CITIES) + max(one, other)
        known = self._delays_us.get(pair)
        if known is None:
            known = self._delays_us[pair] = delay_us(CITIES[min(one, other)], CITIES[max(one, other)])
        return known

    def landmark_rtts_us(self, city: int, last_mile_us: Micros) -> tuple[Micros, ...]:
        """Give the round trips from a peer to the landmarks."""
        return tuple(2 * (self.delay_us(city, mark) + last_mile_us) for mark in self.landmarks)

    def nearest_regions(self) -> tuple[tuple[int, ...], ...]:
        """Give, for each region, all regions by distance, itself first."""
        marks = self.landmarks
        return tuple(
            tuple(
                sorted(
                    range(len(marks)),
                    key=lambda other: (other != one, self.delay_us(marks[one], marks[other])),
                )
            )
            for one in range(len(marks))
        )


def access_us(chance: Random, *, is_mobile: bool) -> Micros:
    """Draw the delay of a peer's access, one way."""
    median_ms, sigma = MOBILE_MS if is_mobile else FIXED_MS
    return round(chance.lognormvariate(math.log(median_ms), sigma) * MILLISECOND)


def distance_km(one: City, other: City) -> float:
    """Give the great circle between two cities."""
    phi, psi = math.radians(one.latitude), math.radians(other.latitude)
    across = math.sin((psi - phi) / 2) ** 2
    along = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, across + math.cos(phi) * math.cos(psi) * along)))


def detour(one: City, other: City) -> float:
    """Give how much longer than the great circle the way between two cities is: log-normal, fixed for each pair."""
    names = "/".join(sorted((one.name, other.name)))
    drawn = int.from_bytes(hashlib.blake2b(names.encode(), digest_size=6).digest(), "big")
    normal = NormalDist().inv_cdf((drawn + 0.5) / 2**48)
    return max(DETOUR_MIN, DETOUR_MEDIAN * math.exp(DETOUR_SIGMA * normal))


def delay_us(one: City, other: City) -> Micros:
    """Give the one-way delay between two cities, without access."""
    way_ms = distance_km(one, other) / KM_PER_MS * detour(one, other)
    return 2 * CITY_US + round(way_ms * MILLISECOND)


def city_number(name: str) -> int:
    """Give the number of a city."""
    return next(number for number, city in enumerate(CITIES) if city.name == name)
