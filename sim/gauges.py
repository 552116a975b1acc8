"""What is read off a world while a scenario runs in it: sums as things happen, and a sample every second or so."""

from typing import Final

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.events import Received
from meshcast.protocol.messages import Accept, Placed
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Micros, PeerId
from sim.listener import Listener
from sim.measures import REPAIRS_KEPT_MAX, Measures, Sample
from sim.process import Process
from sim.scenario import DELAYS_US
from sim.shape import Shape, shape
from sim.sums import depth_least, percentile, spread
from sim.timed_tracker import Ledger
from sim.truth import relay_of
from sim.weighing import weigh
from sim.world import World
from tracker.overlay.machine import TrackerMachine

SAMPLES_MAX: Final = 600
"""A longer run is sampled less often than every second."""


class Gauges:
    """The figures of one run, as they come about. Hostile peers are no audience: nobody asks what they heard."""

    def __init__(self, world: World, ledger: Ledger, opens_at: Micros, duration_us: Micros) -> None:
        self._world = world
        self._ledger = ledger
        self._opens_at = opens_at
        self._every_us = max(SECOND, duration_us // SAMPLES_MAX)
        self._chance = world.chance("repairs kept")
        self.listeners: dict[PeerId, Listener] = {}
        """Those who are there."""
        self.sums = Measures()
        """What only grows; the rest is worked out when it is asked for."""
        self._due = 0
        self._waits_us: list[Micros] = []
        self._over: dict[int, int] = {}
        self._fixtures: dict[PeerId, Process] = {}
        self._copies: list[int] = []
        self.forged: list[str] = []
        """Forged chunks that honest peers passed on or played."""
        world.runner.listeners.append(self._listen)
        world.runner.close_watchers.append(self._watch)
        world.scheduler.at(opens_at, self._sample)

    # ---- what the audience tells

    def watch(self, process: Process) -> None:
        """Watch what a source or a relay carries, from now on."""
        process.is_watched = True
        self._fixtures[process.key] = process

    def came(self, listener: Listener) -> None:
        """Note one more."""
        self.listeners[listener.process.key] = listener
        self.sums.joins += 1
        self.sums.peers_peak = max(self.sums.peers_peak, len(self.listeners))

    def goes(self, listener: Listener, *, is_crash: bool) -> None:
        """Note one less, before its process ends."""
        del self.listeners[listener.process.key]
        self.sums.crashes += is_crash
        self.sums.leaves += not is_crash
        hearing = listener.hearing
        hearing.end_stretch(self._world.now)
        self._audit(listener)
        if not listener.process.is_hostile:
            self._due += hearing.due
            self._add(self.sums, hearing.missing, has_heard=hearing.has_heard)

    # ---- what is asked for

    def measures(self) -> Measures:
        """Sum up what has happened so far."""
        world, sums, now = self._world, self.sums, self._world.now
        found = Measures(
            simulated_us=max(0, now - self._opens_at),
            events=world.runner.fed,
            peers_peak=sums.peers_peak,
            joins=sums.joins,
            leaves=sums.leaves,
            crashes=sums.crashes,
            repairs=sums.repairs,
            repairs_without_tracker=sums.repairs_without_tracker,
            moves=self._ledger.moves,
            due_us=self._due * world.settings.chunk_us,
            missing_us=list(sums.missing_us),
            gapped=list(sums.gapped),
            heard=sums.heard,
            wait_us=spread(sorted(self._waits_us)),
            depth_least=depth_least(world.settings.origin_capacity, (one.capacity for one in world.living)),
            origin_copies_median=int(percentile(sorted(self._copies), 50)),
            origin_copies_peak=sums.origin_copies_peak,
            emergency_copies_peak=sums.emergency_copies_peak,
            join_us=self._ledger.join_us,
            leave_us=self._ledger.leave_us,
            bytes_per_peer=self._bytes_per_peer(),
            repair_us=list(sums.repair_us),
            samples=list(sums.samples),
        )
        for listener in self.listeners.values():
            if not listener.process.is_hostile:
                due, missing = listener.hearing.so_far(now)
                found.due_us += due * world.settings.chunk_us
                self._add(found, missing, has_heard=listener.hearing.has_heard)
        tree = shape(world)
        found.delay_us, found.unicast_us = spread(tree.delays_us), spread(tree.unicast_us)
        found.depth = spread(tree.depths)
        return found

    def audit(self) -> list[str]:
        """Say which forged chunks honest listeners played or passed on so far."""
        for listener in self.listeners.values():
            self._audit(listener)
        return self.forged

    # ---- details

    def _add(self, to: Measures, missing: list[int], *, has_heard: bool) -> None:
        """Add what one listener missed."""
        to.heard += has_heard
        for number, chunks in enumerate(missing):
            to.missing_us[number] += chunks * self._world.settings.chunk_us
            to.gapped[number] += chunks > 0

    def _audit(self, listener: Listener) -> None:
        """Look at what came to one listener and was not the source's."""
        process, hearing = listener.process, listener.hearing
        if process.is_hostile:
            return
        if hearing.played_forged:
            self.forged.append(
                f"I9: {process} played {hearing.played_forged} chunks that the source never sent"
            )
            hearing.played_forged = 0
        forged, hearing.forged = hearing.forged, []
        for event in forged:
            sender = self.listeners.get(event.peer)
            if sender is not None and not sender.process.is_hostile:
                self.forged.append(f"I9: {sender.process} passed on a chunk that the source never sent")

    def _listen(self, process: Process, event: Received) -> None:
        """See who is placed and who is accepted."""
        message = event.message
        if not isinstance(message, Accept | Placed) or process.role is not Role.LISTENER:
            return
        listener = self.listeners.get(process.key)
        if listener is None:
            return
        uplink = listener.uplink
        if isinstance(message, Placed):
            if uplink.parent is None and message.parent is not None:
                listener.placed = message.parent.peer
        elif uplink.parent == event.peer:
            self._accepted(listener, event.peer)

    def _accepted(self, listener: Listener, parent: PeerId) -> None:
        """Note a new parent: a joiner's first, an orphan's next, or one that it moved to."""
        now, uplink, before = self._world.now, listener.uplink, listener.fed_by
        if listener.fed_at is None:
            listener.fed_at = now
            self._waits_us.append(now - listener.came_at)
        if len(uplink.search.repairs_us) > listener.repairs and not listener.process.is_hostile:
            died_at = before.died_at if before is not None else None
            took_us = now - died_at if died_at is not None else uplink.search.repairs_us[-1]
            self._repaired(took_us, by_tracker=listener.placed == parent)
        listener.repairs = len(uplink.search.repairs_us)
        listener.fed_by = self._process(parent)
        listener.placed = None

    def _repaired(self, took_us: Micros, *, by_tracker: bool) -> None:
        """Note a repair; of many, keep an even draw."""
        sums = self.sums
        sums.repairs += 1
        sums.repairs_without_tracker += not by_tracker
        if len(sums.repair_us) < REPAIRS_KEPT_MAX:
            sums.repair_us.append(took_us)
        elif (at := self._chance.randrange(sums.repairs)) < REPAIRS_KEPT_MAX:
            sums.repair_us[at] = took_us

    def _process(self, key: PeerId) -> Process | None:
        """Find who is behind a key: a listener, a relay or the source."""
        found = self.listeners.get(key)
        return found.process if found is not None else self._fixtures.get(key)

    def _watch(self, process: Process) -> None:
        """Count what the origin and the relays carry."""
        sums, children = self.sums, len(relay_of(process).children)
        if process.role is Role.SOURCE:
            sums.origin_copies_peak = max(sums.origin_copies_peak, children)
        over = max(0, children - process.capacity)
        if over != self._over.get(process.index, 0):
            self._over[process.index] = over
            sums.emergency_copies_peak = max(sums.emergency_copies_peak, sum(self._over.values()))

    def _sample(self) -> None:
        """See how things stand, and let listeners forget what is long past."""
        world, sums, now = self._world, self.sums, self._world.now
        self._copies.append(len(relay_of(world.source).children) if world.source.is_alive else 0)
        due, missing = self._due, [chunks // world.settings.chunk_us for chunks in sums.missing_us]
        for listener in self.listeners.values():
            listener.hearing.fold(now)
            if not listener.process.is_hostile:
                one_due, one_missing = listener.hearing.so_far(now)
                due += one_due
                missing = [a + b for a, b in zip(missing, one_missing, strict=True)]
        sums.samples.append(self._sampled(shape(world), due, missing))
        world.scheduler.at(now + self._every_us, self._sample)

    def _sampled(self, tree: Shape, due: int, missing: list[int]) -> Sample:
        """Make a sample."""
        chunk_us = self._world.settings.chunk_us
        fed = waiting = 0
        for listener in self.listeners.values():
            state = listener.uplink.state
            fed += state is Attachment.HEARING or state is Attachment.MOVING
            waiting += listener.fed_at is None
        return Sample(
            at_us=self._world.now - self._opens_at,
            listeners=fed,
            waiting=waiting,
            orphans=len(self.listeners) - fed - waiting,
            depth_max=max(tree.depths, default=0),
            depth_p99=int(percentile(tree.depths, 99)),
            delay_p50_us=round(percentile(tree.delays_us, 50)),
            delay_p99_us=round(percentile(tree.delays_us, 99)),
            unicast_p50_us=round(percentile(tree.unicast_us, 50)),
            unicast_p99_us=round(percentile(tree.unicast_us, 99)),
            origin_copies=self._copies[-1],
            joins=self.sums.joins,
            leaves=self.sums.leaves,
            crashes=self.sums.crashes,
            repairs=self.sums.repairs,
            moves=self._ledger.moves,
            missing_us=tuple(chunks * chunk_us for chunks in missing),
            due_us=due * chunk_us,
        )

    def _bytes_per_peer(self) -> float:
        """Weigh the tracker's view."""
        machine = self._world.tracker.machine
        if not isinstance(machine, TrackerMachine):
            return 0.0
        broadcasts = list(machine.broadcasts.values())
        peers = sum(len(one.registry) for one in broadcasts)
        return weigh(*broadcasts) / peers if peers else 0.0


assert len(DELAYS_US) == len(Measures().missing_us)
