"""The serving half: what children and clients get, and what bans do."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import Refill, Send, SendDatagram
from meshcast.protocol.limits import (
    BURST_CHUNKS_MAX,
    PARKED_MAX,
    PARKED_US,
    PULL_CHUNKS_BURST,
    REFILL_BYTES_MAX,
    STALLED_EVERY_US,
)
from meshcast.protocol.messages import Bye, Notice, Stalled, Why
from meshcast.protocol.units import SECOND
from meshcast.protocol.wire import decode_refill, encode_refill
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


def test_a_chunk_too_large_for_a_datagram_goes_on_a_short_stream(crew: Any, server: Server) -> None:
    server.adopt("ann")
    large = crew.chunk(31, packets=(b"x" * 600,) * 2)
    server.backlog.add(large, NOW, 0)
    held = server.backlog.get(31)
    assert held is not None
    assert refilled(server.relay.forward([held], None, NOW)) == [31]


def test_a_pull_is_answered_with_what_is_here(crew: Any, server: Server) -> None:
    server.enlist("ann")
    assert chunks(server.pull("ann", (5, 6), (9, 9))) == [(crew.id("ann"), number) for number in (5, 6, 9)]


def test_a_pull_for_what_is_not_here_is_parked_and_pushed_on_arrival_once(crew: Any, server: Server) -> None:
    server.enlist("ann")
    assert server.pull("ann", (31, 32)) == []
    assert chunks(server.arrive(31, NOW + SECOND)) == [(crew.id("ann"), 31)]
    assert chunks(server.arrive(32, NOW + PARKED_US + 1)) == [], "it has waited too long"
    assert chunks(server.arrive(33, NOW)) == []


def test_a_child_gets_a_parked_chunk_once_and_not_twice(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.pull("ann", (31, 31))
    assert chunks(server.arrive(31, NOW)) == [(crew.id("ann"), 31)]


def test_strangers_pull_nothing(server: Server) -> None:
    server.meet("ann")
    assert server.pull("ann", (1, 30)) == []


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=32))
def test_a_pull_of_any_ranges_is_bounded_in_what_it_draws_and_what_it_parks(
    crew: Any, ranges: list[tuple[int, int]]
) -> None:
    server = Server(crew)
    server.enlist("ann")
    answered = 0
    for _ in range(5):
        answered += len(server.pull("ann", *ranges, (1, 64)))
    assert answered <= PULL_CHUNKS_BURST
    assert sum(len(wishes) for wishes in server.relay._parked.values()) <= PARKED_MAX


def test_a_neighbour_that_pulls_and_pulls_has_a_budget(server: Server) -> None:
    server.enlist("ann")
    answers = [effect for _ in range(20) for effect in server.pull("ann", (1, 30))]
    assert len(refilled(answers)) + len(chunks(answers)) == PULL_CHUNKS_BURST


def test_many_chunks_at_once_go_on_a_short_stream_and_few_as_datagrams(server: Server) -> None:
    """A link holds few datagrams back: of a backlog passed on as a burst half was lost."""
    server.enlist("ann")
    few = server.pull("ann", (1, BURST_CHUNKS_MAX))
    assert len(chunks(few)) == BURST_CHUNKS_MAX
    assert refilled(few) == []
    many = server.pull("ann", (1, BURST_CHUNKS_MAX + 1))
    assert chunks(many) == []
    assert refilled(many) == list(range(1, BURST_CHUNKS_MAX + 2))


def test_wishes_that_have_waited_too_long_make_room_for_others(crew: Any, server: Server) -> None:
    """They held their places until the next beat, and later pulls were not parked."""
    server.enlist("ann")
    server.pull("ann", (1_000, 1_000 + PARKED_MAX))
    later = NOW + PARKED_US + 1
    server.pull("ann", (31, 31), now=later)
    assert chunks(server.arrive(31, later)) == [(crew.id("ann"), 31)]


def test_asking_to_be_adopted_again_and_again_draws_no_more_than_the_budget(server: Server) -> None:
    """Each new counter drew another whole backlog: 96 KB for 150 bytes."""
    drawn = sum(
        len(refilled(server.adopt("ann", counter=number, wanted_us=30 * SECOND))) for number in range(1, 50)
    )
    assert drawn == PULL_CHUNKS_BURST


def test_a_refill_is_never_larger_than_a_child_will_read(crew: Any) -> None:
    """One byte too many was possible, and the child would have hung up on its parent."""
    bytes_each = REFILL_BYTES_MAX // 96
    packet = bytes_each - 7 - 2 - 26 - 64 - 2
    server = Server(crew, chunks=0)
    for sequence in range(1, 121):
        server.backlog.add(crew.chunk(sequence, packets=(b"x" * packet,)), NOW, 0)
    effects = server.adopt("ann", wanted_us=30 * SECOND)
    (refill,) = [one for one in effects if isinstance(one, Refill)]
    data = encode_refill(list(refill.chunks))
    assert len(refill.chunks) == 95
    assert len(data) <= REFILL_BYTES_MAX
    assert decode_refill(data) == list(refill.chunks)


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
