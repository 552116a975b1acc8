"""A measured matrix of round trips as geography: the same questions as the model of the project answers, from a file.

The matrix is a CSV, gzipped or not, with the columns `src, dst, avg_ms` (city numbers, and a mean round trip in
milliseconds); next to it lie `*_cities.csv` (`id, city`) and, if at all, `*_city_meta.csv` (`city, Lat, Long,
Population`), found by the matrix's own name with `_rtt` replaced. Of two directions the quicker counts. A pair that was
never measured goes over a third city. Landmarks are chosen for the audience: each next one where it spares most.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, Micros
from sim.cities import Continent
from sim.geography import AUDIENCE, CITY_US

LANDMARKS_MAX: Final = 48
PEOPLE_MIN: Final = 50_000
"""What a city of unknown size counts as."""
UNKNOWN_US: Final = 1 << 40


class Matrix:
    """One-way delays between the cities of a file, by their numbers there."""

    def __init__(self, path: Path, landmarks: int = LANDMARKS_MAX) -> None:
        self.names = [row["city"] for row in _rows(_beside(path, "_cities"))]
        self._delays_us = _read_delays(path, len(self.names))
        _fill(self._delays_us)
        found = _where(self.names, _beside(path, "_city_meta"))
        self._continents = [continent for continent, _ in found]
        weights = _weights(found)
        self._cumulative = list(accumulate(weights))
        self.landmarks = self._choose(weights, landmarks)

    @property
    def places(self) -> int:
        """How many cities there are."""
        return len(self.names)

    def continent(self, city: int) -> str:
        """Name the continent of a city."""
        return self._continents[city].value

    def draw(self, chance: Random) -> int:
        """Draw a listener's city."""
        return self.draw_many(chance, 1)[0]

    def draw_many(self, chance: Random, count: int) -> list[int]:
        """Draw so many listeners' cities: as `draw` would, one after another."""
        return chance.choices(range(len(self.names)), cum_weights=self._cumulative, k=count)

    def number(self, name: str) -> int:
        """Give the number of a city."""
        if name not in self.names:
            raise BadInputError(f"the matrix has no city {name!r}: name one of its cities file")
        return self.names.index(name)

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two cities, one way, without access."""
        return self._delays_us[one][other]

    def landmark_rtts_us(self, city: int, last_mile_us: Micros) -> tuple[Micros, ...]:
        """Give the round trips from a peer to the landmarks."""
        row = self._delays_us[city]
        return tuple(2 * (row[mark] + last_mile_us) for mark in self.landmarks)

    def nearest_regions(self) -> tuple[tuple[int, ...], ...]:
        """Give, for each region, all regions by distance, itself first."""
        marks = self.landmarks
        return tuple(
            tuple(
                sorted(
                    range(len(marks)),
                    key=lambda other: (other != one, self._delays_us[marks[one]][marks[other]]),
                )
            )
            for one in range(len(marks))
        )

    def _choose(self, weights: list[float], count: int) -> tuple[int, ...]:
        """Choose landmarks greedily: the city that brings the audience nearest to its nearest landmark."""
        cities = range(len(self.names))
        nearest_us = [UNKNOWN_US] * len(self.names)
        chosen: list[int] = []
        for _ in range(min(count, len(self.names))):
            best = min(
                (one for one in cities if one not in chosen),
                key=lambda one: sum(
                    weight * min(near, way)
                    for weight, near, way in zip(weights, nearest_us, self._delays_us[one], strict=True)
                ),
            )
            chosen.append(best)
            nearest_us = [min(near, way) for near, way in zip(nearest_us, self._delays_us[best], strict=True)]
        return tuple(chosen)


def _beside(path: Path, suffix: str) -> Path:
    """Name the file that goes with a matrix."""
    return path.with_name(
        path.name.removesuffix(".gz").removesuffix(".csv").removesuffix("_rtt") + f"{suffix}.csv"
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV with a header line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read ({error.strerror}): name the matrix's own file"
        ) from error
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    yield from csv.DictReader(io.StringIO(text))


def _read_delays(path: Path, cities: int) -> list[list[Micros]]:
    """Read the matrix: half a round trip, in the quicker direction; the floor of a city within itself."""
    delays = [[UNKNOWN_US] * cities for _ in range(cities)]
    for line, row in enumerate(_rows(path), 2):
        try:
            one, other, rtt_ms = int(row["src"]), int(row["dst"]), float(row["avg_ms"])
            way = max(CITY_US, round(rtt_ms * MILLISECOND / 2))
            delays[one][other] = delays[other][one] = min(way, delays[one][other])
        except (KeyError, ValueError, IndexError) as error:
            raise BadInputError(f"{path}, line {line}: expected src, dst, avg_ms of known cities") from error
    for city in range(cities):
        delays[city][city] = 2 * CITY_US
    return delays


def _fill(delays: list[list[Micros]]) -> None:
    """Give pairs that were never measured the best way over a third city."""
    for one, row in enumerate(delays):
        for other, way in enumerate(row[:one]):
            if way == UNKNOWN_US:
                over = min(x + y for x, y in zip(row, delays[other], strict=True))
                row[other] = delays[other][one] = over


def _where(names: list[str], path: Path) -> list[tuple[Continent, float]]:
    """Give each city's continent and people; one of which nothing is known has nobody."""
    known = {row["city"]: row for row in _rows(path)}
    places = []
    for name in names:
        row = known.get(name)
        if row is None:
            places.append((Continent.NORTH_AMERICA, 0.0))
            continue
        people = float(row["Population"] or 0)
        places.append((_continent(float(row["Lat"]), float(row["Long"])), max(people, PEOPLE_MIN)))
    return places


def _weights(places: list[tuple[Continent, float]]) -> list[float]:
    """Weigh cities as the model does: continents by their share of the audience, cities within one by people."""
    total: dict[Continent, float] = {}
    for continent, people in places:
        total[continent] = total.get(continent, 0.0) + people
    return [AUDIENCE[continent] * people / total[continent] for continent, people in places]


def _continent(latitude: float, longitude: float) -> Continent:
    """Tell roughly on which continent a city lies."""
    if longitude < -30:
        return Continent.NORTH_AMERICA if latitude > 24 else Continent.LATIN_AMERICA
    if longitude > 110 and latitude < -8:
        return Continent.OCEANIA
    if latitude > 35 and longitude < 45:
        return Continent.EUROPE
    return Continent.AFRICA if longitude < 60 else Continent.ASIA
