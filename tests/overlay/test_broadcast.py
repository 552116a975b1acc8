"""One broadcast in the tracker's view: who is where, who waits, what reports change, and who is told what."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import Send
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import REPORT_EVERY_US, ROUND_US, TICKET_RENEW_US, TRACKER_LEASE_US
from meshcast.protocol.messages import (
    Accuse,
    Fault,
    Leave,
    Move,
    Noted,
    Notice,
    Placed,
    Refused,
    Renewed,
    Report,
    Resume,
    Standbys,
    Wait,
    WaitFor,
)
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from tracker.overlay.broadcast import WAIT_EVERY_US
from tracker.overlay.effects import Keep
from tracker.overlay.promises import check
from tracker.overlay.states import State
from tracker.overlay.steward import GRACE_US

Open = Callable[..., Any]
WALL_US = 1_700_000_000 * SECOND


def state(desk: Any, name: str) -> State:
    return State(desk.broadcast.tree.state[desk.node(name)])


def accuse(desk: Any, accuser: str, accused: str) -> Any:
    return desk.hear(accuser, Accuse(desk.key(accused), Fault.FORGED, b"sample"))


def standbys(desk: Any, name: str) -> set[str]:
    tree, registry = desk.broadcast.tree, desk.broadcast.registry
    return {desk.name(registry.key(one)) for one in tree.standbys.of(desk.node(name))}


# ---- joiners


def test_a_place_names_a_parent_and_standbys_whose_tickets_hold(desk: Any) -> None:
    desk.join("a", 2)
    desk.join("b", 2)
    placed = desk.join("c")
    assert desk.name(placed.parent.peer) in {"a", "b"}
    assert len(placed.standbys) == 2
    peers = [placed.parent, *placed.standbys, placed.ticket]
    assert len({one.peer for one in peers}) == 4
    assert all(one.is_valid(desk.tracker.peer_id, desk.id, WALL_US, verify) for one in peers)
    assert placed.ticket.addresses == (desk.address("c"),), "where the tracker sees it"
    assert placed.title == "A title"
    assert placed.delegations == (desk.delegate(),)


def test_a_joiner_that_asks_again_is_answered_the_same(desk: Any) -> None:
    first = desk.join("a")
    (again,) = desk.said(desk.hear("a", desk.wish()), Placed)
    assert (again.ticket, again.parent) == (first.ticket, first.parent)
    assert len(desk.broadcast.registry) == 2


def test_one_that_lost_its_parent_and_asks_again_begins_anew(desk: Any) -> None:
    desk.join("a", 1)
    desk.stand("a", None)
    assert state(desk, "a") is State.ORPHAN
    (placed,) = desk.said(desk.hear("a", desk.wish(1)), Placed)
    assert placed.parent.peer == desk.key("source")
    check(desk.broadcast.tree)


def test_without_its_source_a_broadcast_lets_joiners_wait_for_it(desk: Any) -> None:
    desk.lose("source")
    assert desk.said(desk.ask("a"), Wait) == [Wait(WaitFor.SOURCE, 0, 0, b"")]
    assert len(desk.said(desk.announce(), Placed, to="a")) == 1


def test_without_a_place_joiners_are_told_their_number(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    (first,) = desk.said(desk.ask("c"), Wait, to="c")
    (second,) = desk.said(desk.ask("d"), Wait, to="d")
    assert [(one.reason, one.place) for one in (first, second)] == [(WaitFor.PLACE, 1), (WaitFor.PLACE, 2)]
    assert 0 < first.estimate_us < second.estimate_us


def test_those_who_wait_are_told_their_place_now_and_again(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    desk.ask("c")
    effects = desk.wait(2 * WAIT_EVERY_US)
    assert [one.place for one in desk.said(effects, Wait, to="c")] == [1, 1]


def test_who_can_serve_is_admitted_before_those_who_came_earlier(desk: Any) -> None:
    desk.lose("source")
    desk.ask("a")
    desk.ask("b")
    desk.ask("c", capacity=2)
    effects = desk.announce()
    placed = [
        desk.name(one.to) for one in effects if isinstance(one, Send) and isinstance(one.message, Placed)
    ]
    assert placed == ["source", "c", "a"]


def test_one_who_can_serve_takes_the_place_of_one_who_cannot(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    desk.join("c", capacity=2)
    assert desk.parent("c") == desk.key("source")
    assert desk.key("c") in {desk.parent("a"), desk.parent("b")}
    check(desk.broadcast.tree)


def test_a_place_that_opens_goes_to_who_waits(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    desk.ask("c")
    effects = desk.hear("a", Leave())
    assert [one.parent.peer for one in desk.said(effects, Placed, to="c")] == [desk.key("source")]


def test_one_who_hangs_up_waits_no_longer(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    desk.ask("c")
    desk.lose("c")
    assert desk.said(desk.hear("a", Leave()), Placed) == []
    assert not desk.broadcast.waiting


def test_a_joiner_is_of_the_region_whose_landmark_is_nearest(desk: Any) -> None:
    broadcast = desk.broadcast
    assert broadcast._region(replace(desk.wish(), landmarks=())) == 0
    assert broadcast._region(replace(desk.wish(), landmarks=(9, 3, 5))) == 1 % len(broadcast.tree.nearest)


# ---- reports


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


def test_a_seeking_orphan_is_taken_beyond_somebodys_capacity_if_need_be(desk: Any) -> None:
    desk.join("a")
    desk.join("b", 1)
    desk.join("c")
    desk.stand("c", None)
    desk.ask("d")
    assert desk.broadcast.tree.slots.ranks == 0
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


# ---- accusations


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


# ---- going


def test_one_who_leaves_is_gone_at_once(desk: Any) -> None:
    desk.join("a", 2)
    effects = desk.hear("a", Leave())
    assert desk.node("a") is None
    assert Keep(desk.id, desk.key("a"), None) in effects
    assert desk.key("a") not in desk.kept


def test_a_source_that_leaves_is_away_but_its_tree_stays(desk: Any) -> None:
    desk.join("a")
    desk.hear("source", Leave())
    assert not desk.broadcast.is_source_here
    assert desk.parent("a") == desk.key("source")


def test_one_whose_link_is_lost_is_suspect_and_then_forgotten(desk: Any) -> None:
    desk.join("a", 2)
    desk.wait(SECOND)
    desk.lose("a")
    assert state(desk, "a") is State.SUSPECT
    desk.wait(GRACE_US - 1)
    assert desk.node("a") is not None
    desk.wait(1)
    assert desk.node("a") is None
    assert desk.key("a") not in desk.kept


def test_one_that_comes_back_within_the_grace_is_where_it_was(desk: Any) -> None:
    ticket = desk.join("a", 2).ticket
    desk.lose("a")
    desk.wait(GRACE_US // 2)
    desk.call("a")
    desk.hear("a", Resume(ticket))
    assert state(desk, "a") is State.ATTACHED
    desk.wait(GRACE_US)
    assert desk.node("a") is not None


def test_one_that_does_not_report_is_forgotten_when_its_lease_ends_and_its_place_is_given_away(
    desk: Any,
) -> None:
    desk.join("a")
    desk.join("b")
    desk.ask("c")
    for _ in range(3):
        desk.wait(REPORT_EVERY_US)
        desk.stand("b", "source")
    effects = desk.wait(TRACKER_LEASE_US - 3 * REPORT_EVERY_US)
    assert desk.node("a") is None
    assert desk.node("b") is not None
    assert len(desk.said(effects, Placed, to="c")) == 1


# ---- tickets


def test_a_ticket_is_renewed_at_half_of_its_life_and_not_before(desk: Any) -> None:
    first = desk.join("a").ticket
    renewed = []
    for _ in range(2 * TICKET_RENEW_US // REPORT_EVERY_US + 1):
        desk.wait(REPORT_EVERY_US)
        renewed += [(desk.now, one.ticket) for one in desk.said(desk.stand("a", "source"), Renewed, to="a")]
    assert [at for at, _ in renewed] == [TICKET_RENEW_US, 2 * TICKET_RENEW_US]
    assert first.not_after_s < renewed[0][1].not_after_s < renewed[1][1].not_after_s


def test_a_ticket_made_anew_for_others_is_no_reason_not_to_renew_ones_own(desk: Any) -> None:
    desk.join("a", 2)
    for _ in range(TICKET_RENEW_US // REPORT_EVERY_US - 1):
        desk.wait(REPORT_EVERY_US)
        assert desk.said(desk.stand("a", "source"), Renewed) == []
    desk.wait(REPORT_EVERY_US)
    desk.join("b")
    assert desk.join("c").parent.peer == desk.key("a")
    assert len(desk.said(desk.stand("a", "source"), Renewed)) == 1


def test_one_that_comes_back_by_an_old_ticket_is_given_a_new_one(desk: Any) -> None:
    ticket = desk.join("a").ticket
    desk.restart()
    desk.wait(SECOND)
    desk.call("a")
    (renewed,) = desk.said(desk.hear("a", Resume(ticket)), Renewed)
    assert renewed.ticket.not_after_s > ticket.not_after_s


# ---- rows


def test_what_changes_is_kept_and_what_does_not_is_not_written_again(desk: Any) -> None:
    desk.join("a", 2)
    assert set(desk.kept) == {b"", desk.key("a")}
    report = desk.report("a", "source")
    assert any(isinstance(one, Keep) for one in desk.hear("a", report)), "its counter has risen"
    assert not any(isinstance(one, Keep) for one in desk.hear("a", report))


def test_what_a_report_changes_is_kept_while_the_broadcaster_is_away_too(desk: Any) -> None:
    desk.join("a")
    desk.lose("source")
    assert not desk.broadcast.is_source_here
    effects = desk.stand("a", "source", counter=7)
    assert [one.key for one in effects if isinstance(one, Keep)] == [desk.key("a")]


# ---- whatever order reports come in


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_reports_repeated_and_out_of_order_break_no_promise_and_a_few_more_mend_everything(
    open_desk: Open, seed: int
) -> None:
    chance = random.Random(seed)
    desk = open_desk(capacity=2)
    desk.announce()
    names = "abcdefgh"
    for name in names:
        desk.call(name)
        if desk.said(desk.hear(name, desk.wish(chance.choice([1, 2, 3]))), Placed):
            desk.stand(name, desk.name(desk.parent(name)))
    reports: list[tuple[str, Report]] = []
    for _ in range(30):
        name = chance.choice(names)
        if desk.node(name) is None:
            continue
        parent = chance.choice([None, "source", *(other for other in names if other != name)])
        children = chance.sample(names, chance.randrange(3))
        reports.append(
            (
                name,
                desk.report(
                    name,
                    parent,
                    *children,
                    rank=chance.randrange(3, 33),
                    capacity=chance.choice([None, 0, 1, 3]),
                ),
            )
        )
    storm = reports + chance.sample(reports, len(reports) // 2)
    chance.shuffle(storm)
    for name, report in storm:
        desk.hear(name, report)
        desk.now += chance.randrange(SECOND)
        check(desk.broadcast.tree)
    # Whole state mends everything: the peers stand in a line, each with a place, and say so whatever they are told.
    present = [name for name in names if desk.node(name) is not None]
    for _ in range(3):
        for rank, (above, name) in enumerate(pairwise(["source", *present]), 3):
            desk.stand(name, above, rank=rank, capacity=1)
            check(desk.broadcast.tree)
    tree = desk.broadcast.tree
    assert all(tree.is_rooted(node) for node in tree.nodes())


def test_relays_serve_near_the_origin(desk: Any) -> None:
    desk.join("a")
    desk.join("b")
    (placed,) = desk.said(desk.ask("c", 8, Role.RELAY), Placed)
    assert placed.parent.peer == desk.key("source")
    assert placed.ticket.role is Role.RELAY
