"""The promises of the overlay, watched while a world runs (safety), and looked at when its faults have stopped (liveness).

Their names are those of the design: I1 ranks fall towards the origin, so there are no loops; I2 a rank rises only when
childless; I3 places; I4 parents and children agree, but for a lease; I8 standbys; I9 what is played only grows.
"""

from collections.abc import Iterator
from typing import Final

from meshcast.protocol.limits import (
    EMERGENCY_PLACES_MAX,
    LEASE_US,
    RESERVE_PLACES_MAX,
    STANDBYS_MAX,
)
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, Micros, PeerId
from sim.network import PING_US, SILENCE_US
from sim.process import Process
from sim.truth import believed, depths, rank_of, relay_of, uplink_of
from sim.world import World

NOBODY: Final = PeerId(b"")
SAMPLE_US: Final = 500 * MILLISECOND
DISAGREE_US_MAX: Final = PING_US + SILENCE_US + LEASE_US
"""A parent that fed nobody for so long has noticed a dead link, and a child that heard nothing has left."""


class Checker:
    """Watches one world from its beginning."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ranks: dict[PeerId, int] = {}
        self._had: dict[PeerId, int] = {}
        self._played: dict[PeerId, int] = {}
        self._disagree: dict[tuple[PeerId, PeerId], Micros] = {}
        self.samples = 0
        world.runner.watchers.append(self.watch)
        world.scheduler.at(world.now, self._sample)

    def watch(self, process: Process) -> None:
        """Check what one process can see of itself, after each event."""
        if process.role is None or process.is_hostile:
            return
        relay = relay_of(process)
        capacity, children = process.capacity, len(relay.children)
        spare = EMERGENCY_PLACES_MAX if process.role is Role.LISTENER else RESERVE_PLACES_MAX
        assert children <= (capacity + spare if capacity else 0), (
            f"I3: {process} feeds {children} of {capacity}"
        )
        rank = relay.standing.rank
        if rank > self._ranks.get(process.key, rank):
            had = self._had[process.key]
            assert max(had, children) == 0, f"I2: {process} rises to rank {rank} with children"
        self._ranks[process.key], self._had[process.key] = rank, children
        if isinstance(process.machine, PeerMachine):
            self._watch_peer(process)

    def _watch_peer(self, process: Process) -> None:
        """Check a peer's view of its parent and standbys, and what it plays."""
        uplink = uplink_of(process)
        standbys = uplink.standbys.all
        assert len(standbys) <= STANDBYS_MAX, f"I8: {process} has {len(standbys)} standbys"
        assert process.key not in standbys, f"I8: {process} stands by for itself"
        assert uplink.parent is None or uplink.parent not in standbys, (
            f"I8: {process}'s parent stands by for it"
        )
        if uplink.parent is not None and not uplink.standing.is_raising:
            assert uplink.parent_rank < uplink.standing.rank, f"I1: {process} hears from one of no lower rank"
        played = process.ear.played
        if played:
            count = self._played.get(process.key, 0)
            ordered = all(
                a < b for a, b in zip(played[max(0, count - 1) :], played[max(1, count) :], strict=False)
            )
            assert ordered, f"I9: {process} plays {played[count - 3 :]}"
            self._played[process.key] = len(played)

    def _sample(self) -> None:
        """Check what only the world can see."""
        self.samples += 1
        world = self._world
        # First this: whoever notes what is broken and goes on is told of it again.
        world.scheduler.at(world.now + SAMPLE_US, self._sample)
        for problem in (*self._loops(), *self._disagreements()):
            raise AssertionError(problem)

    def _loops(self) -> Iterator[str]:
        """I1 among all: where parent and child agree, the parent's rank is lower; and nobody is above itself."""
        by_key = {one.key: one for one in (self._world.source, *self._world.living)}
        honest = [peer for peer in self._world.living if not peer.is_hostile]
        for peer in honest:
            parent = by_key.get(_parent(peer) or NOBODY)
            if (
                parent is not None
                and not parent.is_hostile
                and peer.key in relay_of(parent).children
                and rank_of(parent) >= rank_of(peer)
            ):
                yield f"I1: {peer} of rank {rank_of(peer)} hears from {parent} of rank {rank_of(parent)}"
        for peer in honest:
            seen: dict[PeerId, None] = {}
            at: Process | None = peer
            while at is not None and at.key not in seen and at.role is not Role.SOURCE and not at.is_hostile:
                seen[at.key] = None
                at = by_key.get(_parent(at) or NOBODY)
            if at is not None and at.role is not Role.SOURCE and not at.is_hostile:
                yield f"I1: {peer} is in or under a loop"

    def _disagreements(self) -> Iterator[str]:
        """I4: parents and children agree, but for as long as it takes to notice."""
        world = self._world
        by_key = {one.key: one for one in (world.source, *world.living) if not (one.is_frozen or one.is_deaf)}
        now_disagree: dict[tuple[PeerId, PeerId], Micros] = {}
        hostile = {one.key for one in world.living if one.is_hostile}
        honest = [one for one in by_key.values() if not one.is_hostile]
        for child in honest:
            parent = by_key.get(_parent(child) or NOBODY) if child.role is not Role.SOURCE else None
            if (
                parent is not None
                and not parent.is_hostile
                and parent.side == child.side
                and child.key not in relay_of(parent).children
            ):
                now_disagree[child.key, parent.key] = world.now
        for parent in honest:
            for key in relay_of(parent).children:
                if key in hostile:
                    continue
                known = by_key.get(key)
                if known is None or (known.side == parent.side and _parent(known) != parent.key):
                    now_disagree[key, parent.key] = world.now
        self._disagree = {pair: self._disagree.get(pair, now) for pair, now in now_disagree.items()}
        for (child_key, parent_key), since in self._disagree.items():
            if world.now - since > DISAGREE_US_MAX:
                yield f"I4: {child_key[:4].hex()} and {parent_key[:4].hex()} disagree since {since} us"


def _parent(process: Process) -> PeerId | None:
    """Name a peer's parent."""
    return uplink_of(process).parent


def unsettled(world: World, *, tracker: bool = True) -> list[str]:
    """Say what is not as it must be once faults have stopped: L1 all attached, I5 to the origin, L6 as the tracker says."""
    honest = [peer for peer in world.living if not peer.is_hostile]
    problems = [f"{peer} failed: {peer.failure}" for peer in honest if peer.failure is not None]
    problems += [
        f"{peer} is {uplink_of(peer).state.value}" for peer in honest if not uplink_of(peer).state.is_hearing
    ]
    reached = depths(world)
    problems += [f"{peer} has no way to the source" for peer in honest if peer.key not in reached]
    if tracker:
        view = believed(world)
        truth = {peer.key: _parent(peer) for peer in world.living}
        names = {peer.key: repr(peer) for peer in (world.source, *world.peers)}
        hostile = {peer.key for peer in world.peers if peer.is_hostile}
        for key in (truth.keys() | view.keys()) - hostile:
            if key not in truth:
                problems.append(f"the tracker believes in {names[key]}, which is gone")
            elif key not in view:
                problems.append(f"the tracker does not know {names[key]}")
            elif truth[key] != view[key]:
                problems.append(f"the tracker believes {names[key]} elsewhere")
    return sorted(problems)
