"""What the tests of flow fidelity share: meshes put together by hand, and small runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.flow.calendar import Calendar
from sim.flow.flow import Flow
from sim.flow.mesh import SOURCE, Mesh
from sim.flow.orphan import Orphan
from sim.flow.orphans import Orphans
from sim.flow.sound import Sound
from sim.scenario import Fidelity, Law, Scenario, Sessions, Wave
from tracker.overlay.columns import NOBODY, ORIGIN

WAY_US = 10 * MILLISECOND
CITIES = 100
CHUNK_US = 100 * MILLISECOND


@dataclass
class Stand:
    """A few peers, each in a city of its own, and what happens around them."""

    found: list[tuple[Micros, int, int]] = field(default_factory=list)
    """Orphans that have found a parent: when, who, whom."""
    sought: list[tuple[Micros, int]] = field(default_factory=list)
    """Orphans for whom the tracker looked: when, who."""

    def __post_init__(self) -> None:
        self.mesh = Mesh([[WAY_US] * CITIES for _ in range(CITIES)])
        self.calendar = Calendar()
        self.sound = Sound(self.mesh, CHUNK_US, 3600 * SECOND)
        self.orphans = Orphans(self.mesh, self.sound, self.calendar, self._found, self._sought, lambda _: 0)
        self.mesh.enter(ORIGIN, capacity=4, city=0, access_us=0, role=SOURCE)
        self.mesh.rank[ORIGIN] = 0

    def far(self, one: int, other: int, way_us: Micros) -> None:
        """Put two peers further apart, or closer together."""
        ways_us = self.mesh.ways_us
        ways_us[one * CITIES + other] = ways_us[other * CITIES + one] = way_us

    def seat(self, node: int, parent: int, *, capacity: int = 2, role: int = int(Role.LISTENER)) -> None:
        """Let a peer hear from another since the beginning."""
        mesh = self.mesh
        mesh.enter(node, capacity=capacity, city=node, access_us=0, role=role)
        if parent == NOBODY:
            return
        mesh.link(node, parent)
        mesh.attached_at[node] = 0
        mesh.rank[node] = max(mesh.rank[parent] + 1, 3)
        mesh.lag_us[node] = mesh.base_us[node] = mesh.lag_us[parent] + mesh.delay_us(parent, node)
        self.sound.begin(node, self.calendar.now)

    def crowd(self, parent: int, *, but: int = 0) -> None:
        """Fill a peer's places, emergencies included, but for so many."""
        while self.mesh.room(parent) > but:
            self.seat(next(one for one in range(20, CITIES) if not self._has_been(one)), parent, capacity=0)

    def _has_been(self, node: int) -> bool:
        alive = self.mesh.alive
        return node < len(alive) and (alive[node] > 0 or self.mesh.generation[node] > 0)

    def stand_by(self, node: int, *standbys: int) -> None:
        """Give a peer warm standbys."""
        for one in standbys:
            assert self.mesh.take_standby(node, one, 0)

    def kill(self, victim: int, *, begins: bool = True) -> list[int]:
        """Let a peer die now, and its children look for others at once; give them."""
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        newest, uncles = sound.newest(victim, now), self.orphans.uncles.known(victim)
        sound.go(victim, now)
        self.orphans.forget(victim)
        heads, _ = mesh.leave(victim)
        for head in heads:
            sound.have[head] = max(newest, sound.have.get(head, -1))
            if begins:
                self.orphans.begin(head, now, unheard_since=now, uncles=uncles)
        return heads

    def _found(self, orphan: Orphan, parent: int, now: Micros) -> None:
        self.found.append((now, orphan.node, parent))

    def _sought(self, orphan: Orphan, generation: int) -> None:
        assert generation == self.mesh.generation[orphan.node]
        self.sought.append((self.calendar.now, orphan.node))


@pytest.fixture
def stand() -> Stand:
    """Give an origin of four places with nobody under it."""
    return Stand()


@pytest.fixture
def seated() -> Callable[..., Stand]:
    """Seat peers of two places each (or as many as said) under the parents that a script names."""

    def make(parents: Mapping[int, int], capacities: Mapping[int, int] | None = None) -> Stand:
        stand = Stand()
        for node, parent in parents.items():
            stand.seat(node, parent, capacity=(capacities or {}).get(node, 2))
        return stand

    return make


@pytest.fixture
def flow_of() -> Callable[..., Flow]:
    """Make a run of so many listeners who come within ten seconds."""

    def make(peers: int = 200, *, seed: int | str = 1, lives_s: int = 0, **settings: Any) -> Flow:
        sessions = Sessions(Law.LOG_NORMAL, median_us=lives_s * SECOND) if lives_s else Sessions()
        usual: dict[str, Any] = {
            "duration_us": 120 * SECOND,
            "origin_capacity": 8,
            "waves": (Wave(peers, over_us=10 * SECOND),),
        }
        return Flow(Scenario("small", fidelity=Fidelity.FLOW, sessions=sessions, **usual | settings), seed)

    return make
