"""What a report changes in the tracker's view, and what it is answered with."""

from collections.abc import Callable
from typing import Any

from meshcast.protocol.effects import Send
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import ROUND_US
from meshcast.protocol.messages import Leave, Move, Noted, Placed, Standbys
from meshcast.protocol.units import SECOND
from tests.overlay.looks import standbys, state
from tracker.overlay.effects import Keep
from tracker.overlay.promises import check
from tracker.overlay.states import State

Open = Callable[..., Any]
WALL_US = 1_700_000_000 * SECOND


def test_a_report_is_noted_and_confirms_the_place(desk: Any) -> None:
    desk.ask("a")
    assert state(desk, "a") is State.PENDING
    report = desk.report("a", "source")
    assert desk.said(desk.hear("a", report), Noted) == [Noted(1, report.serial)]
    assert state(desk, "a") is State.ATTACHED


def test_a_report_is_believed_against_the_trackers_view(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    for parent in ("b", "a", "b"):
        desk.stand("c", parent)
        assert desk.parent("c") == desk.key(parent)
        check(desk.broadcast.tree)


def test_an_older_report_changes_nothing_and_is_noted_all_the_same(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    old = desk.report("c", "a")
    desk.join("c")
    desk.stand("c", "b")
    assert desk.said(desk.hear("c", old), Noted) != []
    assert desk.parent("c") == desk.key("b")


def test_an_orphan_says_so_and_its_subtree_stays_whole(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    parent = desk.name(desk.parent("c"))
    desk.stand(parent, None, "c")
    assert state(desk, parent) is State.ORPHAN
    assert desk.parent("c") == desk.key(parent)


def test_a_parents_word_places_an_orphan_but_not_one_that_says_otherwise(desk: Any) -> None:
    for name in ("a", "b"):
        desk.join(name, 2)
    desk.join("c")
    other = "b" if desk.parent("c") == desk.key("a") else "a"
    desk.stand(other, "source", "c")
    assert desk.parent("c") != desk.key(other)
    desk.stand("c", None)
    desk.stand(other, "source", "c")
    assert desk.parent("c") == desk.key(other)


def test_a_silent_child_that_its_parent_has_lost_is_forgotten(desk: Any) -> None:
    desk.join("a", 2)
    desk.lose("a")
    assert state(desk, "a") is State.SUSPECT
    effects = desk.hear("source", desk.report("source", None))
    assert desk.node("a") is None
    assert Keep(desk.id, desk.key("a"), None) in effects


def test_a_child_that_is_heard_is_not_forgotten_for_its_parents_word(desk: Any) -> None:
    desk.join("a", 2)
    desk.hear("source", desk.report("source", None))
    assert desk.node("a") is not None


def test_a_child_with_a_link_is_not_forgotten_though_another_calls_it_silent_and_its_parent_has_lost_it(
    desk: Any,
) -> None:
    """Its next report would find nobody here, and be answered by nobody."""
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    left = desk.name(desk.parent("c"))
    desk.stand("c", left, silent=left)
    assert state(desk, left) is State.SUSPECT
    desk.hear("source", desk.report("source", None))
    assert desk.node(left) is not None
    desk.stand(left, "source", "c")
    assert desk.parent(left) == desk.key("source")


def test_the_newest_chunk_is_the_newest_that_anybody_reports(desk: Any) -> None:
    desk.join("a")
    desk.stand("a", "source", newest=41)
    desk.hear("source", desk.report("source", None, newest=40))
    assert desk.join("b").newest == 41


def test_nobody_is_sent_to_a_parent_that_its_child_left_for_silence(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    left = desk.name(desk.parent("c"))
    desk.stand("c", left, silent=left)
    assert state(desk, left) is State.SUSPECT
    assert desk.join("d").parent.peer != desk.key(left)
    desk.stand(left, "source", "c")
    assert state(desk, left) is State.ATTACHED, "it is heard"


def test_a_strangers_word_makes_nobody_suspect_and_nobodys_the_source(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 0)
    desk.stand("b", "source", silent="a")
    assert state(desk, "a") is State.ATTACHED
    desk.stand("b", "source", silent="source")
    check(desk.broadcast.tree)


def test_a_seeking_orphan_gets_a_place_and_not_another_within_a_second(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c", 1)
    desk.wait(5 * SECOND)
    assert len(desk.said(desk.stand("c", None, seeking=True), Placed)) == 1
    again = desk.report("c", None, seeking=True)
    assert desk.said(desk.hear("c", again), Placed) == []
    desk.wait(ROUND_US - 1)
    assert desk.said(desk.hear("c", again), Placed) == []
    desk.wait(1)
    assert len(desk.said(desk.hear("c", again), Placed)) == 1
    check(desk.broadcast.tree)


def test_a_seeking_orphan_that_comes_again_is_named_other_peers_than_those_it_has_tried(desk: Any) -> None:
    for name in ("a", "b", "c", "d", "e"):
        desk.join(name, 2)
    desk.join("f")
    tree, node = desk.broadcast.tree, desk.node("f")
    held = [desk.name(desk.broadcast.registry.key(one)) for one in tree.standbys.of(node)]
    desk.stand("f", desk.name(desk.parent("f")), standbys=held)
    named: list[str] = []
    for left in (held, [], []):
        desk.wait(ROUND_US)
        (placed,) = desk.said(desk.stand("f", None, seeking=True, standbys=left), Placed)
        told = [desk.name(one.peer) for one in placed.standbys]
        assert told == left or (not left and told), "those it says it has, or new ones"
        named.append(desk.name(placed.parent.peer))
    assert named[0] != named[1] != named[2]
    check(tree)


def test_a_seeking_orphan_is_taken_beyond_somebodys_capacity_if_need_be(desk: Any) -> None:
    desk.join("a")
    desk.join("b", 1)
    desk.join("c")
    desk.stand("c", None)
    desk.ask("d")
    assert desk.broadcast.tree.slots.count == 0
    assert len(desk.said(desk.stand("c", None, seeking=True), Placed)) == 1
    assert min(desk.broadcast.tree.free) < 0


def test_nobody_can_be_its_own_emergency(desk: Any) -> None:
    desk.join("a")
    desk.join("b", 1)
    desk.stand("b", "source", seeking=True)
    assert desk.parent("b") == desk.key("source")
    check(desk.broadcast.tree)


def test_one_that_feeds_more_than_it_can_is_relieved_of_childless_children_by_compare_and_set(
    open_desk: Open,
) -> None:
    desk = open_desk(capacity=3)
    desk.announce()
    desk.join("a", 1)
    desk.join("b", 2)
    for name in ("c", "d"):
        desk.join(name, 1)
    desk.stand("c", "a", counter=7)
    effects = desk.stand("d", "a", counter=9)
    moves = [
        (desk.name(one.to), one.message)
        for one in effects
        if isinstance(one, Send) and isinstance(one.message, Move)
    ]
    ((child, move),) = moves
    assert child in {"c", "d"}
    assert (move.term, move.counter) == (1, {"c": 7, "d": 9}[child])
    assert move.parent == desk.key("a")
    assert move.to.peer in {desk.key("source"), desk.key("b")}
    assert move.to.is_valid(desk.tracker.peer_id, desk.id, WALL_US, verify)
    assert desk.broadcast.tree.free[desk.node("a")] == 0
    check(desk.broadcast.tree)


def test_a_peer_that_lacks_standbys_is_given_some_and_is_not_told_what_it_knows(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    parent = desk.name(desk.parent("c"))
    desk.wait(SECOND)
    (told,) = desk.said(desk.stand("c", parent), Standbys, to="c")
    named = {desk.name(one.peer) for one in told.standbys}
    assert len(named) == 2
    assert parent not in named
    assert desk.said(desk.stand("c", parent, standbys=named), Standbys) == []
    assert standbys(desk, "c") == named


def test_standbys_that_a_peer_names_are_taken_over_as_far_as_they_may_be(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    desk.join("c")
    parent, other = ("a", "b") if desk.parent("c") == desk.key("a") else ("b", "a")
    desk.stand("c", parent, standbys=[other, "z"])
    assert other in standbys(desk, "c")
    check(desk.broadcast.tree)


def test_a_report_of_who_is_in_no_tree_is_not_answered(desk: Any) -> None:
    desk.join("a")
    desk.hear("a", Leave())
    assert desk.stand("a", "source") == []
