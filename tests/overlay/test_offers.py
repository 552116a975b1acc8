"""A peer says how many places it offers now; the tracker believes it, leads children away, and forgets no accusation for it."""

from typing import Any

import pytest

from meshcast.protocol.messages import Accuse, Fault, Move, Placed, Wait
from tracker.overlay.promises import check


@pytest.fixture
def family(desk: Any) -> Any:
    """Make a and b, of two places each, under the source, and two that hear from a."""
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    desk.join("d")
    for child in ("c", "d"):
        desk.stand(child, "a")
    return desk


def capacity(desk: Any, name: str) -> int:
    return int(desk.broadcast.tree.capacity[desk.node(name)])


def test_one_that_offers_less_is_sent_nobody_and_its_surplus_is_led_away_one_by_one(family: Any) -> None:
    effects = family.stand("a", "source", "c", "d", capacity=1)
    (move,) = family.said(effects, Move)
    assert move.parent == family.key("a")
    assert move.to.peer != family.key("a")
    assert capacity(family, "a") == 1
    check(family.broadcast.tree)
    effects = family.stand("a", "source", "c", "d", capacity=0)
    assert len(family.said(effects, Move)) == 1, "the other one too; the first is on its way"
    check(family.broadcast.tree)


def test_one_that_offers_more_again_is_sent_those_who_wait(open_desk: Any) -> None:
    desk = open_desk(capacity=1)
    desk.announce()
    desk.join("a", 1)
    desk.stand("a", "source", capacity=0)
    assert desk.said(desk.ask("b"), Placed) == []
    assert desk.said(desk.ask("b"), Wait) != []
    effects = desk.stand("a", "source", capacity=1)
    assert desk.said(effects, Placed, to="b")[0].parent.peer == desk.key("a")
    check(desk.broadcast.tree)


def test_one_that_says_nothing_of_it_keeps_what_it_joined_with(family: Any) -> None:
    family.stand("a", "source", "c", "d")
    assert capacity(family, "a") == 2


def test_one_that_is_accused_does_not_talk_itself_back_into_places(family: Any) -> None:
    family.hear("c", Accuse(family.key("a"), Fault.FORGED, b"sample"))
    assert capacity(family, "a") == 0
    family.stand("a", "source", "c", "d", capacity=2)
    assert capacity(family, "a") == 0
    check(family.broadcast.tree)


def test_the_source_offers_what_it_announces(family: Any) -> None:
    before = capacity(family, "source")
    family.hear("source", family.report("source", None, "a", "b", capacity=0))
    assert capacity(family, "source") == before
