"""One broadcast in the tracker's view: who comes, who goes, and what is kept of them."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import Send
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import REPORT_EVERY_US, TICKET_RENEW_US, TRACKER_LEASE_US
from meshcast.protocol.messages import (
    Leave,
    Placed,
    Renewed,
    Report,
    Resume,
    Wait,
    WaitFor,
)
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from tests.overlay.looks import state
from tracker.overlay.broadcast import WAIT_EVERY_US
from tracker.overlay.effects import Keep
from tracker.overlay.promises import check
from tracker.overlay.states import State
from tracker.overlay.steward import GRACE_US

Open = Callable[..., Any]
WALL_US = 1_700_000_000 * SECOND


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
