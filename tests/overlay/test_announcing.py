"""Who may open a broadcast, and how many."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from meshcast.protocol.effects import Send
from meshcast.protocol.events import Connected
from meshcast.protocol.messages import Notice, Placed, Why
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import SECOND, BroadcastId
from tests.overlay.looks import refusals
from tracker.overlay import machine
from tracker.overlay.broadcast import UNHEARD_US
from tracker.overlay.effects import Keep
from tracker.overlay.machine import (
    BROADCASTS_MAX,
    BROADCASTS_PER_NETWORK_MAX,
    SWEEP_EVERY_US,
)

Open = Callable[..., Any]
WALL_S = 1_700_000_000


def test_an_announcement_opens_a_broadcast_and_is_answered_with_a_ticket(open_desk: Open) -> None:
    desk = open_desk()
    (placed,) = desk.said(desk.announce(), Placed, to="source")
    assert placed.parent is None
    assert placed.ticket.role is Role.SOURCE
    assert placed.ticket.is_valid(desk.tracker.peer_id, desk.id, WALL_S * SECOND, lambda *_: True)
    assert placed.delegations == (desk.delegate(),)
    assert list(desk.machine.broadcasts) == [desk.id]
    assert list(desk.kept) == [b""], "a restarted tracker knows of it"


@pytest.mark.parametrize("flaw", ["for another", "by another", "over"])
def test_a_delegation_that_does_not_hold_is_refused_and_opens_nothing(open_desk: Open, flaw: str) -> None:
    desk = open_desk()
    announcement = desk.announcement()
    delegation = {
        "for another": desk.delegate("b"),
        "by another": desk.delegate(by="b"),
        "over": sign_delegation(
            desk.identity("broadcast"), index=0, source=desk.key("source"), run=1, generation=1, not_after_s=WALL_S
        ),
    }[flaw]  # fmt: skip
    desk.call("source")
    effects = desk.hear("source", replace(announcement, delegation=delegation))
    assert refusals(desk, effects) == [Why.BAD_DELEGATION]
    assert desk.machine.broadcasts == {}
    assert desk.kept == {}


def test_an_earlier_generation_is_superseded(open_desk: Open) -> None:
    desk = open_desk()
    desk.announce("source", generation=2)
    assert refusals(desk, desk.announce("second source", generation=1)) == [Why.SUPERSEDED]
    assert desk.broadcast.source == desk.key("source")


def test_of_two_sources_of_one_generation_the_one_with_the_greater_key_stands(desk: Any) -> None:
    names = ("source", "second source")
    greater = max(names, key=desk.key)
    effects = desk.announce("second source", generation=1)
    assert (refusals(desk, effects) == [Why.SUPERSEDED]) == (greater == "source")
    assert desk.broadcast.source == desk.key(greater)


def test_who_is_superseded_is_told_by_whom_so_that_it_can_give_way(desk: Any) -> None:
    desk.announce("second source", generation=2)
    effects = desk.announce("source", generation=1)
    assert desk.said(effects, Notice, to="source") == [Notice((desk.delegate("second source", 2),), ())]
    assert refusals(desk, effects) == [Why.SUPERSEDED]


def test_a_later_generation_takes_over_and_the_old_source_and_its_children_are_told(desk: Any) -> None:
    desk.join("a")
    effects = desk.announce("second source", generation=2)
    news = Notice((desk.delegate("second source", 2),), ())
    assert desk.said(effects, Notice, to="source") == [news]
    assert desk.said(effects, Notice, to="a") == [news]
    assert len(desk.said(effects, Placed, to="second source")) == 1
    assert desk.parent("a") == desk.key("second source"), "the tree is the same, with another root"


def test_a_source_that_comes_back_is_answered_again_and_its_children_are_left_alone(desk: Any) -> None:
    desk.join("a")
    desk.lose("source")
    effects = desk.announce()
    assert [type(one.message) for one in effects if isinstance(one, Send)] == [Placed]


def flood(desk: Any, number: int, network: int, *, stays: bool) -> list[Why]:
    """Announce one broadcast more, from a network, by a broadcaster that stays or goes."""
    source, key = f"source {number}", desk.identity(f"broadcast {number}")
    delegation = sign_delegation(
        key, index=0, source=desk.key(source), run=1, generation=1, not_after_s=WALL_S + 60
    )
    address = f"10.{network // 256}.{network % 256}.7", 4_000
    desk.machine.handle(Connected(desk.key(source), address, dialled=False), desk.now)
    announcement = replace(desk.announcement(), broadcast=BroadcastId(key.peer_id), delegation=delegation)
    answers = refusals(desk, desk.hear(source, announcement))
    if not stays:
        desk.lose(source)
    return answers


def test_so_many_broadcasts_and_no_more(open_desk: Open) -> None:
    desk = open_desk()
    answers = [flood(desk, number, number, stays=True) for number in range(BROADCASTS_MAX + 1)]
    assert answers[:-1] == [[]] * BROADCASTS_MAX
    assert answers[-1] == [Why.FULL]
    assert len(desk.machine.broadcasts) == BROADCASTS_MAX


def test_a_flood_of_announcements_keeps_no_honest_broadcaster_out(
    open_desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BROADCASTS_MAX", 50)
    desk = open_desk()
    desk.announce()
    desk.ask("a")
    kept: set[BroadcastId] = set()
    for number in range(200):
        assert flood(desk, number, number % 45, stays=False) == []
        kept |= set(desk.machine.broadcasts)
    assert len(desk.machine.broadcasts) == 50
    assert len(kept) == 201
    assert desk.id in desk.machine.broadcasts, "and one that is heard is not forgotten for others"
    assert flood(desk, 9_999, 9_999, stays=True) == []


def test_one_network_has_so_many_broadcasts_and_others_have_room(open_desk: Open) -> None:
    desk = open_desk()
    answers = [flood(desk, number, 7, stays=True) for number in range(BROADCASTS_PER_NETWORK_MAX + 2)]
    assert answers[-3:] == [[], [Why.FULL], [Why.FULL]]
    assert flood(desk, 900, 8, stays=True) == []
    desk.lose("source 3")
    assert flood(desk, 901, 7, stays=True) == [], "one that nobody sends or heard makes room"


def test_a_broadcast_that_nobody_has_ever_heard_is_forgotten_after_an_hour(open_desk: Open) -> None:
    desk = open_desk()
    desk.announce()
    desk.lose("source")
    desk.wait(UNHEARD_US - SWEEP_EVERY_US)
    assert desk.id in desk.machine.broadcasts
    effects = desk.wait(3 * SWEEP_EVERY_US)
    assert Keep(desk.id, b"", None) in effects
    assert desk.machine.broadcasts == {}
