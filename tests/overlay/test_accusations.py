"""Whom the tracker believes about a polluter."""

from typing import Any

from meshcast.protocol.identity import verify
from meshcast.protocol.messages import (
    Accuse,
    Fault,
    Notice,
    Placed,
    Refused,
    Resume,
)
from meshcast.protocol.units import SECOND
from tests.overlay.looks import standbys
from tracker.overlay.promises import check

WALL_US = 1_700_000_000 * SECOND


def accuse(desk: Any, accuser: str, accused: str) -> Any:
    return desk.hear(accuser, Accuse(desk.key(accused), Fault.FORGED, b"sample"))


def family(desk: Any) -> str:
    """Have two peers that can serve, and two that hear from the one that is named."""
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    desk.join("d")
    for child in ("c", "d"):
        desk.stand(child, "a")
    return "a"


def test_one_word_makes_a_peer_leaf_only(desk: Any) -> None:
    accused = family(desk)
    assert desk.said(accuse(desk, "c", accused), Notice) == []
    assert desk.broadcast.tree.capacity[desk.node(accused)] == 0
    assert desk.said(desk.ask("e"), Placed)[0].parent.peer != desk.key(accused)
    assert accuse(desk, "c", accused) == [], "once more is no second word"


def test_two_words_ban_it_and_its_neighbourhood_is_told(desk: Any) -> None:
    accused = family(desk)
    accuse(desk, "c", accused)
    effects = accuse(desk, "d", accused)
    for told in ("source", accused, "c", "d"):
        (notice,) = desk.said(effects, Notice, to=told)
        (ban,) = notice.bans
        assert ban.peer == desk.key(accused)
        assert ban.is_valid(desk.tracker.peer_id, desk.id, WALL_US, verify)
    assert desk.node(accused) is None
    assert desk.said(effects, Notice, to="b") == [], "the tree passes it on"
    check(desk.broadcast.tree)


def test_the_banned_are_not_admitted_again(desk: Any) -> None:
    accused = family(desk)
    ticket = desk.said(desk.hear(accused, desk.wish()), Placed)[0].ticket
    accuse(desk, "c", accused)
    accuse(desk, "d", accused)
    assert len(desk.said(desk.hear(accused, desk.wish()), Refused)) == 1
    assert len(desk.said(desk.hear(accused, Resume(ticket)), Refused)) == 1
    assert accuse(desk, "c", accused) == []


def test_a_source_that_takes_over_learns_who_is_banned(desk: Any) -> None:
    accused = family(desk)
    accuse(desk, "c", accused)
    accuse(desk, "d", accused)
    effects = desk.announce("second source", generation=2)
    (notice, *_) = desk.said(effects, Notice)
    assert [one.peer for one in notice.bans] == [desk.key(accused)]


def test_a_standbys_client_may_accuse_it(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    standby = "b" if desk.parent("c") == desk.key("a") else "a"
    assert standby in standbys(desk, "c")
    accuse(desk, "c", standby)
    assert desk.broadcast.tree.capacity[desk.node(standby)] == 0


def test_strangers_accusations_and_those_of_the_source_count_for_nothing(desk: Any) -> None:
    family(desk)
    desk.call("e")
    assert accuse(desk, "e", "a") == []
    assert accuse(desk, "c", "source") == []
    assert accuse(desk, "a", "c") == [], "a parent is no witness against its child"
    assert accuse(desk, "c", "z") == []
    assert desk.broadcast.tree.capacity[desk.node("a")] == 2
