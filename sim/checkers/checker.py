"""Watches one world from its beginning: after each event, and now and again all of it."""

from collections.abc import Sequence

from meshcast.protocol.events import Event
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import SourceMachine
from sim.checkers.changes import Changes
from sim.checkers.ledger import Ledger
from sim.checkers.safety import Safety
from sim.checkers.traffic import Traffic
from sim.checkers.tree import TreeWatch
from sim.checkers.whole import SAMPLE_US, Whole
from sim.process import Process
from sim.world import World


class Checker:
    """All promises that can be watched while a world runs (see `sim.checkers`)."""

    def __init__(self, world: World, *, raises: bool = True) -> None:
        """Watch from now on. A broken promise is raised, or else kept in `violations`."""
        self._world = world
        self._ledger = Ledger(world, raises=raises)
        self.safety = Safety(world, self._ledger)
        self._traffic = Traffic(world, self._ledger, self.safety)
        self._changes = Changes(world, self._ledger, self.safety)
        self._whole = Whole(world, self._ledger)
        self._tree = TreeWatch(world, self._ledger)
        self.samples = 0
        world.runner.witnesses.append(self.witness)
        world.runner.watchers.append(self.watch)
        world.scheduler.at(world.now, self._sample)

    @property
    def violations(self) -> list[str]:
        """Give the broken promises, each with where, when, and the seed that shows it again."""
        return self._ledger.entries

    def witness(self, process: Process, event: Event, effects: Sequence[object]) -> None:
        """See what a machine wants done."""
        machine = process.machine
        if isinstance(machine, PeerMachine | SourceMachine) and not is_hostile(process):
            self._traffic.witness(process, machine, event, effects)
            if isinstance(machine, PeerMachine):
                self._changes.witness(process, event)

    def watch(self, process: Process) -> None:
        """Check what one process can see of itself, after each event."""
        machine = process.machine
        if isinstance(machine, PeerMachine | SourceMachine):
            if not is_hostile(process):
                self.safety.watch(process, machine)
                if isinstance(machine, PeerMachine):
                    self._changes.watch(process, machine)
        elif process.role is None:
            self._tree.watch()

    def _sample(self) -> None:
        """Check what only the world can see."""
        self.samples += 1
        self._whole.look()
        self._tree.look()
        self._world.scheduler.at(self._world.now + SAMPLE_US, self._sample)


def is_hostile(process: Process) -> bool:
    """Tell whether a process was built to harm."""
    return getattr(process, "is_hostile", False)
