"""The tree as it is: how far each listener is from the origin, in hops and in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros, PeerId
from sim.world import World


@dataclass(frozen=True, slots=True)
class Shape:
    """Of all listeners that are connected to the origin, sorted; hostile ones are left out."""

    depths: Sequence[int]
    delays_us: Sequence[Micros]
    """Sum of the links' delays along the parents, without jitter."""
    unicast_us: Sequence[Micros]
    """The delay of a link from the origin itself."""


def shape(world: World) -> Shape:
    """Walk from everybody to the origin."""
    parents = {
        peer.key: peer.machine.uplink.parent for peer in world.living if isinstance(peer.machine, PeerMachine)
    }
    by_key = {peer.key: peer for peer in world.living}
    source = world.source
    known: dict[PeerId, tuple[int, Micros]] = {source.key: (0, 0)} if source.is_alive else {}
    by_key[source.key] = source
    for key in parents:
        chain: list[PeerId] = []
        at: PeerId | None = key
        while at is not None and at in parents and at not in known and len(chain) <= len(parents):
            chain.append(at)
            at = parents[at]
        if at is None or at not in known:
            continue
        depth, delay_us = known[at]
        above = by_key[at]
        for one in reversed(chain):
            below = by_key[one]
            depth, delay_us = depth + 1, delay_us + world.delay_us(above, below)
            known[one] = depth, delay_us
            above = below
    there = [
        one for one in world.living if one.role is Role.LISTENER and not one.is_hostile and one.key in known
    ]
    return Shape(
        sorted(known[one.key][0] for one in there),
        sorted(known[one.key][1] for one in there),
        sorted(world.delay_us(source, one) for one in there),
    )
