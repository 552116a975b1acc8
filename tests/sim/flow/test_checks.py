"""A fault that is planted in the columns is found under the name of the promise that it breaks."""

from collections.abc import Callable

import pytest

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX
from meshcast.protocol.units import SECOND
from sim.flow.flow import Flow
from tracker.overlay.columns import NOBODY, ORIGIN


@pytest.fixture
def settled(flow_of: Callable[..., Flow]) -> Flow:
    """Give a run in good order, with peers three deep."""
    flow = flow_of(80, origin_capacity=4)
    flow.run_until(60 * SECOND)
    assert flow.problems() == []
    return flow


def feeder(flow: Flow) -> int:
    """Give a listener with children that hangs under another."""
    mesh = flow.mesh
    return next(one for one in flow.people.all if mesh.feeds[one] and mesh.parent[one] != ORIGIN)


def found(flow: Flow, promise: str, *nodes: int) -> bool:
    """Tell whether a broken promise is told, with the peers that it is about and when."""
    return any(
        line.startswith(f"{promise} at {flow.now} us") and all(str(node) in line for node in nodes)
        for line in flow.problems()
    )


def test_a_child_of_no_greater_rank_is_found(settled: Flow) -> None:
    parent = feeder(settled)
    child = settled.mesh.children.of(parent)[0]
    settled.mesh.rank[child] = settled.mesh.rank[parent]
    assert found(settled, "I1", child, parent)


def test_one_child_too_many_is_found(settled: Flow) -> None:
    mesh, parent = settled.mesh, feeder(settled)
    others = [one for one in settled.people.all if not mesh.feeds[one] and mesh.parent[one] != parent]
    while mesh.feeds[parent] < mesh.capacity[parent] + EMERGENCY_PLACES_MAX:
        child = others.pop()
        mesh.unlink(child)
        mesh.link(child, parent)
    assert not found(settled, "I3")
    child = others.pop()
    mesh.unlink(child)
    mesh.link(child, parent)
    assert found(settled, "I3", parent)


def test_a_child_that_hears_elsewhere_is_found(settled: Flow) -> None:
    parent = feeder(settled)
    child = settled.mesh.children.of(parent)[0]
    settled.mesh.parent[child] = ORIGIN
    assert found(settled, "I4", parent, child)
    assert found(settled, "I4", ORIGIN), "nor does the origin know it"


def test_a_child_that_its_parent_does_not_feed_is_found(settled: Flow) -> None:
    parent = feeder(settled)
    child = settled.mesh.children.of(parent)[0]
    settled.mesh.children.remove(parent, child)
    assert found(settled, "I4", parent)


def test_one_who_hears_from_the_dead_is_found(settled: Flow) -> None:
    parent = feeder(settled)
    child = settled.mesh.children.of(parent)[0]
    settled.mesh.alive[parent] = 0
    assert found(settled, "I4", child, parent)


@pytest.mark.parametrize("is_parent", [False, True])
def test_a_standby_of_no_lower_rank_or_that_is_the_parent_is_found(settled: Flow, is_parent: bool) -> None:
    mesh = settled.mesh
    node = next(one for one in settled.people.all if mesh.standbys(one))
    equal = next(one for one in settled.people.all if mesh.rank[one] == mesh.rank[node] and one != node)
    entry = 2 * node + (mesh.standby[2 * node] == NOBODY)
    mesh.standby[entry] = mesh.parent[node] if is_parent else equal
    assert found(settled, "I8", node, mesh.standby[entry])


def test_a_standby_that_knows_nothing_of_it_is_found(settled: Flow) -> None:
    mesh = settled.mesh
    standby = next(one for one in settled.people.all if mesh.load[one])
    mesh.clients.remove(standby, mesh.clients.of(standby)[0])
    assert found(settled, "I8", standby)


def test_a_peer_that_forgets_who_of_its_children_can_serve_is_found(settled: Flow) -> None:
    servers = settled.mesh.servers
    one = next(one for one in (ORIGIN, *settled.people.all) if servers.of(one))
    child = servers.of(one)[0]
    servers.remove(one, child)
    assert found(settled, "I4", one)
    leaf = next(node for node in settled.people.all if not settled.mesh.feeds[node])
    servers.append(leaf, child)
    assert found(settled, "I4", leaf)


def test_a_peer_that_miscounts_its_children_or_clients_is_found(settled: Flow) -> None:
    settled.mesh.feeds[feeder(settled)] += 1
    assert found(settled, "I4", feeder(settled))
    settled.mesh.feeds[feeder(settled)] -= 1
    assert not settled.problems()
    standby = next(one for one in settled.people.all if settled.mesh.load[one])
    settled.mesh.load[standby] -= 1
    assert found(settled, "I4", standby)


def test_an_index_of_the_trackers_that_is_not_kept_is_found(settled: Flow) -> None:
    settled.tree.free[feeder(settled)] += 1
    assert found(settled, "I6")


def test_violations_are_told_with_the_figures(settled: Flow) -> None:
    child = settled.mesh.children.of(feeder(settled))[0]
    settled.mesh.rank[child] = 3
    assert any(line.startswith("I1") for line in settled.measures().violations)
    assert settled.mesh.parent[child] != NOBODY
