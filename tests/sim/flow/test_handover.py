import pytest

from meshcast.protocol.units import SECOND
from sim.experiments import settled_crowd
from sim.flow.flow import Flow
from sim.flow.handover import hand_over
from sim.process import Process
from sim.scenario import Fidelity, Scenario
from sim.truth import rank_of, relay_of, uplink_of
from sim.weather import Conditions
from sim.world import Settings, World
from tracker.overlay.columns import ORIGIN

pytestmark = pytest.mark.plain

SETTINGS = Settings(conditions=Conditions(jitter=0.0), origin_capacity=4)
Handed = tuple[World, Flow, dict[Process, int]]


@pytest.fixture(scope="module")
def handed() -> Handed:
    """Give a small settled world, and the flow run that was made of it."""
    world = settled_crowd(3, peers=30, settle_us=10 * SECOND, settings=SETTINGS, is_checked=False)
    scenario = Scenario(
        "handed", fidelity=Fidelity.FLOW, duration_us=world.now + 60 * SECOND, origin_capacity=4
    )
    return world, *hand_over(world, scenario)


def test_everybody_is_where_it_was_at_that_time(handed: Handed) -> None:
    world, flow, numbers = handed
    mesh = flow.mesh
    assert flow.now == world.now
    assert len(flow.people.all) == len(list(world.living)) == 30
    by_key = {peer.key: node for peer, node in numbers.items()}
    for peer in world.living:
        node, parent = numbers[peer], uplink_of(peer).parent
        assert parent is not None
        assert mesh.parent[node] == by_key[parent]
        assert (mesh.rank[node], mesh.capacity[node]) == (rank_of(peer), peer.capacity)
        assert {by_key[child] for child in relay_of(peer).children} == set(mesh.children.of(node))


def test_standbys_that_have_been_heard_stand_by(handed: Handed) -> None:
    world, flow, numbers = handed
    by_key = {peer.key: node for peer, node in numbers.items()}
    assert any(flow.mesh.standbys(numbers[peer]) for peer in world.living)
    for peer in world.living:
        known = {by_key.get(key) for key in uplink_of(peer).standbys.all}
        assert set(flow.mesh.standbys(numbers[peer])) <= known


def test_the_run_goes_on_in_good_order(handed: Handed) -> None:
    _, flow, _ = handed
    assert flow.problems() == []
    flow.run_until(flow.now + 10 * SECOND)
    assert flow.problems() == []
    assert all(flow.mesh.head_of(one) == ORIGIN for one in flow.people.all)
    assert flow.measures().missing_us == [0, 0, 0, 0]
