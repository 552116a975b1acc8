"""What becomes of a change of parent, a while later: L2, L3 and I12.

L2: an orphan with a standby that is there and may adopt it has a new parent within 2.5 round trips and 100 ms (1.5 if the
one that is asked first is not there, and one for the answer); a round trip is the longest to a standby, with the most that
the network's jitter adds to it. L3, I12: of the chunks that came after
the last one heard, none is missing that the new parent has. Both are asked only where the network loses nothing, and
where nothing befell the two in the meantime; what a standby refuses is answered by others, in their own time.
"""

from dataclasses import dataclass, replace
from typing import Final

from meshcast.protocol.events import Disconnected, Event, Received
from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, HEDGE_US_MIN, RESERVE_PLACES_MAX
from meshcast.protocol.messages import Placed, Refuse
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId, Sequence
from sim.checkers.ledger import Ledger
from sim.checkers.safety import Safety
from sim.host import Path
from sim.process import Process
from sim.truth import relay_of
from sim.world import World

LOOK_US: Final = 3 * SECOND
"""A refill, and what was under way with it, has come by then."""
CHUNKS: Final = 10
"""So many beyond the last one heard are looked for."""
JITTERS: Final = 10
"""The greatest of 16,384 draws of an exponential law is about ten times its mean."""
FRESH_US: Final = 5 * SECOND
"""What was lost so long ago is not what a change of parent is asked about."""
OVERSLEPT_US: Final = MILLISECOND


@dataclass(frozen=True, slots=True)
class Loss:
    """A parent that was lost."""

    at: Micros
    standby: Process | None
    """One that could adopt, then."""
    newest: Sequence
    newest_at: Micros


@dataclass(frozen=True, slots=True)
class Change:
    """A parent that was found."""

    promise: str
    at: Micros
    parent: Process
    counter: int
    first: Sequence
    generation: int


class Changes:
    """All changes of parent in one world."""

    def __init__(self, world: World, ledger: Ledger, safety: Safety) -> None:
        self._world = world
        self._ledger = ledger
        self._safety = safety
        self._parents: dict[PeerId, PeerId | None] = {}
        self._losses: dict[PeerId, Loss] = {}
        self._slept: dict[PeerId, Micros] = {}
        """When peers woke from a suspension last."""
        self._lossy_at: Micros = -FRESH_US

    def witness(self, process: Process, event: Event) -> None:
        """Let a repair go its own way that a refusal, the tracker or a suspension has come into."""
        world = self._world
        has_slept = process.wakes_at + OVERSLEPT_US < world.now
        if has_slept:
            self._slept[process.key] = world.now
        if not world.network.weather.is_lossless:
            self._lossy_at = world.now
        loss = self._losses.get(process.key)
        if loss is None or loss.standby is None:
            return
        is_answered = isinstance(event, Received) and isinstance(event.message, Refuse | Placed)
        is_cut = isinstance(event, Disconnected) and event.peer == loss.standby.key
        if has_slept or is_answered or is_cut:
            self._losses[process.key] = replace(loss, standby=None)

    def watch(self, process: Process, machine: PeerMachine) -> None:
        """See whether the parent has changed."""
        parent, before = machine.uplink.reserves.parent, self._parents.get(process.key)
        if parent == before:
            return
        self._parents[process.key] = parent
        if parent is None:
            self._lost(process, machine)
        else:
            self._found(process, machine, before, parent)

    # ---- L2

    def _lost(self, process: Process, machine: PeerMachine) -> None:
        """Note who could help, and look whether it has."""
        world, uplink = self._world, machine.uplink
        able = [
            seen.process
            for key in uplink.standbys.warm()
            if (seen := self._safety.seen(key)) is not None and self._may_adopt(seen.process, process)
        ]
        loss = Loss(world.now, able[0] if able else None, machine.backlog.newest, machine.backlog.newest_at)
        self._losses[process.key] = loss
        if able:
            rtts = [world.network.rtt_us(process, key) for key in uplink.standbys.all]
            rtts += [one.rtt_us for one in uplink.standbys.all.values()]
            most_us = round(max(rtts) * (1 + JITTERS * world.settings.conditions.jitter))
            limit_us = HEDGE_US_MIN + 2 * most_us + most_us // 2
            world.scheduler.at(world.now + limit_us, self._look_for_parent, process, loss)

    def _look_for_parent(self, process: Process, loss: Loss) -> None:
        """L2: the standby that could help has."""
        if self._losses.get(process.key) is not loss or process.is_frozen or not process.is_alive:
            return
        machine, standby = process.machine, loss.standby
        assert isinstance(machine, PeerMachine)
        assert standby is not None
        if machine.uplink.parent is None and self._may_adopt(standby, process):
            took_ms = (self._world.now - loss.at) // MILLISECOND
            self._ledger.broken("L2", process, f"is an orphan for {took_ms} ms beside its standby {standby}")

    def _may_adopt(self, standby: Process, orphan: Process) -> bool:
        """Tell whether a standby is there, can be reached, and has a place that rank allows."""
        if not self._is_calm(standby, orphan, since=self._world.now):
            return False
        relay, asking = relay_of(standby), relay_of(orphan)
        spare = EMERGENCY_PLACES_MAX if standby.role is Role.LISTENER else RESERVE_PLACES_MAX
        return (
            orphan.key in relay.tickets
            and relay.member.capacity > 0
            and relay.standing.may_adopt(asking.standing.rank)
            and len(relay.children) < relay.member.capacity + spare
        )

    # ---- L3 and I12

    def _found(self, process: Process, machine: PeerMachine, before: PeerId | None, parent: PeerId) -> None:
        """Note what was heard by then, and look later whether anything is missing."""
        loss = self._losses.pop(process.key, None)
        above = self._safety.seen(parent)
        if above is None or (before is None and loss is None):
            return
        if loss is not None and self._world.now - loss.newest_at > self._world.settings.delay_us:
            # Longer than the buffer: what is missing has been missed.
            return
        if self._world.now - max(self._lossy_at, self._slept.get(process.key, -FRESH_US)) < FRESH_US:
            return
        newest = machine.backlog.newest if loss is None else loss.newest
        counter, generation = machine.uplink.attached_counter, machine.sources.generation
        promise = "I12" if before is not None else "L3"
        change = Change(promise, self._world.now, above.process, counter, newest + 1, generation)
        if newest:
            self._world.scheduler.at(self._world.now + LOOK_US, self._look_for_chunks, process, change)

    def _look_for_chunks(self, process: Process, change: Change) -> None:
        """L3, I12: nothing is missing that the parent has."""
        machine, parent = process.machine, change.parent
        if not isinstance(machine, PeerMachine):
            return  # it has gone, and its machine with it
        is_the_same = (
            machine.uplink.parent == parent.key and machine.uplink.attached_counter == change.counter
        )
        if not is_the_same or machine.sources.generation != change.generation:
            return
        if not self._is_calm(parent, process, since=change.at):
            return
        backlog, above = machine.backlog, relay_of(parent).backlog
        for sequence in range(max(change.first, backlog.floor + 1), change.first + CHUNKS):
            if sequence in above and sequence not in backlog:
                self._ledger.broken(
                    change.promise, process, f"lost chunk {sequence}, which its new parent {parent} has"
                )

    def _is_calm(self, one: Process, other: Process, since: Micros) -> bool:
        """Tell whether nothing has befallen two hosts and the link between them, and nothing is lost on it."""
        end = one.ends.get(other.key)
        if end is None or not end.is_up or not end.other.is_up or not self._world.network.weather.is_lossless:
            return False
        if Path.OPEN is not end.path or Path.OPEN is not end.other.path:
            return False
        hosts = (one, other)
        if any(getattr(host, line, None) is not None for host in hosts for line in ("uplink", "downlink")):
            return False
        if any(getattr(host, "is_hostile", False) or host.is_frozen for host in hosts):
            return False
        return max(end.changed_at, end.other.changed_at) <= since or not end.changed_at
