"""Machines before a hostile crowd, in whatever order hypothesis likes: what is pending stays within its limits."""

from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fuzz.crowd import CROWD
from fuzz.machines import ListenerSiege, Siege, SourceSiege, TrackerSiege
from meshcast.protocol.capacity import children_max
from meshcast.protocol.limits import (
    CLIENTS_MAX,
    LINKS_MAX,
    PARKED_MAX,
    PULL_CHUNKS_BURST,
    REFERRED_MAX,
    STANDBYS_MAX,
    UNCLES_MAX,
)
from meshcast.protocol.relay import Relay
from meshcast.protocol.units import SECOND
from tracker.overlay.machine import BROADCASTS_MAX
from tracker.overlay.promises import check

SHORT = settings(
    max_examples=6,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class Besieged(RuleBasedStateMachine):
    """Rules that hold for every machine."""

    siege: Siege

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 60))
    def the_crowd_speaks(self, seed: int, count: int) -> None:
        self.siege.feed(count, Random(seed))

    @rule(enemy=st.integers(0, CROWD - 1))
    def the_tracker_believes_in_one_of_them(self, enemy: int) -> None:
        self.siege.place(enemy)

    @rule(seconds=st.integers(1, 20))
    def time_passes(self, seconds: int) -> None:
        self.siege.now += seconds * SECOND
        self.siege.catch_up()

    @rule()
    def all_of_them_go(self) -> None:
        self.siege.settle()


class BesiegedListener(Besieged):
    """A listener."""

    def __init__(self) -> None:
        super().__init__()
        self.siege: ListenerSiege = ListenerSiege()

    @invariant()
    def what_is_pending_is_bounded(self) -> None:
        peer = self.siege.machine
        check_relay(peer.relay)
        neighbours = peer.uplink.neighbours
        assert len(peer.uplink.pulls.holes) <= PULL_CHUNKS_BURST
        assert len(peer.uplink.standbys.all) <= STANDBYS_MAX
        assert len(neighbours.uncles) <= UNCLES_MAX
        assert len(neighbours.referred) <= REFERRED_MAX
        assert len(neighbours.tickets) <= LINKS_MAX
        assert len(neighbours.avoided) <= LINKS_MAX
        assert len(peer.tally.accused) <= LINKS_MAX
        assert len(peer.acquaintances.since) <= LINKS_MAX


class BesiegedSource(Besieged):
    """A broadcaster."""

    def __init__(self) -> None:
        super().__init__()
        self.siege: SourceSiege = SourceSiege()

    @invariant()
    def what_is_pending_is_bounded(self) -> None:
        check_relay(self.siege.machine.relay)
        assert len(self.siege.machine.acquaintances.since) <= LINKS_MAX


class BesiegedTracker(Besieged):
    """A tracker."""

    def __init__(self) -> None:
        super().__init__()
        self.siege: TrackerSiege = TrackerSiege()

    @invariant()
    def promises_hold_and_only_those_with_links_wait(self) -> None:
        tracker = self.siege.machine
        assert len(tracker.broadcasts) <= BROADCASTS_MAX
        waiting = len(tracker._anteroom) + sum(len(one.waiting) for one in tracker.broadcasts.values())
        assert waiting <= len(tracker._visitors) <= CROWD + 2
        for broadcast in tracker.broadcasts.values():
            check(broadcast.tree)


def check_relay(relay: Relay) -> None:
    """Look whether a serving half keeps to its limits."""
    assert len(relay.children) <= children_max(relay.member.role, relay.member.capacity)
    assert len(relay.clients) <= CLIENTS_MAX
    assert all(len(wanted) <= PARKED_MAX for wanted in relay.wishes.parked.values())
    assert len(relay.tickets) <= LINKS_MAX


@pytest.mark.parametrize("besieged", [BesiegedListener, BesiegedSource, BesiegedTracker])
def test_whatever_the_crowd_does_in_whatever_order_limits_hold(besieged: type[Besieged]) -> None:
    run_state_machine_as_test(besieged, settings=SHORT)
