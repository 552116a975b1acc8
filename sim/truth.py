"""Where everybody really is, and where the tracker believes them to be."""

from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.relay import Relay
from meshcast.protocol.source import SourceMachine
from meshcast.protocol.units import PeerId
from meshcast.protocol.uplink import Uplink
from sim.process import Process
from sim.world import World
from tracker.overlay.columns import NOBODY
from tracker.overlay.machine import TrackerMachine


def uplink_of(process: Process) -> Uplink:
    """Give a peer's hearing half."""
    machine = process.machine
    assert isinstance(machine, PeerMachine)
    return machine.uplink


def relay_of(process: Process) -> Relay:
    """Give a peer's, or the source's, serving half."""
    machine = process.machine
    assert isinstance(machine, PeerMachine | SourceMachine)
    return machine.relay


def rank_of(process: Process) -> int:
    """Give the rank of a peer, or of the source."""
    return relay_of(process).standing.rank


def depths(world: World) -> dict[PeerId, int]:
    """Give each living peer's distance from the source along the parents; those not connected to it are left out."""
    parents = {peer.key: uplink_of(peer).parent for peer in world.living}
    known: dict[PeerId, int] = {world.source.key: 0} if world.source.is_alive else {}
    for peer in parents:
        chain: list[PeerId] = []
        at: PeerId | None = peer
        while at is not None and at not in known and at in parents and len(chain) <= len(parents):
            chain.append(at)
            at = parents[at]
        if at in known:
            for steps, one in enumerate(reversed(chain), 1):
                known[one] = known[at] + steps
    known.pop(world.source.key, None)
    return known


def believed(world: World) -> dict[PeerId, PeerId | None]:
    """Give the parents of all peers in the tracker's view."""
    machine = world.tracker.machine
    assert isinstance(machine, TrackerMachine)
    view: dict[PeerId, PeerId | None] = {}
    for broadcast in machine.broadcasts.values():
        for node in range(1, len(broadcast.tree.parent)):
            if broadcast.tree.state[node]:
                parent = broadcast.tree.parent[node]
                key = broadcast.registry.key(node)
                view[key] = None if parent == NOBODY else broadcast.registry.key(parent)
    return view
