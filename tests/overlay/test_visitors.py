"""Who has a link, who has said nothing for too long, and that there is a bound."""

import pytest

from meshcast.protocol.units import PeerId
from tracker.overlay import visitors
from tracker.overlay.visitors import INTRODUCE_US, Visitors

ANN, BOB, CAT = (PeerId(name.encode() * 8) for name in ("ann.", "bob.", "cat."))
HERE = "192.0.2.1", 4433


def test_the_silent_are_overdue_once_and_those_who_spoke_never() -> None:
    guests = Visitors()
    for step, peer in enumerate((ANN, BOB, CAT)):
        assert guests.met(peer, HERE, step)
    guests.introduced(BOB)
    assert guests.deadline() == INTRODUCE_US
    assert guests.overdue(INTRODUCE_US - 1) == []
    assert guests.overdue(INTRODUCE_US) == [ANN]
    assert guests.deadline() == INTRODUCE_US + 2
    assert guests.overdue(2 * INTRODUCE_US) == [CAT]
    assert guests.deadline() is None
    assert list(guests) == [ANN, BOB, CAT], "their links are there until they are down"


def test_who_comes_back_begins_anew() -> None:
    guests = Visitors()
    guests.met(ANN, HERE, 0)
    guests.gone(ANN)
    assert ANN not in guests
    guests.met(ANN, ("192.0.2.2", 1), 5)
    assert (guests.deadline(), guests.address(ANN)) == (5 + INTRODUCE_US, ("192.0.2.2", 1))


def test_there_is_room_for_so_many_and_for_those_who_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "LINKS_MAX", 2)
    guests = Visitors()
    assert [guests.met(peer, HERE, 0) for peer in (ANN, BOB, CAT, ANN)] == [True, True, False, True]
    guests.gone(BOB)
    assert guests.met(CAT, HERE, 0)
    assert len(guests) == 2
