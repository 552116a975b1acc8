"""Stories of a few peers whose places a script has chosen: what they do with no tracker's help."""

from collections.abc import Callable

from meshcast.protocol.limits import BACKLOG_US
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.fixed_tracker import SOURCE, Spot
from sim.process import Process
from sim.truth import rank_of, relay_of, uplink_of
from sim.weather import Conditions
from sim.world import Settings, World

CHAIN = {0: Spot(SOURCE), 1: Spot(0, (SOURCE,)), 2: Spot(1, (0, SOURCE))}
Scripted = Callable[..., tuple[World, list[Process]]]


def played(peer: Process) -> list[int]:
    return peer.ear.played


def has_no_hole(peer: Process) -> bool:
    return played(peer) == list(range(played(peer)[0], played(peer)[-1] + 1)) and not peer.ear.concealed


def test_each_plays_everything_a_second_after_its_earliest_transit(scripted: Scripted) -> None:
    world, peers = scripted(CHAIN)
    world.run_for(5 * SECOND)
    assert [rank_of(peer) for peer in peers] == [3, 4, 5]
    for peer in peers:
        assert has_no_hole(peer)
        assert world.broadcast.newest - played(peer)[-1] <= 14


def test_a_child_whose_parent_dies_turns_to_its_standby_and_plays_on(scripted: Scripted) -> None:
    world, (top, middle, bottom) = scripted(CHAIN, city="London")
    world.faults.kill(middle)
    world.run_for(5 * SECOND)
    assert uplink_of(bottom).parent == top.key
    (repair_us,) = uplink_of(bottom).search.repairs_us
    assert repair_us < 600 * MILLISECOND
    assert has_no_hole(bottom)


def test_a_child_whose_parent_leaves_politely_does_not_wait_for_silence(scripted: Scripted) -> None:
    world, (top, middle, bottom) = scripted(CHAIN, city="London")
    world.faults.leave(middle)
    world.run_for(200 * MILLISECOND)
    assert uplink_of(bottom).parent == top.key
    world.run_for(3 * SECOND)
    assert has_no_hole(bottom)


def test_a_child_whose_parent_and_first_standby_die_together_turns_to_the_second(scripted: Scripted) -> None:
    world, (top, middle, bottom) = scripted(CHAIN, city="London")
    world.faults.kill(top, middle)
    world.run_for(5 * SECOND)
    assert uplink_of(bottom).parent == world.source.key
    assert has_no_hole(bottom)


def test_a_frozen_parent_is_left_and_what_it_wakes_up_to_harms_nobody(scripted: Scripted) -> None:
    world, (top, middle, bottom) = scripted(CHAIN, city="London")
    world.faults.freeze(middle)
    world.run_for(5 * SECOND)
    assert uplink_of(bottom).parent == top.key
    world.faults.thaw(middle)
    world.run_for(15 * SECOND)
    assert uplink_of(middle).state.is_hearing
    assert bottom.key not in relay_of(middle).children
    assert has_no_hole(bottom)


def test_the_children_of_a_stalled_peer_stay_with_it(scripted: Scripted) -> None:
    world, (_, middle, bottom) = scripted(CHAIN, city="London")
    world.faults.kill(world.peers[0])
    world.run_for(5 * SECOND)
    assert uplink_of(middle).parent == world.source.key
    assert uplink_of(bottom).parent == middle.key
    assert uplink_of(bottom).search.repairs_us == []
    assert has_no_hole(bottom)


def test_a_paused_source_moves_nobody(scripted: Scripted) -> None:
    world, peers = scripted(CHAIN)
    world.is_paused = True
    world.run_for(20 * SECOND)
    world.is_paused = False
    world.run_for(5 * SECOND)
    for peer in peers:
        assert uplink_of(peer).search.repairs_us == []
        assert has_no_hole(peer)


def test_lost_datagrams_are_pulled_before_they_are_due(scripted: Scripted) -> None:
    world, peers = scripted(CHAIN, Settings(conditions=Conditions(loss=0.05, jitter=0.2)), city="London")
    world.run_for(60 * SECOND)
    for peer in peers:
        assert len(peer.ear.concealed) <= 1
        assert len(played(peer)) > 500


def test_doubled_datagrams_change_nothing(scripted: Scripted) -> None:
    world, peers = scripted(CHAIN, Settings(conditions=Conditions(duplication=0.5)))
    world.run_for(10 * SECOND)
    for peer in peers:
        assert isinstance(peer.machine, PeerMachine)
        assert has_no_hole(peer)
        assert peer.machine.tally.duplicates > 20
        assert peer.machine.tally.forged == 0


def test_a_backlog_is_bounded(scripted: Scripted) -> None:
    world, peers = scripted(CHAIN)
    world.run_for(BACKLOG_US + 10 * SECOND)
    for peer in peers:
        assert len(uplink_of(peer).backlog) <= BACKLOG_US // world.settings.chunk_us
