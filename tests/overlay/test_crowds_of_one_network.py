"""Links that say nothing, and many joiners of one network."""

from collections.abc import Callable
from typing import Any

import pytest

from meshcast.protocol.effects import HangUp, Send
from meshcast.protocol.events import Connected
from meshcast.protocol.messages import Placed, Wait
from meshcast.protocol.units import HOUR, MINUTE, SECOND
from tests.overlay.looks import refusals
from tracker.overlay import visitors
from tracker.overlay.anteroom import JOINS_BURST, JOINS_PER_SECOND
from tracker.overlay.effects import TrackerEffect
from tracker.overlay.visitors import INTRODUCE_US

Open = Callable[..., Any]


# ---- visitors


def test_a_link_that_says_nothing_is_ended(desk: Any) -> None:
    desk.call("a")
    desk.ask("b")
    effects = desk.wait(INTRODUCE_US)
    assert [one for one in effects if isinstance(one, HangUp)] == [HangUp(desk.key("a"), "nothing was asked")]
    assert not [one for one in desk.wait(HOUR) if isinstance(one, HangUp)]


def test_a_tracker_that_is_full_sends_newcomers_away_and_serves_those_it_has(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "LINKS_MAX", 2)
    desk.ask("a")
    effects = desk.machine.handle(Connected(desk.key("b"), desk.address("b"), dialled=False), desk.now)
    assert effects == [HangUp(desk.key("b"), "this tracker is full")]
    assert desk.hear("b", desk.wish()) == [], "and nothing that it says is answered"
    assert desk.node("a") is not None
    desk.lose("a")
    desk.ask("b")
    assert desk.node("b") is not None


# ---- many of one network


def crowd_of_one_network(desk: Any, count: int, every_us: int) -> list[TrackerEffect]:
    """Let listeners of one address join."""
    effects: list[TrackerEffect] = []
    for number in range(count):
        key = desk.key(f"listener {number}")
        desk.machine.handle(Connected(key, ("203.0.113.7", 1 + number), dialled=False), desk.now)
        effects += desk.hear(f"listener {number}", desk.wish())
        effects += desk.wait(every_us) if every_us else []
    return effects


def let_in(desk: Any) -> int:
    """Count the listeners that have come to the broadcast, whether there was a place for them or not."""
    return len(desk.broadcast.registry) - 1 + len(desk.broadcast.waiting)


def test_an_office_of_five_hundred_that_comes_within_a_minute_is_let_in_at_once(desk: Any) -> None:
    effects = crowd_of_one_network(desk, 500, MINUTE // 500)
    placed = {one.to for one in effects if isinstance(one, Send) and isinstance(one.message, Placed)}
    assert refusals(desk, effects) == []
    assert len(placed) + len(desk.broadcast.waiting) == 500
    assert len(desk.machine._anteroom) == 0, "nobody waits for the others of the office"


def test_five_hundred_of_one_address_in_one_moment_wait_a_while_and_are_let_in(desk: Any) -> None:
    effects = crowd_of_one_network(desk, 500, 0)
    assert let_in(desk) == JOINS_BURST
    waits = [one.message for one in effects if isinstance(one, Send) and isinstance(one.message, Wait)]
    assert [wait.place for wait in waits[JOINS_BURST - 500 :]] == list(range(1, 501 - JOINS_BURST))
    desk.wait(SECOND)
    assert abs(let_in(desk) - JOINS_BURST - JOINS_PER_SECOND) <= JOINS_PER_SECOND // 4
    assert refusals(desk, effects + desk.wait(MINUTE // 3)) == []
    assert let_in(desk) == 500
    assert len(desk.machine._anteroom) == 0


def test_a_crowd_of_one_network_holds_up_nobody_of_another(desk: Any) -> None:
    crowd_of_one_network(desk, 600, 0)
    desk.ask("a")
    assert desk.key("a") in desk.broadcast.waiting
    assert let_in(desk) == JOINS_BURST + 1


def test_who_waits_for_its_network_and_goes_is_forgotten(open_desk: Open) -> None:
    desk = open_desk(capacity=64)
    desk.announce()
    for number in range(JOINS_BURST + 50):
        name = f"listener {number}"
        desk.machine.handle(Connected(desk.key(name), ("203.0.113.7", 1), dialled=False), desk.now)
        desk.hear(name, desk.wish())
    for number in range(JOINS_BURST + 50):
        desk.lose(f"listener {number}")
    assert len(desk.machine._anteroom) == 0
    assert len(desk.machine._visitors) == 1
