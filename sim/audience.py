"""The listeners of a scenario: who comes, how long each stays, how it goes, and who comes in its place."""

from random import Random
from typing import Final

from meshcast.protocol.events import Event
from meshcast.protocol.limits import CHILDREN_MAX, HANDOVER_US_MAX
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import HOUR, SECOND, Micros, PeerId
from sim.arrivals import Arrivals
from sim.attacks import CROOKS, Ring, crook
from sim.clocks import DRIFT_PPM_MAX, Clock
from sim.gauges import Gauges
from sim.hearing import Hearing
from sim.listener import Listener
from sim.metrics import Ear
from sim.process import NEVER, Process
from sim.scenario import Crowd, Fault, FaultKind, Scenario
from sim.sessions import Stays
from sim.world import ORDINARY, Oddity, World

BORN: Final = (*CROOKS, FaultKind.LIARS, FaultKind.CLOCK_SKEW)
"""Faults that a listener has from its birth."""
HEADROOM: Final = 1.25
"""A line carries a little more than the copies that its owner promises: pulls and refills pass through it too."""
REDRAWS_MAX: Final = 100


class Gone:
    """The machine of a process that has ended: it does nothing, and what it held is free."""

    def handle(self, event: Event, now: Micros) -> list[object]:  # noqa: ARG002 - the shape of a machine
        """Do nothing."""
        return []

    def deadline(self) -> Micros | None:
        """Never wake."""
        return None


GONE: Final = Gone()


class Audience:
    """Lets listeners come and go."""

    def __init__(self, world: World, scenario: Scenario, gauges: Gauges, opens_at: Micros) -> None:
        self._world = world
        self._scenario = scenario
        self._gauges = gauges
        self._opens_at = opens_at
        self._people = world.chance("audience")
        self._stays = world.chance("sessions")
        self._odd = world.chance("oddities")
        self._rings: dict[FaultKind, Ring] = {}
        self._due = [(fault, [self._odd.random()]) for fault in scenario.faults if fault.kind in BORN]
        self.closed: list[str] = []
        """Continents from which nobody comes."""
        self.cut: dict[str, int] = {}
        """Continents that are cut off, and the side that they are on."""
        self._lives = Stays(scenario, world.seed)
        world.runner.undertakers.append(self._bury)
        for at, step in Arrivals(scenario, world.seed).changes():
            world.scheduler.at(opens_at + at, self._change, step)

    @property
    def living(self) -> list[Listener]:
        """The listeners that are there."""
        return list(self._gauges.listeners.values())

    def draw(self, share: float, chance: Random, *, continent: str = "") -> list[Listener]:
        """Draw a share of the listeners that are there; of a continent, all where no share is said."""
        there = [one for one in self.living if not continent or self._continent(one) == continent]
        return chance.sample(there, round((share or float(bool(continent))) * len(there)))

    def come(self) -> Listener:
        """Let one listener come."""
        world, crowd = self._world, self._scenario.crowd
        able = capacity(crowd, self._people)
        oddity, fault = self._oddity(able)
        process = world.add_peer(capacity=able, city=self._city(), oddity=oddity)
        process.ear = hearing = Hearing(world.runs)
        process.side = self.cut.get(world.geography.continent(process.city), 0)
        if fault is not None and fault.kind is FaultKind.LIARS:
            world.faults.narrow(process, max(able, 0.5) * HEADROOM * SECOND / self._scenario.chunk_us, None)
        listener = Listener(process, hearing, world.now)
        self._gauges.came(listener)
        stay_us, is_crash = self._lives.draw()
        if stay_us is not None:
            world.scheduler.at(world.now + stay_us, self._leave, process.key, is_crash)
        return listener

    def go(self, listener: Listener, *, is_crash: bool) -> None:
        """Let one go, if it is still there."""
        process, world = listener.process, self._world
        if not process.is_alive:
            return
        self._gauges.goes(listener, is_crash=is_crash)
        process.ear = Ear()
        if is_crash:
            self._bury(process)
        else:
            world.faults.leave(process)
            world.scheduler.at(world.now + HANDOVER_US_MAX + SECOND, self._bury, process)

    # ---- details

    def _bury(self, process: Process) -> None:
        """See to it that one is dead, and keep nothing of it."""
        if process.is_alive:
            self._world.faults.kill(process)
        process.machine = GONE
        process.inbox.clear()

    def _change(self, step: int) -> None:
        """Let one come, or one of those who are there go."""
        if step > 0:
            self.come()
        elif self._gauges.listeners:
            is_crash = self._stays.random() < self._scenario.sessions.crashing
            self.go(self._stays.choice(self.living), is_crash=is_crash)

    def _leave(self, key: PeerId, is_crash: bool) -> None:  # noqa: FBT001 - called by the scheduler
        """Let one go whose time is up, and another come."""
        listener = self._gauges.listeners.get(key)
        if listener is None:
            return
        self.go(listener, is_crash=is_crash)
        if self._scenario.sessions.replaced:
            self.come()

    def _continent(self, listener: Listener) -> str:
        """Name a listener's continent."""
        return self._world.geography.continent(listener.process.city)

    def _city(self) -> int:
        """Draw where a newcomer is."""
        geography = self._world.geography
        city = geography.draw(self._people)
        for _ in range(REDRAWS_MAX):
            if geography.continent(city) not in self.closed:
                break
            city = geography.draw(self._people)
        return city

    def _oddity(self, able: int) -> tuple[Oddity, Fault | None]:
        """Say what is odd about the next newcomer: of each odd kind comes exactly its share, evenly spread."""
        found: Fault | None = None
        for fault, due in self._due:
            due[0] += fault.share
            if due[0] >= 1.0 and found is None:
                due[0] -= 1.0
                found = fault
        if found is None:
            return ORDINARY, None
        if found.kind is FaultKind.LIARS:
            claims = min(CHILDREN_MAX, round(max(1, able) * found.factor))
            return Oddity(PeerMachine, claims, is_hostile=True), found
        if found.kind is FaultKind.CLOCK_SKEW:
            clock = Clock(
                self._odd.randrange(720 * HOUR), self._odd.randrange(-DRIFT_PPM_MAX, DRIFT_PPM_MAX + 1)
            )
            error_us = self._odd.randrange(-found.delay_us, found.delay_us + 1)
            return Oddity(clock=clock, wall_error_us=error_us), found
        wakes_at = self._opens_at + found.at_us
        until = wakes_at + found.for_us if found.for_us else NEVER
        ring = self._rings.setdefault(found.kind, Ring())
        return Oddity(crook(found, ring, wakes_at, until), is_hostile=True), found


def capacity(crowd: Crowd, chance: Random) -> int:
    """Draw how many children a newcomer can carry: none, where nobody can dial it."""
    is_able = chance.random() < crowd.serving
    (nat,) = chance.choices([kind for kind, _ in crowd.nats], [share for _, share in crowd.nats])
    (able,) = chance.choices(crowd.capacities, crowd.shares)
    return able if is_able and nat.is_dialled else 0
