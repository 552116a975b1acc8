"""The serving half: what children and clients get, and what bans do."""

from typing import Any

from meshcast.protocol.effects import Send, SendDatagram
from meshcast.protocol.limits import PULL_CHUNKS_BURST, STALLED_EVERY_US
from meshcast.protocol.messages import Bye, Notice, Stalled, Why
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import chunks, refilled, said, why
from tests.protocol.server import NOW, Server

# ---- what they get


def test_a_new_chunk_goes_to_every_child_but_not_back_to_where_it_came_from(
    crew: Any, server: Server
) -> None:
    server.adopt("ann")
    server.adopt("bob")
    server.enlist("cat")
    assert chunks(server.arrive(31, NOW)) == [(crew.id("ann"), 31), (crew.id("bob"), 31)]
    assert chunks(server.arrive(32, NOW, sender="ann")) == [(crew.id("bob"), 32)]


def test_strangers_pull_nothing(server: Server) -> None:
    server.meet("ann")
    assert server.pull("ann", (1, 30)) == []


def test_asking_to_be_adopted_again_and_again_draws_no_more_than_the_budget(server: Server) -> None:
    """Each new counter drew another whole backlog: 96 KB for 150 bytes."""
    drawn = sum(
        len(refilled(server.adopt("ann", counter=number, wanted_us=30 * SECOND))) for number in range(1, 50)
    )
    assert drawn == PULL_CHUNKS_BURST


def test_a_stall_is_told_to_the_children_and_the_next_notice_is_due_100_ms_later(
    crew: Any, server: Server
) -> None:
    server.adopt("ann")
    assert server.relay.notice_due() <= NOW
    notice = Stalled(b"head", 5)
    assert server.relay.stalled(notice, NOW) == [SendDatagram(crew.id("ann"), notice)]
    assert server.relay.notice_due() == NOW + STALLED_EVERY_US


def test_what_is_sent_is_counted_and_emergencies_apart(server: Server) -> None:
    for name in "abc":
        server.adopt(name, newest=30)
    assert server.relay.served_chunks == 0
    size = server.relay.size(server.backlog.get(30))  # type: ignore[arg-type]
    server.arrive(31, NOW)
    assert (server.relay.served_chunks, server.relay.served_bytes) == (3, 3 * size)
    assert (server.relay.emergency_bytes, server.relay.emergencies, server.relay.children_peak) == (
        size,
        1,
        2,
    )


# ---- bans


def test_a_ban_cuts_the_banned_off_and_is_passed_on_once(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.adopt("bob")
    effects = server.relay.ban(crew.ban("bob"), NOW)
    assert server.children == [crew.id("ann")]
    assert Send(crew.id("ann"), Notice((), (crew.ban("bob"),))) in effects
    assert Send(crew.id("bob"), Bye(Why.BANNED)) in effects
    assert server.relay.ban(crew.ban("bob"), NOW) == []


def test_the_banned_are_not_adopted_again(crew: Any, server: Server) -> None:
    server.relay.ban(crew.ban("bob"), NOW)
    effects = server.relay.hello(crew.id("bob"), crew.ticket("bob"), NOW)
    assert said(effects, Bye) == [Bye(Why.BANNED)]
    assert why(server.relay.adopt(crew.id("bob"), crew.adopt("bob", "server"), NOW)) != []
    assert server.children == []


def test_a_ban_that_the_tracker_did_not_sign_or_of_oneself_is_ignored(crew: Any, server: Server) -> None:
    assert server.relay.ban(crew.ban("bob", until_s=1), NOW) == []
    assert server.relay.ban(crew.ban("server"), NOW) == []
    assert server.relay.bans == {}
