"""What each process can see of itself, after each event: I1, I2, I3, I7, I8; and I1 as it is, an instant later.

An instant is over when time moves on: a machine that wakes from a suspension takes in all that has waited for it within
one. Whose parent has changed, or whose rank or whose parent's rank has, is looked at then.
"""

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RESERVE_PLACES_MAX, STANDBYS_MAX
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import SourceMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros, PeerId
from sim.checkers.ledger import Ledger
from sim.process import Process
from sim.truth import rank_of
from sim.world import World


class Seen:
    """What was seen of a process last."""

    __slots__ = ("children", "parent", "played", "pointing", "process", "rank")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.rank = 0
        self.children = 0
        self.parent: PeerId | None = None
        self.played = 0
        self.pointing: dict[PeerId, Process] = {}
        """Who believes to hear from it."""


class Safety:
    """Of all processes of one world."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._seen: dict[PeerId, Seen] = {}
        self._changed: dict[PeerId, Process] = {}
        self._changed_at: Micros = 0
        self._asleep: dict[PeerId, None] = {}
        """Who was frozen when it was to be looked at."""

    def seen(self, key: PeerId) -> Seen | None:
        """Give what was seen of a process after its last event."""
        return self._seen.get(key)

    def watch(self, process: Process, machine: PeerMachine | SourceMachine) -> None:
        """Check one process after an event."""
        if self._changed and self._changed_at < self._world.now:
            self._settle()
        seen = self._seen.get(process.key)
        if process.key in self._asleep:
            del self._asleep[process.key]
            self._note(process)
        if seen is None:
            seen = self._seen[process.key] = Seen(process)
            seen.rank = machine.standing.rank
        children = len(machine.relay.children)
        if children != seen.children:
            self._count(process, machine, children)
        rank = machine.standing.rank
        if rank != seen.rank:
            # A child that asks to go in the same instant is gone; one that was sent away is what I1 is about.
            if rank > seen.rank and children:
                self._ledger.broken("I2", process, f"rises from rank {seen.rank} to {rank} with children")
            self._note(process)
            for child in seen.pointing.values():
                self._note(child)
        seen.rank, seen.children = rank, children
        if isinstance(machine, PeerMachine):
            self._watch_peer(process, machine, seen)

    def _count(self, process: Process, machine: PeerMachine | SourceMachine, children: int) -> None:
        """I3, I7: nobody feeds more than its places, and what is beyond the capacity is an emergency."""
        capacity = process.capacity
        spare = EMERGENCY_PLACES_MAX if process.role is Role.LISTENER else RESERVE_PLACES_MAX
        if children > (capacity + spare if capacity else 0):
            self._ledger.broken("I3", process, f"feeds {children} of {capacity}")
        beyond = max(0, children - machine.member.capacity)
        emergencies = sum(child.is_emergency for child in machine.relay.children.values())
        if emergencies != beyond:
            self._ledger.broken("I7", process, f"counts {emergencies} emergencies, and {beyond} are")

    def _watch_peer(self, process: Process, machine: PeerMachine, seen: Seen) -> None:
        """Check a peer's view of its parent and standbys, and what it has played."""
        uplink = machine.uplink
        parent, standbys = uplink.reserves.parent, uplink.standbys.all
        if len(standbys) > STANDBYS_MAX:
            self._ledger.broken("I8", process, f"has {len(standbys)} standbys")
        if process.key in standbys:
            self._ledger.broken("I8", process, "stands by for itself")
        if parent is not None:
            if parent in standbys:
                self._ledger.broken("I8", process, "has its parent stand by for it")
            standing = machine.standing
            if uplink.parent_rank >= standing.rank and not standing.is_raising:
                self._ledger.broken(
                    "I1", process, f"of rank {standing.rank} hears from one of rank {uplink.parent_rank}"
                )
        if parent != seen.parent:
            self._point(process, seen, parent)
        played = process.ear.played
        if len(played) != seen.played:
            seen.played = len(played)
            last = played[-3:]
            if len(set(last)) < len(last):
                self._ledger.broken("I9", process, f"plays {last}")

    def _point(self, process: Process, seen: Seen, parent: PeerId | None) -> None:
        """Take in whom a process believes to hear from."""
        before = self._seen.get(seen.parent) if seen.parent is not None else None
        if before is not None:
            before.pointing.pop(process.key, None)
        seen.parent = parent
        above = self._seen.get(parent) if parent is not None else None
        if above is not None:
            above.pointing[process.key] = process
            self._note(process)

    def _note(self, process: Process) -> None:
        """Look at a process and its parent when this instant is over."""
        self._changed[process.key] = process
        self._changed_at = self._world.now

    def _settle(self) -> None:
        """I1 as it is: the parent's rank is lower, whether or not it still counts its child."""
        changed, self._changed = self._changed, {}
        for child in changed.values():
            if child.is_frozen and child.is_alive:
                # What it believes is of before; it is looked at when it has woken.
                self._asleep[child.key] = None
                continue
            seen = self._seen[child.key]
            above = self._seen.get(seen.parent) if seen.parent is not None else None
            if above is None or not child.is_alive or not above.process.is_alive:
                continue
            if above.rank >= seen.rank:
                self._ledger.broken(
                    "I1", child, f"of rank {rank_of(child)} hears from {above.process} of rank {above.rank}"
                )
