"""Who comes: cities, last miles, places and lengths of stay, drawn in blocks for millions.

Every draw has a stream of its own, named after what it is for, and is made for the n-th peer whatever else happens.
"""

from collections import Counter
from typing import Final

import numpy as np

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, Micros
from sim.arrivals import Arrivals
from sim.chance import generator, stream
from sim.distances import Distances
from sim.flow.wishes import Wish
from sim.geography import ACCESS_DATA_CENTRE_US, FIXED_MS, MOBILE_MS
from sim.scenario import Crowd as Shares
from sim.scenario import Scenario
from sim.sessions import Stays

BLOCK: Final = 1 << 14
"""So many peers are drawn at once."""


class Crowd:
    """The listeners of one run, in the order in which they come."""

    def __init__(self, scenario: Scenario, seed: int | str, geography: Distances) -> None:
        self._scenario = scenario
        self._shares: Shares = scenario.crowd
        self.geography: Final = geography
        self.home: Final = geography.number(scenario.rtts.home)
        self.data_centre_us: Final = ACCESS_DATA_CENTRE_US
        cities = range(geography.places)
        self.city_delays_us: Final = [[geography.delay_us(one, other) for other in cities] for one in cities]
        self.nearest_regions: Final = geography.nearest_regions()
        landmarks = [geography.landmark_rtts_us(city, 0) for city in cities]
        self._landmarks = landmarks if scenario.rtts.by_delay else [() for _ in cities]
        self.region_of: Final = [min(range(len(rtts)), key=rtts.__getitem__) for rtts in landmarks]
        self.continent_of: Final = [geography.continent(city) for city in cities]
        self.closed: list[str] = []
        """Continents from which nobody comes at present."""
        self._seed = seed
        self._elsewhere = stream(seed, "cities instead of closed ones")
        self._cities = stream(seed, "cities of the flow")
        self._streams = {
            name: generator(seed, f"{name} of the flow") for name in ("access", "capacity", "mobile")
        }
        self._stays = Stays(scenario, seed)
        self._changes = Arrivals(scenario, seed).changes()
        self._drawn = 0
        self._block: list[tuple[int, int, int, int, int]] = []
        """City, access delay, capacity, stay, and whether it crashes, of the next listeners; the next one is the last."""

    def next_change(self) -> tuple[Micros, int] | None:
        """Give when the next one comes (+1) or goes (-1) because of the scenario's waves and curve."""
        return next(self._changes, None)

    def wish(self, now: Micros) -> Wish:
        """Give the next listener, who asks now."""
        if not self._block:
            self._block = self._draw()
        self._drawn += 1
        city, access_us, capacity, stays_us, crashes = self._block.pop()
        while self.closed and self.continent_of[city] in self.closed:
            city = self.geography.draw(self._elsewhere)
        return Wish(
            capacity,
            city,
            access_us,
            self.region_of[city],
            self._drawn,
            now,
            stays_us,
            bool(crashes),
            landmarks=self.measured_us(city, access_us) if self._landmarks[city] else (),
        )

    def measured_us(self, city: int, access_us: Micros) -> tuple[Micros, ...]:
        """Give the round trips that somebody there has measured to the landmarks."""
        twice = 2 * access_us
        return tuple([rtt + twice for rtt in self._landmarks[city]])

    def relays(self) -> list[Wish]:
        """Give the infrastructure relays: in the most populous city of each region, and then in the others."""
        if not self._scenario.relays:
            return []
        people = Counter(self.geography.draw(stream(self._seed, f"relay {number}")) for number in range(4096))
        order = [city for city, _ in people.most_common()]
        chosen: dict[int, int] = {}
        for city in order:
            chosen.setdefault(self.region_of[city], city)
        homes = [*chosen.values(), *order, *order]
        return [
            Wish(
                self._scenario.relay_capacity,
                city,
                self.data_centre_us,
                self.region_of[city],
                (1 << 40) + number,
                0,
                0,
                is_crashing=False,
                role=Role.RELAY,
                landmarks=self.measured_us(city, self.data_centre_us),
            )
            for number, city in enumerate(homes[: self._scenario.relays])
        ]

    # ---- details

    def _draw(self) -> list[tuple[int, int, int, int, int]]:
        """Draw one block of listeners, the first of them last."""
        shares, streams, cities = self._shares, self._streams, self._cities
        city = self.geography.draw_many(cities, BLOCK)
        serving = streams["capacity"].random(BLOCK) < shares.serving * _reachable(shares)
        capacity = np.where(serving, streams["capacity"].choice(shares.capacities, BLOCK, p=shares.shares), 0)
        mobile = streams["mobile"].random(BLOCK) < np.where(serving, *_mobile(shares))
        access = streams["access"].standard_normal(BLOCK)
        median_ms = np.where(mobile, MOBILE_MS[0], FIXED_MS[0])
        sigma = np.where(mobile, MOBILE_MS[1], FIXED_MS[1])
        access_us = np.rint(median_ms * np.exp(sigma * access) * MILLISECOND).astype(np.int64)
        stays_us, crashes = self._stays.take(BLOCK)
        columns = (city, access_us.tolist(), capacity.tolist(), stays_us.tolist(), crashes.tolist())
        return list(zip(*columns, strict=True))[::-1]


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
