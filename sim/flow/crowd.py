"""Who comes: cities, last miles, places and lengths of stay, drawn in blocks for millions.

Every draw has a stream of its own, named after what it is for, and is made for the n-th peer whatever else happens.
"""

import hashlib
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, Micros
from sim.cities import CITIES
from sim.flow.desk import Wish
from sim.geography import FIXED_MS, MOBILE_MS, Geography, city_number
from sim.scenario import Crowd as Shares
from sim.scenario import Scenario

BLOCK: Final = 1 << 16
"""So many peers are drawn at once."""
ACCESS_DATA_CENTRE_US: Final = MILLISECOND // 2


def stream(seed: int | str, name: str) -> np.random.Generator:
    """Give the stream of chance of this name."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


class Crowd:
    """The listeners of one run, in the order in which they come."""

    def __init__(self, scenario: Scenario, seed: int | str) -> None:
        self._scenario = scenario
        self._shares: Shares = scenario.crowd
        geography = Geography()
        self.home: Final = city_number(scenario.rtts.home)
        self.data_centre_us: Final = ACCESS_DATA_CENTRE_US
        cities = range(len(CITIES))
        self.city_delays_us: Final = [[geography.delay_us(one, other) for other in cities] for one in cities]
        self.nearest_regions: Final = geography.nearest_regions()
        landmarks = [geography.landmark_rtts_us(city, 0) for city in cities]
        self.region_of: Final = [min(range(len(rtts)), key=rtts.__getitem__) for rtts in landmarks]
        self._weights = geography.weights
        self._streams = {
            name: stream(seed, f"flow/{name}") for name in ("city", "access", "capacity", "mobile", "crash")
        }
        self._arrivals = arrival_times(scenario, seed)
        self._stays = stream(seed, "sessions")
        self._drawn = 0
        self._at = BLOCK
        self._block: list[list[int]] = []

    # ---- arrivals

    def first_arrivals(self) -> list[tuple[Micros, int]]:
        """Give the first arrival, with its number."""
        return [(int(self._arrivals[0]), 0)] if len(self._arrivals) else []

    def next_arrival(self, serial: int) -> tuple[Micros, int] | None:
        """Give the arrival after this one."""
        following = serial + 1
        if following >= len(self._arrivals):
            return None
        return int(self._arrivals[following]), following

    def wanted(self, now: Micros) -> int:
        """Say how many listeners the scenario's curve wants now."""
        assert self._scenario.curve is not None
        points = self._scenario.curve.points
        return round(float(np.interp(now, [at for at, _ in points], [count for _, count in points])))

    # ---- who

    def wish(self, now: Micros) -> Wish:
        """Give the next listener, who asks now."""
        if self._at == BLOCK:
            self._block = self._draw()
            self._at = 0
        at = self._at
        self._at += 1
        self._drawn += 1
        city, access_us, capacity, stays_us, crashes = (column[at] for column in self._block)
        return Wish(
            capacity, city, access_us, self.region_of[city], self._drawn, now, stays_us, bool(crashes)
        )

    def relays(self) -> list[Wish]:
        """Give the infrastructure relays, one in each of the most populous cities of as many regions."""
        order = sorted(range(len(CITIES)), key=lambda city: -self._weights[city])
        chosen: dict[int, int] = {}
        for city in order:
            chosen.setdefault(self.region_of[city], city)
        homes = list(chosen.values()) + order
        return [
            Wish(
                self._scenario.relay_capacity,
                city,
                self.data_centre_us,
                self.region_of[city],
                (1 << 40) + number,
                0,
                -1,
                is_crashing=False,
                role=Role.RELAY,
            )
            for number, city in enumerate(homes[: self._scenario.relays])
        ]

    # ---- details

    def _draw(self) -> list[list[int]]:
        """Draw one block of listeners: cities, access delays, capacities, stays, and who crashes."""
        shares, streams = self._shares, self._streams
        weights = np.asarray(self._weights) / sum(self._weights)
        city = streams["city"].choice(len(CITIES), BLOCK, p=weights)
        serving = streams["capacity"].random(BLOCK) < shares.serving * _reachable(shares)
        capacity = np.where(serving, streams["capacity"].choice(shares.capacities, BLOCK, p=shares.shares), 0)
        mobile = streams["mobile"].random(BLOCK) < np.where(serving, *_mobile(shares))
        access = streams["access"].standard_normal(BLOCK)
        median_ms = np.where(mobile, MOBILE_MS[0], FIXED_MS[0])
        sigma = np.where(mobile, MOBILE_MS[1], FIXED_MS[1])
        access_us = np.rint(median_ms * np.exp(sigma * access) * MILLISECOND).astype(np.int64)
        stays_us = session_lengths(self._scenario, self._stays, BLOCK)
        crashes = streams["crash"].random(BLOCK) < self._scenario.sessions.crashing
        return [city.tolist(), access_us.tolist(), capacity.tolist(), stays_us.tolist(), crashes.tolist()]


def _reachable(shares: Shares) -> float:
    """Give the share of those that could serve who can be dialled."""
    return sum(share for kind, share in shares.nats if kind.is_dialled)


def _mobile(shares: Shares) -> tuple[float, float]:
    """Give the share on mobile links of those who serve, and of the others: who serves is on fixed lines first."""
    serving = shares.serving * _reachable(shares)
    if serving in (0.0, 1.0):
        return shares.mobile, shares.mobile
    fixed_left = max(0.0, 1.0 - shares.mobile - serving)
    short = max(0.0, serving - (1.0 - shares.mobile))
    return short / serving, 1.0 - fixed_left / (1.0 - serving)


def arrival_times(scenario: Scenario, seed: int | str) -> npt.NDArray[np.int64]:
    """Draw when the listeners of all waves come, in order."""
    times = [
        wave.at_us + np.sort(stream(seed, f"wave {n}").integers(0, max(1, wave.over_us), wave.peers))
        for n, wave in enumerate(scenario.waves)
    ]
    return np.sort(np.concatenate(times), kind="stable") if times else np.empty(0, np.int64)


def session_lengths(scenario: Scenario, chance: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """Draw how long so many listeners stay; -1 is forever."""
    law = scenario.sessions
    match law.law.value:
        case "log-normal":
            drawn = law.median_us * np.exp(law.sigma * chance.standard_normal(count))
        case "exponential":
            drawn = law.median_us / math.log(2) * chance.standard_exponential(count)
        case "pareto":
            drawn = law.median_us / 2 ** (1 / law.alpha) * (1 + chance.pareto(law.alpha, count))
        case "trace":
            drawn = chance.choice(np.asarray(law.trace_us, np.float64), count)
        case _:
            return np.full(count, -1, np.int64)
    lengths: npt.NDArray[np.int64] = np.rint(drawn).astype(np.int64)
    return lengths
