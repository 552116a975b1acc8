"""The tracker's machine: who joins, who comes back, and whatever else comes."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import Send
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.events import Connected, Disconnected, Received, Tick
from meshcast.protocol.limits import TRACKER_RETRY_US
from meshcast.protocol.messages import (
    Accuse,
    Announce,
    Beat,
    Fault,
    Goodbye,
    Join,
    Leave,
    Message,
    Notice,
    Placed,
    Refused,
    Report,
    Resume,
    Wait,
    Why,
)
from meshcast.protocol.tickets import Role, sign_delegation, sign_ticket
from meshcast.protocol.units import HOUR, MINUTE, SECOND, BroadcastId
from tests.overlay.looks import refusals
from tracker.overlay.broadcast import DESERTED_US
from tracker.overlay.effects import Keep
from tracker.overlay.machine import SWEEP_EVERY_US, TrackerMachine
from tracker.overlay.promises import check
from tracker.overlay.steward import GRACE_US

Open = Callable[..., Any]
WALL_S = 1_700_000_000


# ---- joining and coming back


def test_a_broadcast_that_nobody_announced_is_unknown(open_desk: Open) -> None:
    desk = open_desk()
    assert refusals(desk, desk.ask("a")) == [Why.UNKNOWN_BROADCAST]


def test_nobody_joins_as_a_source_nor_as_its_spare_without_the_broadcast_keys_word(desk: Any) -> None:
    assert refusals(desk, desk.ask("a", role=Role.SOURCE)) == [Why.BANNED]
    assert refusals(desk, desk.ask("a", role=Role.SPARE)) == [Why.BAD_DELEGATION]
    assert desk.node("a") is None


def test_a_source_does_not_join_its_own_broadcast(desk: Any) -> None:
    assert refusals(desk, desk.hear("source", desk.wish())) == [Why.BANNED]
    assert desk.node("source") == 0


def test_a_listener_may_become_the_source(desk: Any) -> None:
    desk.join("a", capacity=1)
    effects = desk.announce("a", generation=2)
    assert len(desk.said(effects, Placed, to="a")) == 1
    assert desk.node("a") == 0
    check(desk.broadcast.tree)


def test_one_who_waits_may_become_the_source(desk: Any) -> None:
    desk.lose("source")
    desk.ask("a")
    assert len(desk.said(desk.announce("a", generation=2), Placed, to="a")) == 1
    assert desk.node("a") == 0
    check(desk.broadcast.tree)


def test_a_peer_comes_back_by_its_own_ticket(desk: Any) -> None:
    ticket = desk.join("a", capacity=2).ticket
    desk.hear("a", Leave())
    effects = desk.hear("a", Resume(ticket))
    assert desk.said(effects, Refused) == []
    assert desk.node("a") is not None
    assert desk.broadcast.tree.capacity[desk.node("a")] == 2
    desk.stand("a", "source")
    assert desk.parent("a") == desk.key("source")


def test_a_ticket_that_does_not_hold_here_is_refused(desk: Any) -> None:
    ticket = desk.join("a").ticket
    desk.hear("a", Leave())
    desk.call("b")
    assert refusals(desk, desk.hear("b", Resume(ticket))) == [Why.TICKET], "another's"
    forged = sign_ticket(
        desk.identity("a"),
        peer=desk.key("a"),
        broadcast=desk.id,
        addresses=(),
        role=Role.RELAY,
        capacity=9,
        not_after_s=WALL_S + 60,
    )
    assert refusals(desk, desk.hear("a", Resume(forged))) == [Why.TICKET], "signed by the peer itself"
    foreign = sign_ticket(
        desk.tracker,
        peer=desk.key("a"),
        broadcast=BroadcastId(bytes(32)),
        addresses=(),
        role=Role.LISTENER,
        capacity=9,
        not_after_s=WALL_S + 60,
    )
    assert refusals(desk, desk.hear("a", Resume(foreign))) == [Why.TICKET], "for a broadcast that is not here"
    desk.now += HOUR
    assert refusals(desk, desk.hear("a", Resume(ticket))) == [Why.TICKET], "expired"
    assert desk.node("a") is None


def test_nobody_comes_back_as_the_source_by_a_ticket(desk: Any) -> None:
    desk.call("a")
    ticket = sign_ticket(
        desk.tracker,
        peer=desk.key("a"),
        broadcast=desk.id,
        addresses=(),
        role=Role.SOURCE,
        capacity=9,
        not_after_s=WALL_S + 60,
    )
    assert refusals(desk, desk.hear("a", Resume(ticket))) == [Why.TICKET]


def test_one_who_waits_and_comes_back_by_a_ticket_waits_no_longer(desk: Any) -> None:
    ticket = desk.join("a").ticket
    desk.hear("a", Leave())
    desk.join("b")
    desk.join("c")
    assert len(desk.said(desk.ask("a"), Wait)) == 1
    desk.hear("a", Resume(ticket))
    desk.hear("b", Leave())
    desk.hear("c", Leave())
    assert desk.node("a") is not None
    check(desk.broadcast.tree)


def test_a_peer_is_in_one_broadcast_at_a_time(desk: Any) -> None:
    other = desk.identity("z")
    delegation = sign_delegation(
        other, index=0, source=desk.key("source"), run=1, generation=1, not_after_s=WALL_S + 60
    )
    announcement = replace(desk.announcement(), broadcast=BroadcastId(other.peer_id), delegation=delegation)
    desk.hear("source", announcement)
    assert not desk.broadcast.is_source_here
    assert desk.machine.broadcasts[BroadcastId(other.peer_id)].is_source_here


# ---- what is nobody's business


def test_whoever_is_in_no_broadcast_is_not_heard(desk: Any) -> None:
    desk.call("a")
    for message in (desk.report("a", "source"), Accuse(desk.key("source"), Fault.FORGED, b""), Leave()):
        assert desk.hear("a", message) == []


def test_what_peers_say_to_each_other_means_nothing_to_a_tracker(desk: Any) -> None:
    desk.join("a")
    assert desk.hear("a", Beat(1, 0, 3, (), 0)) == []


def test_nothing_is_sent_to_who_has_no_link(desk: Any) -> None:
    desk.join("a", capacity=2)
    desk.lose("a")
    effects = desk.announce("second source", generation=2)
    assert desk.said(effects, Notice, to="a") == []
    assert desk.said(effects, Notice, to="source") != []
    assert any(isinstance(one, Keep) for one in effects), "what is kept is kept all the same"


def test_a_tracker_that_goes_says_so_to_everybody_and_asks_them_not_to_come_back_all_at_once(
    desk: Any,
) -> None:
    desk.join("a")
    assert desk.machine.goodbye() == [
        Send(desk.key("source"), Goodbye(TRACKER_RETRY_US)),
        Send(desk.key("a"), Goodbye(TRACKER_RETRY_US)),
    ]


# ---- a restart


def test_a_restarted_tracker_has_the_same_tree_and_admits_joiners_at_once(desk: Any) -> None:
    for name, capacity in (("a", 2), ("b", 1), ("c", 0), ("d", 0)):
        desk.join(name, capacity)
    before = {name: desk.parent(name) for name in "abcd"}
    desk.restart()
    assert {name: desk.parent(name) for name in "abcd"} == before
    check(desk.broadcast.tree)
    (placed,) = desk.said(desk.ask("e"), Placed, to="e")
    assert placed.parent is not None
    assert placed.term == 2
    assert placed.title == "A title"


def test_a_restored_peer_that_does_not_come_back_is_forgotten_after_the_grace(desk: Any) -> None:
    desk.join("a", 1)
    ticket = desk.join("b").ticket
    desk.restart()
    desk.call("b")
    desk.hear("b", Resume(ticket))
    desk.stand("b", "source")
    desk.wait(GRACE_US)
    assert desk.node("a") is None
    assert desk.node("b") is not None
    assert desk.key("a") not in desk.kept


def test_a_restored_source_that_does_not_come_back_is_away_after_the_grace(desk: Any) -> None:
    desk.restart()
    desk.wait(GRACE_US - 1)
    assert desk.broadcast.is_source_here
    desk.wait(1)
    assert not desk.broadcast.is_source_here


def test_a_restored_source_that_comes_back_stays(desk: Any) -> None:
    desk.restart()
    desk.announce()
    desk.wait(GRACE_US)
    assert desk.broadcast.is_source_here


def test_rows_without_a_broadcast_are_not_restored_and_damaged_ones_are_refused(desk: Any) -> None:
    desk.join("a")
    machine: TrackerMachine = desk.fresh(2)
    machine.restore(desk.id, [(desk.key("a"), desk.kept[desk.key("a")])], 0)
    assert machine.broadcasts == {}
    with pytest.raises(BadInputError, match="move the store away"):
        machine.restore(desk.id, [(b"", b"garbage")], 0)
    with pytest.raises(BadInputError, match="move the store away"):
        machine.restore(desk.id, [(b"", desk.kept[b""]), (desk.key("a"), b"garbage")], 0)


# ---- time


def test_a_tracker_without_broadcasts_sleeps(open_desk: Open) -> None:
    assert open_desk().machine.deadline() is None


def test_a_deserted_broadcast_is_forgotten_after_a_day(desk: Any) -> None:
    desk.join("a")
    desk.hear("a", Leave())
    desk.lose("source")
    desk.wait(DESERTED_US - SWEEP_EVERY_US)
    assert desk.id in desk.machine.broadcasts
    effects = desk.wait(3 * SWEEP_EVERY_US)
    assert Keep(desk.id, b"", None) in effects
    assert desk.machine.broadcasts == {}
    assert desk.kept == {}


def test_a_broadcast_with_its_source_or_a_listener_is_not_deserted(desk: Any) -> None:
    desk.wait(DESERTED_US + HOUR)
    assert desk.id in desk.machine.broadcasts
    desk.lose("source")
    for _ in range(25 * 60 // 5):
        desk.wait(5 * MINUTE)
        desk.ask("a")
        desk.lose("a")
        desk.ask("a")
    assert desk.id in desk.machine.broadcasts


# ---- whatever comes

PEERS = ("source", "second source", "a", "b", "c", "d")


def anything(desk: Any, chance: random.Random, tickets: dict[str, Any]) -> Any:
    """Make up an event of the kind that hostile peers bring about, with signatures that hold."""
    name, other = chance.choice(PEERS), chance.choice(PEERS)
    peer, key = desk.key(name), desk.key(other)
    some = tuple(desk.key(one) for one in chance.sample(PEERS, chance.randrange(3)))
    report = Report(
        serial=1,
        counter=chance.randrange(6),
        parent=chance.choice([None, key]),
        rank=chance.randrange(33),
        children=some,
        standbys=some[:2],
        newest=chance.randrange(9),
        seeking=chance.random() < 0.3,
        silent=chance.choice([None, key]),
    )
    role = chance.choice([Role.LISTENER, Role.LISTENER, Role.LISTENER, Role.RELAY, Role.SOURCE])
    capacity = chance.randrange(4)
    ticket = tickets.get(chance.choice([name, name, other]))
    messages: list[Message] = [
        report, report, report, report,
        Join(desk.id, role, capacity, (), (chance.randrange(9),), b""),
        Join(desk.id, Role.LISTENER, capacity, (), (), b""),
        Announce(desk.id, desk.delegate(name, chance.randrange(3)), "", 1, 20_000, capacity, ()),
        Accuse(key, Fault.FORGED, b""),
        Leave(),
        *([Resume(ticket)] if ticket is not None else []),
    ]  # fmt: skip
    return chance.choice(
        [
            Connected(peer, ("2001:db8::1", 1), dialled=False),
            Received(peer, chance.choice(messages)),
            Received(peer, chance.choice(messages)),
            Received(peer, chance.choice(messages)),
            Disconnected(peer, ""),
            Tick(),
        ]
    )


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_whatever_peers_say_in_whatever_order_the_tracker_goes_on_and_keeps_its_promises(
    open_desk: Open, seed: int
) -> None:
    chance = random.Random(seed)
    desk = open_desk()
    tickets: dict[str, Any] = {}
    for name in PEERS:
        desk.call(name)
    desk.announce()
    for _ in range(60):
        event = anything(desk, chance, tickets)
        is_known = not isinstance(event, Received) or event.peer in desk.machine._visitors
        if not is_known:
            continue
        for effect in desk.machine.handle(event, desk.now):
            if isinstance(effect, Send):
                assert effect.to in desk.machine._visitors
                if isinstance(effect.message, Placed):
                    tickets[desk.name(effect.to)] = effect.message.ticket
        desk.now += chance.choice([0, 1, SECOND // 10, SECOND, 10 * SECOND])
        for broadcast in desk.machine.broadcasts.values():
            check(broadcast.tree)
            assert not any(peer in broadcast.waiting for peer in broadcast.registry._nodes), "in and out"
