"""What the tests of the simulator share: a scripted chain of peers, and a small network of toy hosts."""

import hashlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from meshcast.protocol.events import Event
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId
from sim.arrivals import arrival_times
from sim.cli import main
from sim.fixed_tracker import FixedTracker, Spot
from sim.host import Host
from sim.measures import Clock, Measures, Sample, Spread
from sim.network import Network
from sim.process import Process
from sim.rehearsals import FIDELITIES
from sim.scenario import Fidelity, Scenario
from sim.scheduler import Scheduler
from sim.weather import Conditions
from sim.world import Settings, World

DELAY_US = 50 * MILLISECOND


class Toys:
    """Hosts that only remember what happened to them and when."""

    def __init__(self, conditions: Conditions) -> None:
        self.scheduler = Scheduler()
        self.heard: dict[PeerId, list[tuple[Micros, Event]]] = {}
        self.network = Network(
            self.scheduler, Random(1), conditions, lambda _one, _other: DELAY_US, self._deliver
        )

    def host(self, name: str) -> Host:
        """Add a host."""
        host = Host(PeerId(name.encode().ljust(32)), (f"10.0.0.{len(self.heard) + 1}", 1))
        self.heard[host.key] = []
        self.network.enter(host)
        return host

    def linked(self) -> tuple[Host, Host]:
        """Give two hosts with a link between them, and forget how it came up."""
        one, other = self.host("one"), self.host("other")
        self.network.dial(one, other.key, (other.address,))
        self.scheduler.run_until(SECOND)
        for heard in self.heard.values():
            heard.clear()
        return one, other

    def events(self, host: Host) -> list[Event]:
        """Give what happened to a host."""
        return [event for _, event in self.heard[host.key]]

    def times(self, host: Host) -> list[Micros]:
        """Give when it did."""
        return [at for at, _ in self.heard[host.key]]

    def _deliver(self, host: Host, event: Event) -> None:
        self.heard[host.key].append((self.scheduler.now, event))


@pytest.fixture
def toys() -> Callable[..., Toys]:
    """Make toy hosts on a network of these conditions; without jitter, if nothing is said."""

    def make(conditions: Conditions | None = None) -> Toys:
        return Toys(conditions or Conditions(jitter=0.0))

    return make


@pytest.fixture
def scripted() -> Callable[..., tuple[World, list[Process]]]:
    """Make a world in which peers stand where a script says, each of two places, joined a second apart."""

    def make(
        script: Mapping[int, Spot], settings: Settings | None = None, city: str | None = None
    ) -> tuple[World, list[Process]]:
        world = World(
            1, settings, lambda identity, _, offset_us, term: FixedTracker(identity, offset_us, term, script)
        )
        world.run_for(SECOND)
        for _ in script:
            world.add_peer(capacity=2, city=city)
            world.run_for(SECOND)
        world.run_for(3 * SECOND)
        return world, world.peers

    return make


@dataclass
class Mood:
    """What a played rehearsal is to do besides."""

    violations: list[str] = field(default_factory=list)
    interrupts_at: Micros | None = None
    """When somebody presses Ctrl-C."""
    flaw: int = 0
    """Another code: the same seed gives another run from the tenth second on."""


TICK_US = 10 * MILLISECOND


class Played:
    """A rehearsal that only counts: listeners come as the scenario says, and each of them is an event every 10 ms."""

    def __init__(self, scenario: Scenario, seed: int | str, clock: Clock | None, mood: Mood) -> None:
        self._times = arrival_times(scenario, seed)
        self._mood = mood
        self._hash = hashlib.blake2b(f"{scenario}{seed}".encode(), digest_size=16)
        self._clock = clock
        self._samples: list[Sample] = []
        self.now: Micros = 0
        self.events = 0

    @property
    def peers_alive(self) -> int:
        return int(self._times.searchsorted(self.now, side="right"))

    def run_until(self, until: Micros) -> None:
        while self.now < until:
            self.now = min(self.now + TICK_US, until)
            self.events += self.peers_alive
            said = self._mood.flaw if self.now >= 10 * SECOND else 0
            self._hash.update(f"{self.now} {self.events} {said}".encode())
            if self.now % SECOND == 0:
                self._samples.append(self._sample())
            if self.now == self._mood.interrupts_at:
                signal.raise_signal(signal.SIGINT)

    def digest(self) -> str:
        return self._hash.hexdigest()

    def measures(self) -> Measures:
        found = Measures(self.now, self.events, self.peers_alive, self.peers_alive)
        found.due_us, found.missing_us, found.heard = 1_000 * SECOND, [2 * SECOND, SECOND, 0, 0], 8
        found.gapped = [2, 1, 0, 0]
        found.delay_us, found.unicast_us = Spread(150_000.0, 400_000.0), Spread(60_000.0, 160_000.0)
        found.wait_us = Spread(0.5e6, 1.5e6, 2e6)
        found.depth, found.depth_least = Spread(3, 5, 5), 4
        found.repair_us = [120_000, 340_000, 360_000, 9_000_000]
        found.repairs, found.repairs_without_tracker = 4, 3
        found.join_us = self._clock() * 0 + 11.0 if self._clock is not None else 0.0
        found.samples, found.digest = list(self._samples), self.digest()
        found.violations = list(self._mood.violations)
        return found

    def _sample(self) -> Sample:
        there = self.peers_alive
        missing = (there * 30, there * 20, there * 10, 0)
        delays = (150_000, 400_000, 60_000, 160_000)
        return Sample(self.now, there, 1, 0, 5, 4, *delays, 4, there, 0, 0, 0, 0, missing, there * SECOND)


@pytest.fixture
def mood(monkeypatch: pytest.MonkeyPatch) -> Mood:
    """Have both fidelities played by rehearsals that only count; what this holds, they do besides."""
    mood = Mood()
    for fidelity in Fidelity:
        monkeypatch.setitem(
            FIDELITIES, fidelity, lambda scenario, seed, clock: Played(scenario, seed, clock, mood)
        )
    return mood


@pytest.fixture
def meshcast_sim(
    mood: Mood,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Result]:
    """Run `meshcast-sim` in an empty folder, with rehearsals that only count."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], prog_name="meshcast-sim")
