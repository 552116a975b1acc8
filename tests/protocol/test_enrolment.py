"""A listener and its tracker: what it is told and says, and what it does when the tracker dies, forgets or restarts."""

from collections.abc import Callable
from typing import Any

import pytest

from meshcast.protocol.effects import Failed, HangUp
from meshcast.protocol.events import Disconnected
from meshcast.protocol.messages import (
    Goodbye,
    Join,
    Move,
    Noted,
    Refused,
    Renewed,
    Report,
    Resume,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.units import SECOND
from tests.protocol.stories import family


def test_a_dead_tracker_is_not_heard_and_resumed_with_the_ticket(world: Any) -> None:
    family(world)
    world.is_tracker_up = False
    world.feed("kid", Disconnected(world.crew.tracker.peer_id, "gone"))
    world.run(10 * SECOND)
    world.told.clear()
    world.is_tracker_up = True
    world.run(5 * SECOND)
    mine = [message for name, message in world.told if name == "kid"]
    assert isinstance(mine[0], Resume)
    assert isinstance(mine[1], Report)
    assert mine[1].parent == world.crew.id("mum")
    assert world.concealed("kid") == []


def test_a_tracker_that_forgot_is_joined_anew(world: Any) -> None:
    family(world)
    world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    assert [type(message) for name, message in world.told if name == "kid" and isinstance(message, Join)] == [
        Join,
        Join,
    ]
    assert world.done(Failed, "kid") == []
    assert world.parent("kid") == "mum"


def test_a_ticket_that_is_refused_twice_is_given_up_once(world: Any) -> None:
    """I10: two reports were under way when the tracker had forgotten this peer."""
    family(world)
    for _ in range(2):
        world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    assert len([one for name, one in world.told if name == "kid" and isinstance(one, Join)]) == 2
    assert world.done(Failed, "kid") == []


def test_a_listener_waits_for_the_broadcaster_to_come_back_to_a_tracker_that_forgot(world: Any) -> None:
    family(world)
    world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    world.told.clear()
    world.say("kid", Refused(Why.UNKNOWN_BROADCAST, "no such broadcast here"))
    world.run(5 * SECOND)
    assert world.done(Failed, "kid") == []
    assert any(name == "kid" and isinstance(one, Resume) for name, one in world.told)
    assert world.machines["kid"].uplink.neighbours.own_ticket is not None, (
        "among peers it is as good as before"
    )


def test_a_tracker_that_goes_for_a_restart_is_hung_up_on_and_dialled_again(world: Any) -> None:
    family(world)
    since = world.now
    world.say("kid", Goodbye(SECOND))
    world.run(5 * SECOND)
    assert HangUp(world.crew.tracker.peer_id, "goodbye") in world.done(HangUp, "kid", since)
    assert any(isinstance(message, Resume) and name == "kid" for name, message in world.told)


def test_a_renewed_ticket_is_ones_own_and_nobody_elses(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.say("kid", Renewed(world.crew.ticket("mum")))
    assert kid.uplink.neighbours.own_ticket.peer == world.crew.id("kid")
    later = world.crew.ticket("kid", until_s=world.crew.until_s - 1)
    world.say("kid", Renewed(later))
    assert kid.uplink.neighbours.own_ticket == later


def test_who_waits_is_told_for_what(world: Any) -> None:
    peer = world.add_peer("ann")
    world.say("ann", Wait(WaitFor.SOURCE, 0, 0, b""))
    assert peer.status().waiting == "for the broadcaster"
    world.say("ann", Wait(WaitFor.PLACE, 12, 0, b""))
    assert peer.status().waiting == "for a place (number 12)"


def test_nothing_is_reported_before_one_is_placed(world: Any) -> None:
    world.add_peer("ann")
    world.run(SECOND)
    assert [type(message) for _, message in world.told] == [Join]
    world.place("ann", None)
    world.run(SECOND)
    assert isinstance(world.told[-1][1], Report)


@pytest.mark.parametrize("why", [Why.UNKNOWN_BROADCAST, Why.BANNED, Why.TICKET, Why.FULL])
def test_a_joiner_that_the_tracker_refuses_fails_in_one_line(world: Any, why: Why) -> None:
    world.add_peer("ann")
    world.say("ann", Refused(why, "no room"))
    (failed,) = world.done(Failed, "ann")
    assert "\n" not in failed.reason


def test_a_ticket_of_somebody_else_or_from_another_time_is_no_place(
    crew: Any, make_world: Callable[[], Any]
) -> None:
    for placed in (crew.placed("bob", "source"), crew.placed("ann", "source")):
        world = make_world()
        world.add_peer("ann", wall_offset_us=crew.until_s * SECOND)
        world.say("ann", placed)
        (failed,) = world.done(Failed, "ann")
        assert "clock" in failed.reason


def test_what_an_earlier_term_said_is_void(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.say("kid", Noted(5, 1))
    world.say("kid", Move(4, kid.uplink.attached_counter, world.crew.id("mum"), world.crew.ticket("one")))
    world.run(SECOND)
    assert world.parent("kid") == "mum"
