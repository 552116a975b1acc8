"""Whom a peer can turn to: links, tickets, and who is spared for a while."""

from typing import Any

import pytest

from meshcast.protocol.effects import Dial, Send
from meshcast.protocol.limits import AVOID_US
from meshcast.protocol.messages import Detach, Hello
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.units import SECOND

NOW = 50 * SECOND


@pytest.fixture
def neighbours(crew: Any) -> Neighbours:
    return Neighbours(own_ticket=crew.ticket("me"))


def test_a_ticket_is_shown_once_on_each_link_and_again_when_it_is_renewed(
    crew: Any, neighbours: Neighbours
) -> None:
    ann = crew.id("ann")
    neighbours.up(ann)
    assert neighbours.introduce(ann, 5, 9) == [Send(ann, Hello(crew.ticket("me"), 5, 9))]
    assert neighbours.introduce(ann, 5, 9) == []
    neighbours.own_ticket = crew.ticket("me", until_s=99_999)
    assert len(neighbours.introduce(ann, 5, 9)) == 1
    neighbours.down(ann)
    neighbours.up(ann)
    assert len(neighbours.introduce(ann, 5, 9)) == 1, "another link knows nothing of the first"


def test_without_a_ticket_nothing_is_shown(crew: Any) -> None:
    neighbours = Neighbours()
    neighbours.up(crew.id("ann"))
    assert neighbours.introduce(crew.id("ann"), 5, 9) == []


def test_only_who_has_no_link_is_dialled(crew: Any, neighbours: Neighbours) -> None:
    ticket = crew.ticket("ann")
    assert neighbours.dial(ticket) == [Dial(ticket.peer, ticket.addresses)]
    neighbours.up(ticket.peer)
    assert neighbours.dial(ticket) == []


def test_an_uncle_that_cannot_be_reached_is_none_but_one_whose_link_breaks_may_come_back(
    crew: Any, neighbours: Neighbours
) -> None:
    for name in ("ann", "bob"):
        neighbours.uncles[crew.id(name)] = crew.ticket(name)
    neighbours.up(crew.id("bob"))
    neighbours.down(crew.id("ann"))
    neighbours.down(crew.id("bob"))
    assert list(neighbours.uncles) == [crew.id("bob")]


def test_who_is_avoided_has_declined_or_is_the_parent_is_not_asked_to_stand_by(
    crew: Any, neighbours: Neighbours
) -> None:
    neighbours.uncles = {crew.id(name): crew.ticket(name) for name in ("ann", "bob", "cat", "dan")}
    neighbours.avoid(crew.id("ann"), NOW)
    neighbours.declined[crew.id("bob")] = NOW + AVOID_US
    assert neighbours.may_stand_by(NOW, crew.id("cat")) == [crew.ticket("dan")]
    later = neighbours.may_stand_by(NOW + AVOID_US, crew.id("cat"))
    assert crew.ticket("bob") in later, "nobody declines for good"


def test_an_orphan_turns_to_everybody_but_those_it_avoids(crew: Any, neighbours: Neighbours) -> None:
    neighbours.uncles = {crew.id(name): crew.ticket(name) for name in ("ann", "me")}
    neighbours.avoid(crew.id("bob"), NOW)
    everybody = neighbours.everybody([crew.ticket("bob"), crew.ticket("cat")], crew.id("me"), NOW)
    assert everybody == [crew.ticket("ann"), crew.ticket("cat")]
    assert crew.ticket("bob") in neighbours.everybody([crew.ticket("bob")], crew.id("me"), NOW + AVOID_US)


def test_with_nobody_else_to_turn_to_a_parent_that_was_left_is_asked_again(
    crew: Any, neighbours: Neighbours
) -> None:
    mum = crew.ticket("mum")
    neighbours.dial(mum)
    neighbours.former[mum.peer] = 3
    neighbours.avoid(mum.peer, NOW)
    assert neighbours.everybody([], crew.id("me"), NOW) == [mum]
    assert neighbours.everybody([crew.ticket("ann")], crew.id("me"), NOW) == [crew.ticket("ann")]


def test_a_polluter_is_never_turned_to_again(crew: Any, neighbours: Neighbours) -> None:
    mum = crew.ticket("mum")
    neighbours.dial(mum)
    neighbours.uncles[mum.peer] = mum
    neighbours.former[mum.peer] = 3
    neighbours.avoid(mum.peer, NOW, times=60)
    neighbours.forget(mum.peer)
    assert neighbours.everybody([], crew.id("me"), NOW) == []


def test_former_parents_are_told_once_where_there_is_a_link(crew: Any, neighbours: Neighbours) -> None:
    for counter, name in enumerate(("ann", "bob", "cat"), 1):
        neighbours.up(crew.id(name))
        neighbours.former[crew.id(name)] = counter
    neighbours.down(crew.id("bob"))
    assert neighbours.leave_former(crew.id("cat")) == [Send(crew.id("ann"), Detach(1))]
    assert neighbours.leave_former(crew.id("cat")) == []
