"""The checkers see what they are there to see."""

import re

import pytest

from meshcast.protocol.relay import Child
from meshcast.protocol.units import SECOND, PeerId
from sim.checkers import (
    DISAGREE_US_MAX,
    SAMPLE_US,
    BrokenPromiseError,
    Checker,
    tree_problems,
    unsettled,
)
from sim.experiments import settled_crowd
from sim.process import Process
from sim.truth import rank_of, relay_of, uplink_of
from sim.world import Settings, World
from tracker.overlay.columns import ORIGIN
from tracker.overlay.keys import NOWHERE
from tracker.overlay.tree import Tree


@pytest.fixture
def checked() -> tuple[World, Process, Process]:
    """A checked world with a peer of two places and one that can serve nobody."""
    world = World("checked")
    Checker(world)
    world.run_for(SECOND)
    server, leaf = world.add_peer(capacity=2, city="Boston"), world.add_peer(capacity=0, city="Boston")
    world.run_for(3 * SECOND)
    return world, server, leaf


def fakes(count: int) -> dict[PeerId, Child]:
    return {PeerId(bytes([number]) * 32): Child(1, is_emergency=False) for number in range(count)}


def test_a_world_in_order_is_passed(checked: tuple[World, Process, Process]) -> None:
    world, _, _ = checked
    assert unsettled(world) == []


def test_i1_a_parent_of_no_lower_rank_is_seen(checked: tuple[World, Process, Process]) -> None:
    world, server, _ = checked
    uplink_of(server).parent_rank = rank_of(server)
    with pytest.raises(AssertionError, match="I1"):
        world.run_for(SECOND)


def test_i1_a_loop_is_seen(checked: tuple[World, Process, Process]) -> None:
    world, server, leaf = checked
    world.run_for(SAMPLE_US - SECOND // 100)
    uplink_of(server).parent, uplink_of(leaf).parent = leaf.key, server.key
    with pytest.raises(AssertionError, match="I1"):
        world.run_for(SAMPLE_US)


def test_i2_a_rank_that_rises_over_children_is_seen(checked: tuple[World, Process, Process]) -> None:
    world, server, _ = checked
    relay_of(server).children.update(fakes(1))
    world.run_for(SAMPLE_US)
    relay_of(server).standing.rank += 1
    with pytest.raises(AssertionError, match="I2"):
        world.run_for(SECOND)


@pytest.mark.parametrize(("who", "count"), [(0, 7), (1, 1)])
def test_i3_too_many_children_are_seen(checked: tuple[World, Process, Process], who: int, count: int) -> None:
    world = checked[0]
    relay_of((checked[1], checked[2])[who]).children.update(fakes(count))
    with pytest.raises(AssertionError, match="I3"):
        world.run_for(SECOND)


def test_i4_a_parent_that_does_not_know_its_child_is_seen_after_a_while(
    checked: tuple[World, Process, Process],
) -> None:
    world, server, leaf = checked
    relay_of(server).children.update({leaf.key: Child(99, is_emergency=False)})
    uplink_of(leaf).named_standbys((), world.now)
    world.run_for(DISAGREE_US_MAX - SECOND)
    with pytest.raises(AssertionError, match="I4"):
        world.run_for(2 * SECOND)


def test_i9_what_is_played_twice_is_seen(checked: tuple[World, Process, Process]) -> None:
    world, server, _ = checked
    server.ear.played.append(server.ear.played[-1])
    with pytest.raises(AssertionError, match="I9"):
        world.run_for(SECOND)


def test_an_orphan_and_a_ghost_are_reported_at_the_end(checked: tuple[World, Process, Process]) -> None:
    world, server, _ = checked
    world.faults.kill(world.source)
    world.run_for(4 * SECOND)
    assert any("no way to the source" in problem for problem in unsettled(world))
    world.faults.kill(server)
    assert any("believes in" in problem for problem in unsettled(world))


def test_a_broken_promise_says_which_where_when_and_in_which_world(
    checked: tuple[World, Process, Process],
) -> None:
    world, server, _ = checked
    relay_of(server).children.update(fakes(7))
    with pytest.raises(BrokenPromiseError) as caught:
        world.run_for(SECOND)
    assert re.fullmatch(
        r"I3: <listener 0 [0-9a-f]{8}> feeds \d of 2, at \d+\.\d{6} s in the world of seed 'checked'",
        str(caught.value),
    )


def test_what_is_broken_can_be_kept_instead_once_for_each_place() -> None:
    world = World("kept")
    checker = Checker(world, raises=False)
    world.run_for(SECOND)
    server = world.add_peer(capacity=2, city="Boston")
    world.run_for(3 * SECOND)
    assert checker.violations == []
    for count in (7, 8):
        relay_of(server).children.update(fakes(count))
        world.run_for(SECOND)
    assert [one[:3] for one in checker.violations].count("I3:") == 1


def test_a_checked_world_is_the_same_world() -> None:
    """What is heard twice, to see that it changes nothing, changes nothing."""
    digests = []
    for is_checked in (False, True):
        world = settled_crowd(
            "same",
            peers=12,
            join_us=3 * SECOND,
            settle_us=3 * SECOND,
            settings=Settings(is_traced=True),
            is_checked=is_checked,
        )
        assert world.runner.trace is not None
        digests.append(world.runner.trace.digest())
    assert digests[0] == digests[1]


def test_i6_i7_of_the_trackers_view_come_with_their_names() -> None:
    tree = Tree(regions=1, nearest_regions=[()], dice=lambda _: 0, origin_capacity=2)
    assert tree_problems(tree) == []
    tree.free[ORIGIN] -= 1
    assert tree_problems(tree)[0].startswith("I7: places")
    tree.free[ORIGIN] += 1
    tree.slots.put(ORIGIN, NOWHERE)
    assert tree_problems(tree)[0].startswith("I6: bag")


def test_l1_who_waits_for_a_place_that_nobody_has_is_in_order() -> None:
    world = World("full", Settings(origin_capacity=1))
    Checker(world)
    world.run_for(SECOND)
    for _ in range(3):
        world.add_peer(capacity=0, city="Boston")
    world.run_for(4 * SECOND)
    assert sum(not uplink_of(peer).state.is_hearing for peer in world.living) == 2
    assert unsettled(world, tidied=True) == []
    world.add_peer(capacity=4, city="Boston")
    world.run_for(6 * SECOND)
    assert unsettled(world) == []
    assert all(uplink_of(peer).state.is_hearing for peer in world.living)
