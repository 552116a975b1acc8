"""Asking to be adopted: on which link, for how much of the past, and the state that it leaves a peer in."""

from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Dial
from meshcast.protocol.limits import ACCEPT_AGE_US_MAX, BACKLOG_US
from meshcast.protocol.messages import Adopt, Hello
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import said


def test_whose_link_is_down_is_dialled_first_and_whose_ticket_is_unknown_is_not_asked(
    crew: Any, child: Any
) -> None:
    adoption = child.uplink.adoption
    assert adoption.ask(child.id("mum"), child.now) == []
    child.uplink.neighbours.note(crew.ticket("mum"))
    assert adoption.ask(child.id("mum"), child.now) == [Dial(child.id("mum"), crew.ticket("mum").addresses)]
    assert adoption.state == Attachment.SEEKING, "nothing is asked yet"
    effects = child.up("mum")
    assert [type(one.message) for one in effects] == [Hello, Adopt]
    assert adoption.state == Attachment.ASKING


def test_a_joiner_wants_its_delay_and_who_has_heard_something_all_that_came_since(child: Any) -> None:
    adoption = child.uplink.adoption
    child.up("mum")
    (ask,) = said(adoption.ask(child.id("mum"), child.now), Adopt)
    assert (ask.newest, ask.wanted_us) == (0, SECOND)
    child.chunk(7)
    (ask,) = said(adoption.ask(child.id("mum"), child.now), Adopt)
    assert (ask.newest, ask.wanted_us) == (7, BACKLOG_US)
    adoption.asks.has_slept = True
    (ask,) = said(adoption.ask(child.id("mum"), child.now), Adopt)
    assert (ask.newest, ask.wanted_us) == (7, SECOND)


def test_when_nobody_is_left_to_answer_nothing_is_asked_any_more(child: Any) -> None:
    adoption = child.uplink.adoption
    child.up("mum")
    adoption.ask(child.id("mum"), child.now)
    adoption.settle()
    assert adoption.state == Attachment.ASKING
    adoption.asks.expire(child.now + ACCEPT_AGE_US_MAX + 1)
    adoption.settle()
    assert adoption.state == Attachment.SEEKING
