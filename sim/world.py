"""A world: a tracker, a source, peers, and the network between them, all of it from one seed.

Every use of chance has a stream of its own, named after what it is for, so that a change in one place does not reshuffle
all others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias

from meshcast.protocol.broadcaster import BroadcasterMachine
from meshcast.protocol.events import Captured
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import OPUS_FRAME_US, PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, Micros
from sim.chance import stream
from sim.clocks import Clock
from sim.distances import Distances
from sim.faults import Faults
from sim.geography import ACCESS_DATA_CENTRE_US, Geography, access_us
from sim.host import Host
from sim.metrics import Broadcast
from sim.network import Network
from sim.papers import WALL_US, Papers
from sim.population import Population
from sim.process import Process, Runs
from sim.reproduction import Reproduction
from sim.runner import Runner
from sim.scheduler import Scheduler
from sim.shelf import Shelf
from sim.trace import Trace
from sim.trackers import MakeTracker, maker
from sim.weather import Conditions
from tracker.overlay.machine import TrackerMachine

PACKET: Final = bytes(160)
"""Twenty milliseconds at 64 kbit/s."""
MakePeer: TypeAlias = Callable[[Membership, Micros], PeerMachine]
"""Make a peer's machine of its place in the world and its delay."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What kind of world it is."""

    conditions: Conditions = field(default_factory=Conditions)
    population: Population = field(default_factory=Population)
    origin_capacity: int = 8
    delay_us: Micros = PLAYOUT_DELAY_US_DEFAULT
    chunk_us: Micros = 100 * MILLISECOND
    home: str = "New York"
    """Where the source and the tracker are."""
    geography: Distances | None = None
    """How far peers are from each other; none: the model that ships."""
    is_traced: bool = False


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is unusual about a newcomer."""

    make: MakePeer = PeerMachine
    claims: int | None = None
    """Places that it says it has; none: those that it has."""
    is_hostile: bool = False
    clock: Clock | None = None
    wall_error_us: Micros = 0
    """How far its calendar is off."""


ORDINARY: Final = Oddity()


class World:
    """Everything that there is."""

    def __init__(
        self, seed: int | str, settings: Settings | None = None, tracker: MakeTracker | None = None
    ) -> None:
        """`tracker` makes another one than the product's."""
        self.seed = seed
        self.settings = settings or Settings()
        self.scheduler = Scheduler()
        self.geography: Distances = self.settings.geography or Geography()
        self.runner = Runner(self.scheduler, Trace() if self.settings.is_traced else None)
        self.network = self.runner.network = Network(
            self.scheduler,
            self.chance("network"),
            self.settings.conditions,
            self._delay_us,
            self.runner.feed,
        )
        self.faults = Faults(self.runner)
        self.broadcast = Broadcast(self.settings.chunk_us)
        self.runs = {self.broadcast.run: self.broadcast}
        """All runs of the source, by number."""
        self.shelf = Shelf()
        self.runner.keep = self.shelf.keep
        self.peers: list[Process] = []
        self.is_paused = False
        """The source has nothing to say."""
        self._processes = 0
        self._make_tracker = tracker or maker(self.settings.geography)
        self._terms = 0
        self._people = self.chance("people")
        self._papers = Papers(seed)
        self.tracker = self.start_tracker()
        self.source = self._start_source()
        self.scheduler.at(0, self._capture)

    # ---- chance

    def chance(self, name: str) -> Random:
        """Give the stream of chance of this name."""
        return stream(self.seed, name)

    def identity(self, name: str) -> Identity:
        """Give the identity of this name."""
        return self._papers.identity(name)

    # ---- who is there

    @property
    def now(self) -> Micros:
        """The time."""
        return self.scheduler.now

    @property
    def living(self) -> Iterator[Process]:
        """The peers that run."""
        return (peer for peer in self.peers if peer.is_alive)

    def delay_us(self, one: Process, other: Process) -> Micros:
        """Give the delay between two processes, one way and without jitter."""
        return self._delay_us(one, other)

    def start_tracker(self) -> Process:
        """Start the tracker, or start it again in a later term; it has forgotten everything."""
        self._terms += 1
        identity = self.identity("tracker")
        dice = self.chance(f"dice of tracker {self._terms}").randrange
        machine = self._make_tracker(identity, dice, WALL_US, self._terms)
        self.tracker = self._enter("tracker", identity, machine, None, 0, self._home, ACCESS_DATA_CENTRE_US)
        return self.tracker

    def restart_tracker(self) -> Process:
        """Start the tracker again in a later term, with what it had kept, as the product does."""
        process = self.start_tracker()
        assert isinstance(process.machine, TrackerMachine)
        for broadcast, rows in self.shelf.rows_after_crash(self.now).items():
            process.machine.restore(broadcast, rows, self.now)
        return process

    def restart_source(self) -> Process:
        """Start the source again: the same broadcast, a later run, and a key of its own, as a peer key lives once."""
        self.broadcast = Broadcast(self.settings.chunk_us, run=self.broadcast.run + 1)
        self.runs[self.broadcast.run] = self.broadcast
        self.source = self._start_source()
        return self.source

    def add_peer(
        self,
        *,
        capacity: int | None = None,
        city: str | int | None = None,
        role: Role = Role.LISTENER,
        oddity: Oddity = ORDINARY,
    ) -> Process:
        """Let a peer come: drawn from population and geography where nothing is said."""
        name = f"{role.name.lower()} {len(self.peers)}"
        people, crowd = self._people, self.settings.population
        drawn_capacity, drawn_city = crowd.capacity(people), self.geography.draw(people)
        capacity = drawn_capacity if capacity is None else capacity
        where = drawn_city if city is None else self.geography.number(city) if isinstance(city, str) else city
        last_mile_us = access_us(people, is_mobile=crowd.is_mobile(capacity, people))
        if role is not Role.LISTENER:
            last_mile_us = ACCESS_DATA_CENTRE_US
        identity = self.identity(name)
        landmarks = self.geography.landmark_rtts_us(where, last_mile_us)
        clock = oddity.clock
        claimed = capacity if oddity.claims is None else oddity.claims
        offset_us = WALL_US + oddity.wall_error_us - (clock.shows(self.now) - self.now if clock else 0)
        member = self._papers.member(name, identity, self.tracker, role, claimed, landmarks, offset_us)
        machine = oddity.make(member, self.settings.delay_us)
        peer = self._enter(name, identity, machine, role, claimed, where, last_mile_us, clock)
        peer.is_hostile = oddity.is_hostile
        self.peers.append(peer)
        return peer

    def add_spare(
        self, *, capacity: int | None = None, city: str | None = None, late_us: Micros = 0
    ) -> Process:
        """Let a spare of the source come, which hears the same programme and captures it so much later.

        No checker knows yet that there may be two sources; a fault that kills the source strikes a world without them.
        """
        identity, settings = self.identity("spare"), self.settings
        where = self._home if city is None else self.geography.number(city)
        places = settings.origin_capacity if capacity is None else capacity
        landmarks = self.geography.landmark_rtts_us(where, ACCESS_DATA_CENTRE_US)
        member = self._papers.member("spare", identity, self.tracker, Role.SPARE, places, landmarks)
        mandate = self._papers.mandate(identity.peer_id)
        machine = BroadcasterMachine(member, mandate, Programme("simulated", 64_000, settings.chunk_us))
        spare = self._enter("spare", identity, machine, Role.SPARE, places, where, ACCESS_DATA_CENTRE_US)
        self.scheduler.at(self.now + late_us, self._rehearse, spare)
        return spare

    def crowd(self, peers: int, duration_us: Micros) -> None:
        """Let so many peers come, at times drawn evenly from now on."""
        chance = self.chance("arrivals")
        for at in sorted(chance.randrange(max(1, duration_us)) for _ in range(peers)):
            self.scheduler.at(self.now + at, self.add_peer)

    # ---- time

    def run_until(self, until: Micros) -> None:
        """Let time pass; whatever goes wrong says how to see it again."""
        with Reproduction(self.seed, self.settings, self.scheduler):
            self.scheduler.run_until(until)

    def run_for(self, duration_us: Micros) -> None:
        """Let time pass."""
        self.run_until(self.now + duration_us)

    # ---- details

    @property
    def _home(self) -> int:
        """Where the source and the tracker are."""
        return self.geography.number(self.settings.home)

    def _enter(
        self,
        name: str,
        identity: Identity,
        machine: Runs,
        role: Role | None,
        capacity: int,
        city: int,
        last_mile_us: Micros,
        clock: Clock | None = None,
    ) -> Process:
        """Let a process begin, at an address of its own; a tracker comes back where it was."""
        index = 0 if role is None else self._processes
        self._processes = max(self._processes, index + 1)
        address = f"10.{index >> 8 & 255}.{index & 255}.1", 4433 + (index >> 16)
        process = Process(identity.peer_id, address, name, machine, role, capacity, city, last_mile_us)
        process.index, process.clock = index, clock
        self.runner.start(process)
        return process

    def _start_source(self) -> Process:
        """Start the source."""
        run, settings = self.broadcast.run, self.settings
        identity = self.identity("source" if run == 1 else f"source {run}")
        delegation = self._papers.delegation(identity.peer_id, run)
        capacity = settings.origin_capacity
        landmarks = self.geography.landmark_rtts_us(self._home, ACCESS_DATA_CENTRE_US)
        member = self._papers.member("source", identity, self.tracker, Role.SOURCE, capacity, landmarks)
        machine = SourceMachine(member, delegation, Programme("simulated", 64_000, settings.chunk_us))
        return self._enter(
            "source", identity, machine, Role.SOURCE, capacity, self._home, ACCESS_DATA_CENTRE_US
        )

    def _capture(self) -> None:
        """Let the source have sound for one chunk, and come again."""
        chunk_us = self.settings.chunk_us
        if self.source.is_alive and not self.source.is_frozen:
            packets = () if self.is_paused else (PACKET,) * (chunk_us // OPUS_FRAME_US)
            self.broadcast.sends(self.now)
            self.runner.feed(self.source, Captured(packets, chunk_us, paused=self.is_paused))
            if isinstance(self.source.machine, SourceMachine):
                held = self.source.machine.backlog.get(self.broadcast.newest)
                self.broadcast.chunks.append(held.chunk if held is not None else None)
        self.scheduler.at(self.now + chunk_us, self._capture)

    def _rehearse(self, spare: Process) -> None:
        """Let a spare have sound for one chunk of its own, and come again."""
        chunk_us = self.settings.chunk_us
        if spare.is_alive:
            self.runner.feed(spare, Captured((PACKET,) * (chunk_us // OPUS_FRAME_US), chunk_us))
            self.scheduler.at(self.now + chunk_us, self._rehearse, spare)

    def _delay_us(self, one: Host, other: Host) -> Micros:
        """Give the delay between two hosts, one way."""
        assert isinstance(one, Process)
        assert isinstance(other, Process)
        way_us = self.geography.delay_us(one.city, other.city)
        return way_us + one.access_us + other.access_us + one.lag_us + other.lag_us
