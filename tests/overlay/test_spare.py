"""A spare at the tracker: placed under the source, told when that is gone, and the same tree's root when it takes over."""

from typing import Any

from meshcast.protocol.messages import Join, Move, Notice, Placed, Refused, Wait, WaitFor, Why
from meshcast.protocol.tickets import Role, envelope, pack
from tracker.overlay.promises import check

SPARE = "second source"


def stands(desk: Any) -> None:
    """Let the spare take its place and say so."""
    (placed,) = desk.said(desk.stand_by(), Placed, to=SPARE)
    assert placed.parent.peer == desk.key("source")
    assert placed.ticket.role is Role.SPARE
    desk.stand(SPARE, "source", rank=1)


def test_a_spare_is_placed_under_the_source_even_if_that_is_full(desk: Any) -> None:
    for name in "abc":
        desk.join(name, 2)
    stands(desk)
    node = desk.node(SPARE)
    assert desk.broadcast.tree.rank[node] == 1
    check(desk.broadcast.tree)


def test_what_is_shown_must_be_the_broadcast_keys_word_for_that_very_key(desk: Any) -> None:
    for shown in (
        b"",
        b"please",
        pack(envelope(desk.delegate("a", 0, run=0))),
        pack(envelope(desk.delegate(SPARE, 0, by="other", run=0))),
    ):
        desk.call(SPARE)
        effects = desk.hear(SPARE, Join(desk.id, Role.SPARE, 2, (), (), shown))
        assert [one.why for one in desk.said(effects, Refused)] == [Why.BAD_DELEGATION]


def test_a_spare_that_takes_over_is_the_root_of_the_same_tree(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    stands(desk)
    desk.join("c")
    desk.stand("c", SPARE)
    desk.broadcast.newest = 500
    effects = desk.announce(SPARE, generation=2, run=1)
    assert len(desk.said(effects, Placed, to=SPARE)) == 1
    for name in "abc":
        assert desk.parent(name) == desk.key(SPARE), "whoever it was under"
        assert desk.said(effects, Notice, to=name) == [Notice((desk.delegate(SPARE, 2, run=1),), ())]
    assert desk.broadcast.newest == 500, "numbers go on"
    assert desk.said(effects, Move) == []
    check(desk.broadcast.tree)


def test_another_run_begins_at_the_beginning(desk: Any) -> None:
    stands(desk)
    desk.broadcast.newest = 500
    desk.announce(SPARE, generation=2)
    assert desk.broadcast.newest == 0


def test_the_source_that_gave_way_is_placed_as_the_spare_of_its_successor(desk: Any) -> None:
    stands(desk)
    desk.announce(SPARE, generation=2, run=1)
    (placed,) = desk.said(desk.stand_by("source"), Placed, to="source")
    assert placed.parent.peer == desk.key(SPARE)


def test_one_that_gave_way_to_somebody_whom_the_tracker_does_not_know_yet_is_asked_to_wait(desk: Any) -> None:
    assert desk.said(desk.stand_by("source"), Wait) == [Wait(WaitFor.SOURCE, 0, 0, b"")]


def test_spares_are_told_when_the_source_is_away_and_again_when_they_find_nobody(desk: Any) -> None:
    stands(desk)
    away = [Wait(WaitFor.SOURCE, 0, 0, b"")]
    assert desk.said(desk.lose("source"), Wait, to=SPARE) == away
    effects = desk.stand(SPARE, None, seeking=True, rank=1)
    assert desk.said(effects, Wait, to=SPARE) == away
    assert desk.said(effects, Placed) == [], "there is no other place for it"
    desk.restart()
    desk.call(SPARE)
    desk.lose("source")
    assert desk.broadcast.tree.role[desk.node(SPARE)] == Role.SPARE


def test_a_spare_that_left_is_told_nothing_more(desk: Any) -> None:
    stands(desk)
    desk.broadcast._forget(desk.node(SPARE))
    assert desk.said(desk.lose("source"), Wait) == []
