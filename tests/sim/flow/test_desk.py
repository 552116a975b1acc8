from collections.abc import Callable

import pytest

from meshcast.protocol.units import SECOND
from sim.flow.flow import Flow
from sim.flow.timer import TIMED_EVERY, Timer
from sim.flow.wishes import Wish
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.placement import Move

MakeFlow = Callable[..., Flow]


def wish(flow: Flow, capacity: int) -> Wish:
    """Want a place now, and for ever."""
    one = flow.crowd.wish(flow.now)
    one.capacity = capacity
    return one


def come(flow: Flow, *capacities: int) -> None:
    """Let listeners ask for places in this order, in one instant."""
    for capacity in capacities:
        flow.coming += 1
        flow.desk.join(wish(flow, capacity))


# ---- the waiting room


def test_who_finds_no_place_waits_until_there_is_one(flow_of: MakeFlow) -> None:
    flow = flow_of(0, origin_capacity=2)
    come(flow, 0, 0, 0, 0)
    assert len(flow.desk.waiting) == 2
    flow.run_until(10 * SECOND)
    assert len(flow.people.all) == 2
    flow.departures.remove(flow.people.all[0], is_crash=False)
    flow.run_until(20 * SECOND)
    assert len(flow.people.all) == 2
    assert len(flow.desk.waiting) == 1


def test_who_can_serve_goes_first_whatever_the_order_of_coming(flow_of: MakeFlow) -> None:
    flow = flow_of(0, origin_capacity=1)
    come(flow, 0, 0, 0)
    assert len(flow.desk.waiting) == 2
    come(flow, 4)
    flow.run_until(30 * SECOND)
    assert len(flow.desk.waiting) == 0
    assert len(flow.people.all) == 4
    (top,) = flow.mesh.children.of(ORIGIN)
    assert flow.mesh.capacity[top] == 4
    assert flow.mesh.feeds[top] == 3
    assert flow.problems() == []


def test_a_dead_tracker_admits_nobody_and_one_that_is_back_admits_all(flow_of: MakeFlow) -> None:
    flow = flow_of(0, origin_capacity=4)
    flow.desk.is_up = False
    come(flow, 2, 0)
    flow.run_until(10 * SECOND)
    assert len(flow.desk.waiting) == 2
    flow.desk.come_back()
    flow.run_until(20 * SECOND)
    assert len(flow.people.all) == 2


def test_who_was_placed_before_an_outage_and_arrived_in_it_is_known_afterwards(flow_of: MakeFlow) -> None:
    flow = flow_of(0, origin_capacity=4)
    come(flow, 2)
    flow.desk.is_up = False
    flow.run_until(10 * SECOND)
    (node,) = flow.people.all
    flow.desk.come_back()
    flow.run_until(20 * SECOND)
    come(flow, *[0] * 5)
    flow.run_until(30 * SECOND)
    assert len(flow.people.all) == 6, "its two places are given too"
    assert flow.tree.parent[node] == ORIGIN
    assert flow.mesh.feeds[node] == 2


def test_one_whose_grace_ends_in_an_outage_is_buried_after_it(flow_of: MakeFlow) -> None:
    flow = flow_of(0, origin_capacity=4)
    come(flow, 2, 0)
    flow.run_until(10 * SECOND)
    node = flow.people.all[0]
    flow.departures.remove(node, is_crash=True)
    flow.run_until(20 * SECOND)
    flow.desk.is_up = False
    flow.run_until(60 * SECOND)
    assert flow.tree.state[node], "nobody is there to bury it"
    flow.desk.come_back()
    flow.run_until(90 * SECOND)
    assert not flow.tree.state[node]
    assert flow.problems() == []


# ---- moves


@pytest.fixture
def three(flow_of: MakeFlow) -> tuple[Flow, int, int, int]:
    """Give two parents under the origin, and a childless child of the first."""
    flow = flow_of(0, origin_capacity=2)
    come(flow, 2, 2)
    flow.run_until(10 * SECOND)
    come(flow, 0)
    flow.run_until(20 * SECOND)
    mesh = flow.mesh
    (child,) = [one for one in flow.people.all if not mesh.capacity[one]]
    source = mesh.parent[child]
    (target,) = [one for one in flow.people.all if mesh.capacity[one] and one != source]
    return flow, child, source, target


def test_a_move_takes_a_round_trip_or_two_and_loses_nothing(three: tuple[Flow, int, int, int]) -> None:
    flow, child, source, target = three
    mesh = flow.mesh
    is_warm = mesh.has_warm(child, target, flow.now)
    due = flow.now + flow.desk.way_us(child) + (2 if is_warm else 4) * mesh.delay_us(child, target)
    flow.desk.order([Move(child, source, target)])
    flow.run_until(due - 1)
    assert mesh.parent[child] == source, "the old parent feeds it until the new one does"
    flow.run_until(due)
    assert mesh.parent[child] == target
    assert child not in mesh.children.of(source)
    assert mesh.lag_us[child] == mesh.lag_us[target] + mesh.delay_us(child, target)
    assert mesh.head_of(child) == ORIGIN
    assert not flow.orphans.of
    assert target not in mesh.standbys(child)
    flow.run_until(60 * SECOND)
    found = flow.measures()
    assert found.missing_us == [0, 0, 0, 0]
    assert found.repairs == 0
    assert found.moves >= 1


def test_a_stale_move_changes_nothing(three: tuple[Flow, int, int, int]) -> None:
    flow, child, source, target = three
    flow.desk.order([Move(child, target, source), Move(child, ORIGIN, target)])
    flow.run_until(flow.now + 2 * SECOND)
    assert flow.mesh.parent[child] == source


def test_a_move_to_one_who_has_died_meanwhile_changes_nothing(three: tuple[Flow, int, int, int]) -> None:
    flow, child, source, target = three
    flow.desk.order([Move(child, source, target)])
    flow.departures.remove(target, is_crash=True)
    flow.run_until(flow.now + 2 * SECOND)
    assert flow.mesh.parent[child] == source


def test_nobody_is_moved_beneath_itself(three: tuple[Flow, int, int, int]) -> None:
    flow, child, source, _ = three
    flow.desk.order([Move(source, ORIGIN, child)])
    flow.run_until(flow.now + 2 * SECOND)
    assert flow.mesh.parent[source] == ORIGIN
    assert flow.problems() == []


def test_in_a_growing_crowd_many_are_moved_and_nobody_misses_a_chunk(flow_of: MakeFlow) -> None:
    flow = flow_of(400, origin_capacity=2)
    flow.run_until(90 * SECOND)
    found = flow.measures()
    assert found.moves > 50
    assert found.missing_us == [0, 0, 0, 0]
    assert found.repairs == 0


# ---- standbys


def test_everybody_below_the_top_is_given_two_standbys_of_lower_rank(flow_of: MakeFlow) -> None:
    flow = flow_of(200)
    flow.run_until(60 * SECOND)
    mesh = flow.mesh
    below = [one for one in flow.people.all if mesh.rank[one] > 4]
    assert below
    short = [one for one in below if len(mesh.standbys(one)) < 2]
    assert len(short) <= len(below) // 10
    for node in flow.people.all:
        for standby in mesh.standbys(node):
            assert mesh.rank[standby] < mesh.rank[node]
            assert standby not in (node, mesh.parent[node])
            assert node in mesh.clients_of(standby)


def test_a_standby_that_has_died_is_replaced(three: tuple[Flow, int, int, int]) -> None:
    flow, child, _, target = three
    flow.run_until(40 * SECOND)
    assert set(flow.mesh.standbys(child)) == {ORIGIN, target}
    flow.departures.remove(target, is_crash=True)
    flow.run_until(80 * SECOND)
    assert flow.mesh.standbys(child) == [ORIGIN]
    come(flow, 2)
    flow.run_until(110 * SECOND)
    standbys = flow.mesh.standbys(child)
    assert all(flow.mesh.alive[one] for one in standbys)
    assert len(standbys) == 2
    assert NOBODY not in standbys


# ---- timing


def test_one_operation_in_sixteen_is_timed_and_parts_of_it_add_up() -> None:
    times = iter([1.0, 1.5, 2.0, 2.25])
    timer = Timer(lambda: next(times))
    for _ in range(TIMED_EVERY):
        timer.begin()
        timer.end(is_whole=False)
        timer.resume()
        timer.end()
    assert timer.count == TIMED_EVERY
    assert timer.timed == 1
    assert timer.us == pytest.approx(750_000)


def test_without_a_clock_nothing_is_timed() -> None:
    timer = Timer(None)
    for _ in range(2 * TIMED_EVERY):
        timer.begin()
        timer.end()
    assert timer.us == 0.0
