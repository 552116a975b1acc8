"""What must have become of everybody, a while after faults have stopped: L1, L4, L5, L6, and I5."""

from collections.abc import Iterator
from typing import Final

from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import PeerId
from sim.process import Process
from sim.sums import depth_least
from sim.truth import believed, depths, rank_of, relay_of, uplink_of
from sim.world import World

DEPTH_OVER_MAX: Final = 3
"""A tree may be so much deeper than the capacities of its peers demand."""


def unsettled(world: World, *, tracker: bool = True, tidied: bool = False) -> list[str]:
    """Say what is not as it must be once faults have stopped, each with its name: L1, I5, and with `tracker` L6.

    `tidied` adds L4 and L5: what the tracker does when it has noticed, up to half a minute after the last fault.
    """
    honest = [peer for peer in world.living if not getattr(peer, "is_hostile", False)]
    reached = depths(world)
    problems = [*_unheard(world, honest, reached)]
    if tidied:
        problems += _overcommitted(world, honest, reached)
        problems += _too_deep(world, honest, reached)
    if tracker:
        problems += _misbelieved(world, honest)
    return sorted(problems)


def _unheard(world: World, honest: list[Process], reached: dict[PeerId, int]) -> Iterator[str]:
    """L1, I5: all hear, from the source, as long as there are places."""
    attached = [peer for peer in honest if peer.key in reached]
    free = sum(relay_of(one).free for one in (world.source, *attached))
    for peer in honest:
        uplink = uplink_of(peer)
        if peer.failure is not None and uplink.neighbours.own_ticket is None:
            # A joiner that was refused has gone.
            continue
        if peer.failure is not None:
            yield f"L1: {peer} failed: {peer.failure}"
        if not uplink.state.is_hearing and free:
            yield f"L1: {peer} is {uplink.state.value}, and {free} places are free"
        if peer.key not in reached and (free or uplink.state.is_hearing):
            yield f"I5: {peer} has no way to the source"


def _overcommitted(world: World, honest: list[Process], reached: dict[PeerId, int]) -> Iterator[str]:
    """L4: nobody carries more than it can, if a childless child of it could go elsewhere."""
    by_key = {peer.key: peer for peer in honest}
    everybody = [world.source, *(peer for peer in honest if peer.key in reached)]
    free = [one for one in everybody if relay_of(one).free and rank_of(one) < RANK_MAX]
    for one in everybody:
        relay = relay_of(one)
        children = [by_key[key] for key in relay.children if key in by_key]
        movable = [
            child
            for child in children
            if child.role is Role.LISTENER
            and not relay_of(child).children
            and any(other is not child for other in free)
        ]
        if len(relay.children) > relay.member.capacity and movable:
            yield (
                f"L4: {one} feeds {len(relay.children)} of {relay.member.capacity}, and {free[0]} has a free place"
            )


def _too_deep(world: World, honest: list[Process], reached: dict[PeerId, int]) -> Iterator[str]:
    """L5: the tree is not much deeper than its peers' capacities demand."""
    capacities = [relay_of(peer).member.capacity for peer in honest if peer.key in reached]
    least = depth_least(relay_of(world.source).member.capacity, capacities)
    deepest = max(reached.values(), default=0)
    if deepest > least + DEPTH_OVER_MAX:
        yield f"L5: the tree is {deepest} deep, and {least} would do"


def _misbelieved(world: World, honest: list[Process]) -> Iterator[str]:
    """L6: the tracker believes everybody where they are."""
    view = believed(world)
    truth = {peer.key: uplink_of(peer).parent for peer in honest}
    placed = {peer.key for peer in honest if uplink_of(peer).neighbours.own_ticket is not None}
    names = {peer.key: repr(peer) for peer in (world.source, *world.peers)}
    strange = {peer.key for peer in world.living if peer.key not in truth}
    for key in view.keys() - truth.keys() - strange:
        yield f"L6: the tracker believes in {names[key]}, which is gone"
    for key, parent in truth.items():
        if key not in view and key in placed:
            yield f"L6: the tracker does not know {names[key]}"
        elif key in view and view[key] != parent:
            yield f"L6: the tracker believes {names[key]} elsewhere"
