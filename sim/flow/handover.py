"""A world in packets fidelity, as a flow run: the same peers at the same places, in the same instant.

What follows may then be compared event by event. The tracker's tree is taken over as it is, dice and all; peers get the
numbers that it knows them by.
"""

import copy

from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import PeerId
from sim.flow.flow import Flow
from sim.process import Process
from sim.scenario import Fidelity, Scenario
from sim.truth import rank_of, uplink_of
from sim.world import World
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.machine import TrackerMachine


def hand_over(world: World, scenario: Scenario) -> tuple[Flow, dict[Process, int]]:
    """Make a flow run of a settled world, at its time; give also each living peer's number."""
    assert scenario.fidelity is Fidelity.FLOW
    assert isinstance(world.tracker.machine, TrackerMachine)
    (broadcast,) = world.tracker.machine.broadcasts.values()
    flow = Flow(scenario, world.seed, tree=copy.deepcopy(broadcast.tree))
    flow.calendar.run_until(world.now)
    numbers = {world.source: ORIGIN}
    for peer in world.living:
        node = broadcast.registry.find(peer.key)
        assert node is not None, f"{peer} is unknown to the tracker"
        numbers[peer] = node
    by_key = {peer.key: node for peer, node in numbers.items()}
    for peer, node in sorted(numbers.items(), key=lambda pair: rank_of(pair[0])):
        _enter(flow, peer, node, by_key)
    for peer, node in numbers.items():
        if node != ORIGIN:
            _stand_by(flow, peer, node, by_key)
    return flow, numbers


def _enter(flow: Flow, peer: Process, node: int, by_key: dict[PeerId, int]) -> None:
    """Put one peer where it is; its parent is there already."""
    mesh = flow.mesh
    role = peer.role or Role.SOURCE
    mesh.enter(node, capacity=peer.capacity, city=peer.city, access_us=peer.access_us, role=int(role))
    mesh.rank[node] = rank_of(peer)
    if node == ORIGIN:
        return
    assert isinstance(peer.machine, PeerMachine)
    uplink = uplink_of(peer)
    assert uplink.parent is not None, f"{peer} has no parent"
    parent = by_key[uplink.parent]
    mesh.link(node, parent)
    mesh.attached_at[node] = 0
    mesh.counter[node] = uplink.asks.counter
    mesh.lag_us[node] = mesh.base_us[node] = mesh.lag_us[parent] + mesh.delay_us(parent, node)
    if role is Role.LISTENER:
        flow.admit(node)


def _stand_by(flow: Flow, peer: Process, node: int, by_key: dict[PeerId, int]) -> None:
    """Give one peer its standbys."""
    for key, standby in uplink_of(peer).standbys.all.items():
        number = by_key.get(key, NOBODY)
        if number != NOBODY and standby.heard_at is not None:
            flow.mesh.take_standby(node, number, flow.now)
