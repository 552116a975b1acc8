"""What peers are told of their places; more is asserted of whole broadcasts (`test_broadcast`, `test_reports`)."""

from typing import Any

from meshcast.protocol.messages import Placed, Standbys, Wait, WaitFor
from tracker.overlay.assignments import source_is_away, stands_in_line


def test_the_source_is_told_that_it_has_no_parent(open_desk: Any) -> None:
    desk = open_desk()
    (placed,) = desk.said(desk.announce(), Placed, to="source")
    assert placed.parent is None
    assert placed.standbys == ()
    assert placed.ticket.peer == desk.key("source")


def test_standbys_are_named_to_one_that_holds_others_and_to_nobody_else(desk: Any) -> None:
    for name in "ab":
        desk.join(name, 2)
    desk.join("c")
    (told,) = desk.said(desk.stand("c", "a"), Standbys, to="c")
    held = [desk.name(ticket.peer) for ticket in told.standbys]
    assert desk.said(desk.stand("c", "a", standbys=reversed(held)), Standbys) == [], "in whatever order"
    assert len(desk.said(desk.stand("c", "a", standbys=held[1:]), Standbys, to="c")) == 1


def test_those_without_a_place_are_told_what_they_wait_for(desk: Any) -> None:
    assert source_is_away(desk.key("a")).message == Wait(WaitFor.SOURCE, 0, 0, b"")
    assert stands_in_line(desk.key("a"), 3, 750_000).message == Wait(WaitFor.PLACE, 3, 750_000, b"")
