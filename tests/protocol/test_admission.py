"""Whom a relay refuses and why, whom it names instead, and for how many it stands by."""

import random
from typing import Any

import pytest

from meshcast.protocol.limits import (
    EMERGENCY_PLACES_MAX,
    REFERRALS_MAX,
    STANDBY_CLIENTS_PER_PLACE,
    STANDBY_CLIENTS_PER_PREFIX,
)
from meshcast.protocol.messages import Accept, Beat, Refuse, Why
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import said, why
from tests.protocol.server import NOW, Server


def test_a_leaf_adopts_nobody_and_stands_by_for_nobody(crew: Any) -> None:
    leaf = Server(crew, capacity=0)
    assert why(leaf.adopt("ann")) == [Why.LEAF]
    assert why(leaf.enlist("ann")) == [Why.FULL]
    assert leaf.children == []


@pytest.mark.parametrize("rank", [0, 4, 5])
def test_a_child_of_no_greater_rank_is_refused_and_told_the_rank(server: Server, rank: int) -> None:
    (refuse,) = said(server.adopt("ann", rank=rank, counter=3), Refuse)
    assert refuse == Refuse(3, Why.RANK, 5)


def test_while_a_raise_is_pending_nobody_is_adopted(server: Server) -> None:
    server.standing.begin_raise()
    assert why(server.adopt("ann")) == [Why.RAISING]


def test_who_has_shown_no_ticket_or_signed_nothing_is_refused(crew: Any, server: Server) -> None:
    ask = crew.adopt("ann", "server")
    assert why(server.relay.adopt(crew.id("ann"), ask, NOW)) == [Why.TICKET]
    server.meet("ann")
    for forged in (crew.adopt("bob", "server"), crew.adopt("ann", "somebody else")):
        assert why(server.relay.adopt(crew.id("ann"), forged, NOW)) == [Why.TICKET]


def test_a_ticket_that_has_ended_since_it_was_shown_adopts_nobody(crew: Any, server: Server) -> None:
    server.meet("ann", until_s=NOW // SECOND + 1)
    effects = server.relay.adopt(crew.id("ann"), crew.adopt("ann", "server"), NOW + SECOND)
    assert why(effects) == [Why.TICKET]


def test_who_is_full_names_children_that_can_serve_and_other_ones_each_time(crew: Any) -> None:
    server = Server(crew, capacity=6, dice=random.Random(6).randrange)
    for number in range(6):
        server.adopt(f"able {number}", rank=7)
    for number in range(EMERGENCY_PLACES_MAX):
        server.meet(f"leaf {number}", capacity=0)
        ask = crew.adopt(f"leaf {number}", "server", rank=7)
        assert said(server.relay.adopt(crew.id(f"leaf {number}"), ask, NOW), Accept)
    named: dict[Any, None] = {}
    for number in range(20):
        (refuse,) = said(server.adopt(f"late {number}", rank=7), Refuse)
        assert (refuse.why, len(refuse.others)) == (Why.FULL, REFERRALS_MAX)
        named |= dict.fromkeys(one.peer for one in refuse.others)
    assert set(named) == {crew.id(f"able {number}") for number in range(6)}


def test_who_is_full_names_nobody_to_those_whom_its_children_may_not_take(server: Server) -> None:
    for number in range(2 + EMERGENCY_PLACES_MAX):
        server.adopt(f"child {number}", rank=7)
    (refuse,) = said(server.adopt("ann", rank=6), Refuse)
    assert refuse == Refuse(1, Why.FULL, 5)


def test_a_peer_stands_by_for_at_most_three_times_its_capacity(crew: Any, server: Server) -> None:
    places = 2 * STANDBY_CLIENTS_PER_PLACE
    for number in range(places):
        assert said(server.enlist(f"client {number}"), Beat)
    assert why(server.enlist("one too many")) == [Why.FULL]
    assert said(server.enlist("client 0"), Beat), "who is in already stays in"


def test_two_thirds_of_the_room_are_for_those_one_rank_below(crew: Any, server: Server) -> None:
    for number in range(2):
        server.meet(f"deep {number}")
        assert said(server.relay.enlist(crew.id(f"deep {number}"), 8), Beat)
    server.meet("one too deep")
    assert why(server.relay.enlist(crew.id("one too deep"), 8)) == [Why.FULL]
    for number in range(4):
        server.meet(f"near {number}")
        assert said(server.relay.enlist(crew.id(f"near {number}"), 6), Beat)


def test_one_network_cannot_take_all_standby_places(crew: Any) -> None:
    large = Server(crew, capacity=16)
    places, quota = 16 * STANDBY_CLIENTS_PER_PLACE, 24
    assert quota == max(STANDBY_CLIENTS_PER_PREFIX, places // 2)
    answers = [large.enlist(f"{number}", host=f"203.0.113.{number}") for number in range(places)]
    assert sum(bool(said(one, Beat)) for one in answers) == quota
    assert said(large.enlist("elsewhere", host="198.51.100.1"), Beat)
