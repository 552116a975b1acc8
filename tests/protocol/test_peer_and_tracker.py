"""A listener whose tracker dies, forgets or restarts."""

from typing import Any

from meshcast.protocol.effects import Failed, HangUp
from meshcast.protocol.events import Disconnected
from meshcast.protocol.messages import (
    Goodbye,
    Join,
    Refused,
    Renewed,
    Report,
    Resume,
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
