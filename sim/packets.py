"""A scenario in packets fidelity: every chunk, beat and message is an event, and every machine is the product's.

The origin, the tracker and the relays are there two seconds before the doors open; a scenario's time begins when they do.
Promises are watched throughout. One that is broken becomes a violation, with when it was and how to see it again, and the
run goes on; what is broken in the same way again is counted. After a few dozen, or a thousand in all, it stops, for then
the figures mean nothing any more.
"""

import gc
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from meshcast.protocol.errors import BadInputError, LocalProtocolError
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Micros
from sim.audience import Audience
from sim.checkers import Checker
from sim.distances import Distances
from sim.gauges import Gauges
from sim.measures import Clock, Measures
from sim.mishaps import Mishaps
from sim.population import Population
from sim.scenario import Scenario
from sim.timed_tracker import Ledger, timed
from sim.world import Settings, World

OPENS_AT_US: Final = 2 * SECOND
"""The world's time when the doors open: relays need a place first."""
RELAYS_AT_US: Final = SECOND
VIOLATIONS_MAX: Final = 40
COLLECT: Final = (100_000, 20, 50)
BREACHES_MAX: Final = 1_000
NUMBERS: Final = re.compile(r"\b\d+(?:, \d+)*\b")
"""What may differ between two breaches of one kind: times, counts and sequences."""


class Packets:
    """One run (`sim.measures.Rehearsal`)."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int | str,
        clock: Clock | None = None,
        *,
        geography: Distances | None = None,
        is_checked: bool = True,
    ) -> None:
        """Prepare a run. `clock` gives CPU seconds; `geography` is what the scenario's matrix says, where it has one."""
        if scenario.rtts.matrix and geography is None:
            raise BadInputError(f"{scenario.name}: the matrix {scenario.rtts.matrix} has not been read")
        self.scenario = scenario
        self.seed = seed
        ledger = Ledger(clock)
        self.world = World(
            seed, _settings(scenario, geography), timed(ledger, geography, by_delay=scenario.rtts.by_delay)
        )
        self._violations: dict[str, str] = {}
        self._checker: Checker | None = None
        self._breaches: Counter[str] = Counter()
        self._stopped_at: Micros | None = None
        if is_checked:
            self._checker = Checker(self.world, raises=False)
        self.gauges = Gauges(self.world, ledger, OPENS_AT_US, scenario.duration_us)
        self.audience = Audience(self.world, scenario, self.gauges, OPENS_AT_US)
        Mishaps(self.world, self.audience, self.gauges, scenario, OPENS_AT_US)
        self.gauges.watch(self.world.source)
        self.world.scheduler.at(RELAYS_AT_US, self._add_relays)
        self._run(OPENS_AT_US - 1)

    @property
    def now(self) -> Micros:
        """Simulated time since the doors opened."""
        return max(0, self.world.now - OPENS_AT_US)

    @property
    def peers_alive(self) -> int:
        """Listeners that are there now."""
        return len(self.gauges.listeners)

    @property
    def events(self) -> int:
        """Events so far."""
        return self.world.runner.fed

    def run_until(self, until: Micros) -> None:
        """Let time pass; a broken promise becomes a violation."""
        self._run(until + OPENS_AT_US)

    def measures(self) -> Measures:
        """Sum up what has happened so far."""
        found = self.gauges.measures()
        for problem in self.gauges.audit():
            self._note(problem)
        self.gauges.forged.clear()
        found.violations = self.violations
        found.digest = self.digest()
        if self._stopped_at is not None:
            found.simulated_us = self._stopped_at
            found.is_cut_short = True
        return found

    @property
    def violations(self) -> list[str]:
        """The promises that were broken, each with its first time, and how often it was broken again."""
        again = {kind: f" and {count - 1} times more" for kind, count in self._breaches.items() if count > 1}
        own = [text + again.get(kind, "") for kind, text in self._violations.items()]
        return own + (self._checker.violations if self._checker is not None else [])

    def digest(self) -> str:
        """Give the digest of everything that has happened."""
        assert self.world.runner.trace is not None, "packets fidelity is always traced"
        return self.world.runner.trace.digest()

    # ---- details

    def _run(self, until: Micros) -> None:
        """Let the world's time pass, whatever promises are broken meanwhile."""
        scheduler = self.world.scheduler
        with seldom_collecting():
            while self._stopped_at is None:
                try:
                    scheduler.run_until(until)
                except (AssertionError, LocalProtocolError) as error:
                    self._note(str(error) or type(error).__name__)
                    if len(self._violations) >= VIOLATIONS_MAX or self._breaches.total() >= BREACHES_MAX:
                        self._stopped_at = self.now
                else:
                    return
        scheduler.now = max(scheduler.now, until)

    def _note(self, problem: str) -> None:
        """Note a broken promise."""
        kind = NUMBERS.sub("#", problem)
        where = f"at {self.now / SECOND:.6f} s of {self.scenario.name!r}, seed {self.seed!r}"
        self._violations.setdefault(kind, f"{problem} ({where})")
        self._breaches[kind] += 1

    def _add_relays(self) -> None:
        """Let the infrastructure's relays come."""
        for _ in range(self.scenario.relays):
            self.gauges.watch(self.world.add_peer(role=Role.RELAY, capacity=self.scenario.relay_capacity))


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for garbage in circles seldom: a crowd is millions of things that stay, and looking cost 7 % of the time."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _settings(scenario: Scenario, geography: Distances | None) -> Settings:
    """Say what kind of world a scenario plays in."""
    return Settings(
        population=Population(scenario.crowd.serving, scenario.crowd.mobile),
        origin_capacity=scenario.origin_capacity,
        delay_us=scenario.delay_us,
        chunk_us=scenario.chunk_us,
        home=scenario.rtts.home,
        geography=geography,
        is_traced=True,
    )
