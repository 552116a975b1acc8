"""What the tests of the simulator share: a scripted chain of peers, and a small network of toy hosts."""

from collections.abc import Callable, Mapping
from random import Random

import pytest

from meshcast.protocol.events import Event
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId
from sim.fixed_tracker import FixedTracker, Spot
from sim.host import Host
from sim.network import Conditions, Network
from sim.process import Process
from sim.scheduler import Scheduler
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
