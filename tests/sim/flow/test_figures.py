from collections.abc import Callable
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.units import SECOND
from sim.flow.flow import Flow
from sim.scenario import Fidelity, Scenario
from sim.sizes import tree_bytes
from tracker.overlay.columns import ORIGIN

MakeFlow = Callable[..., Flow]


def shallowest(origin: int, capacities: list[int]) -> int:
    """Give the least depth of all trees of these peers, by trying for each how deep it may hang; 0 if there is none."""
    if not capacities:
        return 0
    for most in range(1, len(capacities) + 1):
        for depths in product(range(1, most + 1), repeat=len(capacities)):
            places = [origin] + [0] * most
            wanted = [0] * (most + 1)
            for depth, capacity in zip(depths, capacities, strict=True):
                places[depth] += capacity
                wanted[depth - 1] += 1
            if all(want <= has for want, has in zip(wanted, places, strict=True)):
                return most
    return 0


@settings(max_examples=30)
@given(st.integers(1, 3), st.lists(st.sampled_from((0, 0, 1, 2, 3)), max_size=5))
def test_the_least_depth_is_that_of_the_best_of_all_trees(origin: int, capacities: list[int]) -> None:
    flow = Flow(Scenario("depth", fidelity=Fidelity.FLOW, origin_capacity=origin), 1)
    for node, capacity in enumerate(capacities, 1):
        flow.mesh.enter(node, capacity=capacity, city=0, access_us=0)
        flow.admit(node)
    best = shallowest(origin, sorted(capacities, reverse=True))
    if best or not capacities:
        assert flow.figures.least_depth() == best


def test_figures_may_be_asked_for_twice(flow_of: MakeFlow) -> None:
    flow = flow_of(150, lives_s=10)
    flow.run_until(40 * SECOND)
    one = flow.measures()
    assert flow.measures() == one
    assert one.samples[:-1] == flow.figures.samples
    flow.run_until(41 * SECOND)
    assert flow.measures() != one


def test_before_anybody_has_come_all_is_nothing(flow_of: MakeFlow) -> None:
    found = flow_of(0).measures()
    assert (found.joins, found.heard, found.depth_least, found.depth.max, found.missing_us) == (
        0, 0, 0, 0, [0, 0, 0, 0],
    )  # fmt: skip
    assert found.violations == []


def test_depths_count_hops_from_the_origin_or_from_a_stalled_head(flow_of: MakeFlow) -> None:
    flow = flow_of(100, origin_capacity=2)
    flow.run_until(30 * SECOND)
    mesh = flow.mesh

    def depth(*nodes: int) -> list[int]:
        return flow.figures.depths(np.array(nodes, np.intp))

    assert depth(ORIGIN) == [1]
    for one in flow.people.all:
        assert depth(one) == [0, *depth(mesh.parent[one])]
    everybody = depth(*flow.people.all)
    assert sum(everybody) == len(flow.people.all)
    assert len(everybody) == max(len(depth(one)) for one in flow.people.all)
    head = next(one for one in flow.people.all if mesh.feeds[one])
    below = mesh.children.of(head)
    mesh.unlink(head)
    assert depth(head, *below) == [1, len(below)]
    assert depth() == [0]


def test_the_depth_of_a_settled_crowd_is_within_three_of_the_least(flow_of: MakeFlow) -> None:
    flow = flow_of(600, origin_capacity=4)
    flow.run_until(90 * SECOND)
    found = flow.measures()
    assert found.depth_least <= found.depth.max <= found.depth_least + 3


def test_what_was_due_is_the_time_that_everybody_was_there(flow_of: MakeFlow) -> None:
    flow = flow_of(30)
    flow.run_until(60 * SECOND)
    began = [flow.sound.first_due_at[one] for one in flow.people.all]
    gone = flow.people.all[0]
    flow.departures.remove(gone, is_crash=False)
    flow.run_until(80 * SECOND)
    expected = sum(80 * SECOND - at for at in began) - 20 * SECOND
    assert flow.measures().due_us == expected


def test_the_last_four_seconds_are_not_counted(flow_of: MakeFlow) -> None:
    flow = flow_of(1)
    flow.run_until(120 * SECOND)
    (one,) = flow.people.all
    assert flow.measures().due_us == 116 * SECOND - flow.sound.first_due_at[one]


def test_delays_are_those_of_the_ways_and_unicast_those_without_anybody_between(flow_of: MakeFlow) -> None:
    flow = flow_of(60, origin_capacity=64)
    flow.run_until(30 * SECOND)
    found = flow.measures()
    top = [one for one in flow.people.all if flow.mesh.parent[one] == ORIGIN]
    assert len(top) == 60
    assert found.delay_us == found.unicast_us
    assert found.delay_us.max == max(flow.mesh.delay_us(one, ORIGIN) for one in top)


def test_the_origins_copies_and_those_beyond_its_places_are_counted(flow_of: MakeFlow) -> None:
    flow = flow_of(100, origin_capacity=3)
    flow.run_until(30 * SECOND)
    for one in flow.mesh.children.of(ORIGIN):
        flow.departures.remove(one, is_crash=True)
    flow.run_until(40 * SECOND)
    found = flow.measures()
    assert found.origin_copies_peak > 3
    assert found.emergency_copies_peak == found.origin_copies_peak - 3


def test_only_columns_and_indices_are_weighed(flow_of: MakeFlow) -> None:
    small, large = flow_of(10), flow_of(2_000)
    for flow in (small, large):
        flow.run_until(12 * SECOND)
    a_peer = (tree_bytes(large.tree) - tree_bytes(small.tree)) / 1_990
    assert 100 < a_peer < 600
