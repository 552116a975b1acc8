"""What is asked for by number: given from what is here, parked for what is not, and never without bounds."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.limits import PARKED_MAX, PARKED_US, PULL_CHUNKS_BURST
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import chunks, refilled
from tests.protocol.server import NOW, Server


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


def test_wishes_that_have_waited_too_long_make_room_for_others(crew: Any, server: Server) -> None:
    """They held their places until the next beat, and later pulls were not parked."""
    server.enlist("ann")
    server.pull("ann", (1_000, 1_000 + PARKED_MAX))
    later = NOW + PARKED_US + 1
    server.pull("ann", (31, 31), now=later)
    assert chunks(server.arrive(31, later)) == [(crew.id("ann"), 31)]


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
    assert sum(len(wishes) for wishes in server.relay.wishes.parked.values()) <= PARKED_MAX


def test_a_neighbour_that_pulls_and_pulls_has_a_budget(server: Server) -> None:
    server.enlist("ann")
    answers = [effect for _ in range(20) for effect in server.pull("ann", (1, 30))]
    assert len(refilled(answers)) + len(chunks(answers)) == PULL_CHUNKS_BURST
