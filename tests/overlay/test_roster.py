"""Who is in one broadcast, and which rows are to be kept of it."""

import random
from typing import Any

import pytest

from meshcast.protocol.identity import Identity
from meshcast.protocol.messages import Join
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import BroadcastId, PeerId
from tracker.overlay.columns import ORIGIN
from tracker.overlay.effects import Keep
from tracker.overlay.office import Office
from tracker.overlay.roster import Roster
from tracker.overlay.snapshot import Row, unpack_row
from tracker.overlay.steward import Steward

ID = BroadcastId(bytes(32))
SOURCE, PEER, OTHER = (PeerId(bytes([number]) * 32) for number in (1, 2, 3))
ADDRESS = "10.0.0.1", 4000
NEAREST = (0, 1, 2), (1, 0, 2), (2, 1, 0)


@pytest.fixture
def steward(plant: Any) -> Steward:
    return Steward(plant(regions=len(NEAREST)))


@pytest.fixture
def roster(steward: Steward) -> Roster:
    office = Office(Identity.from_seed(bytes(32)), 1, 0, random.Random(1).randrange, NEAREST)
    roster = Roster(office, ID, steward)
    roster.registry.enter(SOURCE, ORIGIN, (ADDRESS,))
    return roster


def wish(*landmarks: int) -> Join:
    return Join(ID, Role.LISTENER, 2, (), landmarks, b"")


def test_a_joiner_is_of_the_region_whose_landmark_is_nearest(roster: Roster) -> None:
    assert roster.region(wish()) == 0
    assert roster.region(wish(9, 3, 5)) == 1
    assert roster.region(wish(9, 7, 5, 3)) == 0, "more landmarks than there are regions"


def test_a_joiner_is_entered_at_the_address_of_its_link(roster: Roster) -> None:
    roster.called(PEER, ADDRESS)
    node = roster.enter_joiner(PEER, wish())
    assert roster.registry.addresses(node) == (ADDRESS,)
    roster.hung_up(PEER)
    assert not roster.is_linked(PEER)
    assert PEER in roster.registry, "its place does not depend on its link"


def test_spares_are_known_until_they_are_forgotten(roster: Roster) -> None:
    node = roster.enter(PEER, 2, 0, Role.SPARE, ADDRESS)
    roster.enter(OTHER, 2, 0, Role.LISTENER, ADDRESS)
    assert list(roster.spares) == [PEER]
    assert roster.forget(node) == PEER
    assert not roster.spares


def test_a_spare_that_was_kept_is_one_again(roster: Roster) -> None:
    kept = Row(PEER, SOURCE, 1, 2, 0, Role.SPARE, 7, 1, (ADDRESS,))
    roster.restore([kept], 0)
    assert list(roster.spares) == [PEER]
    assert roster.changes() == [], "it is in the store already"


def test_a_change_is_handed_out_once(roster: Roster) -> None:
    roster.enter(PEER, 2, 0, Role.LISTENER, ADDRESS)
    (kept,) = roster.changes()
    assert isinstance(kept, Keep)
    assert kept.row is not None
    assert unpack_row(kept.row).key == PEER
    assert roster.changes() == []


def test_one_that_went_and_came_back_is_not_struck_out(roster: Roster) -> None:
    node = roster.enter(PEER, 2, 0, Role.LISTENER, ADDRESS)
    roster.changes()
    roster.forget(node)
    roster.enter(PEER, 2, 0, Role.LISTENER, ADDRESS)
    assert [one.row is None for one in roster.changes() if isinstance(one, Keep)] == [False]
    roster.forget(roster.registry.find(PEER) or 0)
    assert roster.changes() == [Keep(ID, PEER, None)]
