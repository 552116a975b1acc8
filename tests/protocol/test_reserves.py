"""Two standbys are kept warm: named, enlisted, lost and replaced."""

from typing import Any

import pytest

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Dial, Send
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import AVOID_US, STANDBY_SILENCE_US_MAX
from meshcast.protocol.messages import Beat, Detach, Enlist, Hello
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.relay import Relay
from meshcast.protocol.reserves import Reserves
from meshcast.protocol.sources import Sources
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role, Ticket
from meshcast.protocol.units import SECOND, Micros

NOW = 50 * SECOND


@pytest.fixture
def reserves(crew: Any) -> Reserves:
    member, backlog = crew.member("me"), Backlog()
    standing = Standing(member.me, Role.LISTENER, rank=6)
    relay = Relay(member, standing, backlog, Sources(crew.broadcast, verify), lambda: ())
    neighbours = Neighbours(own_ticket=crew.ticket("me"))
    return Reserves(member, standing, backlog, relay, neighbours, Standbys())


def warm(reserves: Reserves, *tickets: Ticket, now: Micros = NOW) -> None:
    reserves.name(tickets, None, now)
    for ticket in tickets:
        reserves.neighbours.up(ticket.peer)
        reserves.enlist(ticket.peer, now)
        reserves.standbys.beat(ticket.peer, Beat(9, 0, 3, (), 1), now)


def test_whom_the_tracker_names_is_dialled_or_asked_where_there_is_a_link(
    crew: Any, reserves: Reserves
) -> None:
    ann, bob = crew.ticket("ann"), crew.ticket("bob")
    reserves.neighbours.up(ann.peer)
    assert reserves.name((ann, bob), None, NOW) == [
        Send(ann.peer, Hello(crew.ticket("me"), 6, 0)),
        Send(ann.peer, Enlist(6)),
        Dial(bob.peer, bob.addresses),
    ]
    assert reserves.relay.changed, "the tracker hears who stands by"


def test_who_is_named_no_longer_is_let_go(crew: Any, reserves: Reserves) -> None:
    warm(reserves, crew.ticket("ann"), crew.ticket("bob"))
    effects = reserves.name((crew.ticket("bob"), crew.ticket("cat")), None, NOW)
    assert Send(crew.id("ann"), Detach(0)) in effects


def test_neither_oneself_nor_the_parent_nor_a_stranger_nor_who_has_just_declined_stands_by(
    crew: Any, reserves: Reserves
) -> None:
    reserves.parent = crew.id("mum")
    reserves.neighbours.declined[crew.id("bob")] = NOW + 1
    forged = crew.ticket("ann", tracker=crew.identity("impostor"))
    for ticket in (crew.ticket("me"), crew.ticket("mum"), crew.ticket("bob"), forged):
        assert reserves.name((ticket,), None, NOW) == []
    assert len(reserves.name((crew.ticket("bob"),), None, NOW + 1)) == 1


def test_an_orphan_does_not_exchange_the_living_for_somebody_who_may_be_dead(
    crew: Any, reserves: Reserves
) -> None:
    warm(reserves, crew.ticket("ann"), crew.ticket("bob"))
    reserves.standbys.lives(crew.id("ann"), NOW + SECOND + 1)
    reserves.name((crew.ticket("cat"), crew.ticket("dan")), NOW + SECOND, NOW + SECOND)
    assert crew.id("ann") in reserves.standbys
    assert crew.id("bob") not in reserves.standbys


def test_a_standby_that_is_lost_is_replaced_by_an_uncle_and_not_asked_again_for_a_while(
    crew: Any, reserves: Reserves
) -> None:
    warm(reserves, crew.ticket("ann"), crew.ticket("bob"))
    reserves.neighbours.uncles = {crew.id(name): crew.ticket(name) for name in ("ann", "dan")}
    effects = reserves.lose(crew.id("ann"), NOW)
    assert effects == [Send(crew.id("ann"), Detach(0)), Dial(crew.id("dan"), crew.ticket("dan").addresses)]
    assert reserves.neighbours.declined[crew.id("ann")] == NOW + AVOID_US


def test_without_an_uncle_the_place_stays_empty_until_the_tracker_names_somebody(
    crew: Any, reserves: Reserves
) -> None:
    warm(reserves, crew.ticket("ann"))
    reserves.lose(crew.id("ann"), NOW)
    assert reserves.fill(NOW) == []
    assert reserves.standbys.all == {}


def test_the_silent_are_replaced(crew: Any, reserves: Reserves) -> None:
    warm(reserves, crew.ticket("ann"))
    assert reserves.tick(NOW + STANDBY_SILENCE_US_MAX) == []
    assert Send(crew.id("ann"), Detach(0)) in reserves.tick(NOW + STANDBY_SILENCE_US_MAX + 1)
