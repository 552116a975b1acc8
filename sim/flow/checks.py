"""The promises that a flow run must keep, looked for in its columns."""

from typing import TYPE_CHECKING

import numpy as np

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RESERVE_PLACES_MAX, STANDBYS_MAX
from tracker.overlay.columns import END
from tracker.overlay.promises import check

if TYPE_CHECKING:
    from sim.flow.flow import Flow

TREE_NODES_MAX = 20_000
"""The tracker's view is recomputed from scratch only up to this size: it takes 30 us a peer."""


def tree_problems(flow: "Flow") -> list[str]:
    """Give broken promises: I1 ranks fall, I3 places, I4 parents and children agree, I6 indices, I8 standbys."""
    mesh, now = flow.mesh, flow.now
    problems: list[str] = []
    parent = np.array(mesh.parent)
    rank = np.array(mesh.rank)
    alive = np.array(mesh.alive) > 0
    hanging = np.flatnonzero(alive & (parent >= 0))
    wrong = hanging[rank[parent[hanging]] >= rank[hanging]]
    problems += [
        f"I1 at {now} us: peer {one} hears from {mesh.parent[one]} of no lower rank" for one in wrong
    ]
    lost = hanging[~alive[parent[hanging]]]
    problems += [f"I4 at {now} us: peer {one} hears from {mesh.parent[one]}, which is gone" for one in lost]
    hearing = np.bincount(parent[hanging], minlength=len(parent))
    backed = np.zeros(len(parent), np.int64)
    standbys = np.frombuffer(mesh.standby, np.int32).reshape(-1, STANDBYS_MAX)
    for held in standbys.T:
        backed += np.bincount(held[alive & (held >= 0)], minlength=len(parent))
    columns = (mesh.feeds, mesh.load, hearing, backed)
    is_anything = np.logical_or.reduce([np.array(column) != 0 for column in columns])
    is_anything |= np.logical_or.reduce(
        [np.array(chains.first) != END for chains in (mesh.children, mesh.servers, mesh.clients)]
    )
    # Most peers feed nobody and stand by for nobody, and there is nothing to look at.
    for node in np.flatnonzero(alive & is_anything).tolist():
        children = mesh.children.of(node)
        spare = EMERGENCY_PLACES_MAX if mesh.role[node] == LISTENER else RESERVE_PLACES_MAX
        if len(children) > mesh.capacity[node] + spare:
            problems.append(f"I3 at {now} us: peer {node} feeds {len(children)} of {mesh.capacity[node]}")
        astray = [child for child in children if mesh.parent[child] != node]
        problems += [
            f"I4 at {now} us: peer {node} feeds {child}, which hears from {mesh.parent[child]}"
            for child in astray
        ]
        if hearing[node] != len(children) - len(astray):
            problems.append(f"I4 at {now} us: {hearing[node]} hear from {node}, which feeds {children}")
        clients = mesh.clients_of(node)
        if backed[node] != len(clients):
            problems.append(f"I8 at {now} us: {backed[node]} count on {node}, which stands by for {clients}")
        able = [child for child in children if mesh.capacity[child] > 0]
        if mesh.servers.of(node) != able:
            problems.append(f"I4 at {now} us: peer {node} feeds {able} who can serve, and not as it believes")
        counted = mesh.feeds[node], mesh.load[node]
        if (len(children), len(clients)) != counted:
            problems.append(f"I4 at {now} us: peer {node} counts {counted} children and clients")
    for standby in standbys.T:
        served = np.flatnonzero(alive & (parent >= 0) & (standby >= 0))
        served = served[alive[standby[served]]]
        wrong = served[(rank[standby[served]] >= rank[served]) | (standby[served] == parent[served])]
        problems += [
            f"I8 at {now} us: {standby[one]} stands by for {one}, of no lower rank or its parent"
            for one in wrong
        ]
    if len(mesh.parent) <= TREE_NODES_MAX:
        try:
            check(flow.tree)
        except AssertionError as error:
            problems.append(f"I6 at {now} us: {error}")
    return problems
