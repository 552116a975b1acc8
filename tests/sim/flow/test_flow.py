from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.flow.flow import Flow
from sim.scenario import Curve
from tracker.overlay.columns import NOBODY, ORIGIN

MakeFlow = Callable[..., Flow]


def all_hear(flow: Flow) -> bool:
    """Has everybody who is there a way to the origin?"""
    return all(flow.mesh.head_of(one) == ORIGIN for one in flow.people.all) and not flow.orphans.of


def able(flow: Flow) -> list[int]:
    """Give the listeners that feed others."""
    return [one for one in flow.people.all if flow.mesh.feeds[one]]


# ---- coming


def test_a_joiner_waits_for_the_tracker_and_two_round_trips_to_its_parent(flow_of: MakeFlow) -> None:
    flow = flow_of(1)
    flow.run_until(30 * SECOND)
    (node,) = flow.people.all
    way_us = flow.desk.way_us(node)
    wait = 2 * way_us + 4 * flow.mesh.delay_us(node, ORIGIN)
    assert flow.measures().wait_us.max == wait


def test_everybody_who_comes_hears_at_once_where_there_are_places(flow_of: MakeFlow) -> None:
    flow = flow_of(300)
    flow.run_until(60 * SECOND)
    found = flow.measures()
    assert (found.joins, found.heard, flow.peers_alive, flow.coming) == (300, 300, 300, 0)
    assert all_hear(flow)
    assert found.missing_us == [0, 0, 0, 0]
    assert found.repairs == 0
    assert found.violations == []


def test_a_joiner_whose_named_parent_is_dead_finds_another(flow_of: MakeFlow) -> None:
    flow = flow_of(60, origin_capacity=2)
    flow.run_until(30 * SECOND)
    # The tracker does not know yet, and names the dead.
    for one in able(flow):
        flow.departures.remove(one, is_crash=True)
    for _ in range(30):
        flow.come()
    flow.run_until(flow.now + 60 * SECOND)
    assert flow.coming == 0
    assert all_hear(flow)
    assert flow.problems() == []


def test_whoever_leaves_is_replaced_so_that_the_audience_keeps_its_size(flow_of: MakeFlow) -> None:
    flow = flow_of(100, lives_s=10)
    flow.run_until(60 * SECOND)
    found = flow.measures()
    assert found.leaves > 50
    assert found.crashes > 50
    assert len(flow.people.all) + flow.coming == 100
    assert found.joins == len(flow.people.all) + found.leaves + found.crashes


def test_whoever_gets_the_number_of_one_that_left_is_nobodys_standby_by_it(flow_of: MakeFlow) -> None:
    """Ten thousand who stay a minute found it: eight clients whose standby had gone, and was somebody else before they knew."""
    flow = flow_of(400, lives_s=10)
    while flow.now < 40 * SECOND:
        flow.run_until(flow.now + 20 * MILLISECOND)
        mesh = flow.mesh
        for client in flow.people.all:
            for standby in mesh.standbys(client):
                assert not mesh.alive[standby] or client in mesh.clients_of(standby)
    assert flow.measures().leaves > 300


def test_a_crowd_follows_its_curve_up_and_down(flow_of: MakeFlow) -> None:
    curve = Curve(((10 * SECOND, 80), (30 * SECOND, 80), (40 * SECOND, 20)))
    flow = flow_of(0, curve=curve, duration_us=60 * SECOND)
    flow.run_until(25 * SECOND)
    assert len(flow.people.all) == 80
    flow.run_until(60 * SECOND)
    assert len(flow.people.all) == 20


def test_relays_stand_before_the_first_listener_comes(flow_of: MakeFlow) -> None:
    flow = flow_of(300, relays=3, relay_capacity=16)
    flow.run_until(60 * SECOND)
    mesh, relays = flow.mesh, (1, 2, 3)
    assert [int(Role.RELAY)] * 3 == [mesh.role[one] for one in relays]
    assert sum(mesh.feeds[one] for one in relays) > 20
    assert flow.measures().joins == 300


# ---- going


def test_orphans_of_a_crash_are_taken_in_and_the_default_delay_hides_it(flow_of: MakeFlow) -> None:
    flow = flow_of(200)
    flow.run_until(30 * SECOND)
    victims = able(flow)[::3]
    assert victims
    for one in victims:
        flow.departures.remove(one, is_crash=True)
    flow.run_until(60 * SECOND)
    found = flow.measures()
    assert all_hear(flow)
    assert found.repairs >= len(victims)
    assert found.missing_us[1:] == [0, 0, 0]
    assert found.crashes == len(victims)


def test_who_loses_everybody_above_it_in_one_instant_turns_to_the_origin_without_the_tracker(
    flow_of: MakeFlow,
) -> None:
    flow = flow_of(80, origin_capacity=2)
    flow.run_until(30 * SECOND)
    mesh = flow.mesh
    leaf = max(flow.people.all, key=lambda one: len(flow.figures.depths(np.array([one]))))
    above = [leaf]
    while mesh.parent[above[-1]] != ORIGIN:
        above.append(mesh.parent[above[-1]])
    assert len(above) > 2
    for one in above:
        for standby in mesh.standbys(one):
            mesh.drop_standby(one, standby)
    flow.desk.is_up = False
    flow.departures.kill(above[:0:-1])
    flow.run_until(33 * SECOND)
    assert mesh.head_of(leaf) == ORIGIN
    assert flow.measures().missing_us[2] == 0


def test_a_polite_leave_costs_nobody_anything(flow_of: MakeFlow) -> None:
    flow = flow_of(200)
    flow.run_until(30 * SECOND)
    for one in able(flow)[::4]:
        flow.departures.remove(one, is_crash=False)
        flow.run_until(flow.now + SECOND)
    flow.run_until(60 * SECOND)
    assert all_hear(flow)
    assert flow.measures().missing_us == [0, 0, 0, 0]


def test_who_looks_for_a_parent_and_finds_none_is_told_as_missing(flow_of: MakeFlow) -> None:
    flow = flow_of(1)
    flow.run_until(20 * SECOND)
    (lost,) = flow.people.all
    flow.mesh.unlink(lost)
    flow.sound.have[lost] = flow.sound.newest(ORIGIN, flow.now) - 1
    flow.run_until(40 * SECOND)
    found = flow.measures()
    assert 18 * SECOND <= found.missing_us[1] <= 19 * SECOND
    assert found.gapped[1] == 1
    assert flow.measures().missing_us == found.missing_us


def test_nobody_is_left_behind_after_churn(flow_of: MakeFlow) -> None:
    flow = flow_of(300, lives_s=20, duration_us=400 * SECOND)
    flow.run_until(120 * SECOND)
    assert flow.problems() == []
    mesh, orphans, seen = flow.mesh, flow.orphans.of, 0
    for _ in range(20):
        # Whose parent has just died does not know it yet, and is no orphan; a second later it must know.
        heads = {mesh.head_of(one) for one in flow.people.all} - {ORIGIN, *orphans}
        generations = {head: mesh.generation[head] for head in heads}
        flow.run_until(flow.now + SECOND)
        still_here = [head for head, before in generations.items() if mesh.generation[head] == before]
        seen += len(still_here)
        assert all(mesh.parent[head] != NOBODY or head in orphans for head in still_here)
    assert seen


# ---- repeatable


def test_slices_make_no_difference(flow_of: MakeFlow) -> None:
    whole, sliced = (flow_of(200, lives_s=15) for _ in range(2))
    whole.run_until(40 * SECOND)
    for until in range(0, 40 * SECOND + 1, 250 * MILLISECOND):
        sliced.run_until(until)
    assert whole.digest() == sliced.digest()
    assert whole.events == sliced.events
    assert whole.measures() == sliced.measures()


def test_another_seed_is_another_run(flow_of: MakeFlow) -> None:
    digests = []
    for seed in (1, 2, "1"):
        flow = flow_of(50, seed=seed)
        flow.run_until(20 * SECOND)
        digests.append(flow.digest())
    assert digests[0] == digests[2]
    assert digests[0] != digests[1]


def test_looking_changes_nothing(flow_of: MakeFlow) -> None:
    looked, other = (flow_of(150, lives_s=10) for _ in range(2))
    for until in range(0, 30 * SECOND + 1, SECOND):
        looked.run_until(until)
        looked.measures()
        looked.problems()
    other.run_until(30 * SECOND)
    assert looked.digest() == other.digest()


def test_missing_audio_and_what_was_due_only_grow(flow_of: MakeFlow) -> None:
    flow = flow_of(200, lives_s=8)
    flow.run_until(60 * SECOND)
    samples = flow.measures().samples
    for one, later in pairwise(samples):
        assert later.due_us >= one.due_us
        assert all(after >= before for before, after in zip(one.missing_us, later.missing_us, strict=True))


@pytest.mark.parametrize("until_s", [5, 120])
def test_a_run_that_was_stopped_says_so(flow_of: MakeFlow, until_s: int) -> None:
    flow = flow_of(20)
    flow.run_until(until_s * SECOND)
    assert flow.measures().is_cut_short == (until_s < 120)


def test_nobody_who_has_gone_is_still_asked_or_counted(flow_of: MakeFlow) -> None:
    flow = flow_of(100)
    flow.run_until(30 * SECOND)
    for one in list(flow.people.all):
        flow.departures.remove(one, is_crash=True)
    flow.run_until(90 * SECOND)
    assert flow.peers_alive == 0
    assert not flow.orphans.of
    assert not flow.mesh.feeds[ORIGIN]
    assert all(parent == NOBODY for node, parent in enumerate(flow.mesh.parent) if flow.mesh.alive[node])
    assert flow.measures().violations == []
