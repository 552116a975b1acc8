"""Warm standbys: at most two, named by the tracker, at most one of them an uncle."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.limits import STANDBY_SILENCE_US_MAX, STANDBYS_MAX
from meshcast.protocol.messages import Beat
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND

BEAT = Beat(9, 5, 4, (b"root",), 1)


def test_the_trackers_word_says_who_is_new_and_who_is_no_longer(crew: Any) -> None:
    standbys = Standbys()
    ann, bob, cat = (crew.ticket(name) for name in ("ann", "bob", "cat"))
    assert standbys.name((ann, bob)) == ([ann, bob], [])
    assert standbys.name((bob, cat)) == ([cat], [ann.peer])
    assert list(standbys.all) == [bob.peer, cat.peer]


def test_there_are_never_more_than_two(crew: Any) -> None:
    standbys = Standbys()
    standbys.name(tuple(crew.ticket(name) for name in ("ann", "bob", "cat", "dan")))
    assert len(standbys.all) == STANDBYS_MAX
    assert standbys.fill([crew.ticket("eve")]) is None


def test_at_most_one_comes_from_uncles_so_that_a_parent_cannot_choose_both(crew: Any) -> None:
    standbys = Standbys()
    assert standbys.fill([crew.ticket("ann"), crew.ticket("bob")]) == crew.ticket("ann")
    assert standbys.fill([crew.ticket("bob")]) is None


def test_an_uncle_that_the_tracker_names_afterwards_is_the_trackers(crew: Any) -> None:
    """It stayed an uncle for good once, and the next place could not be filled."""
    standbys = Standbys()
    standbys.fill([crew.ticket("ann")])
    standbys.name((crew.ticket("ann"),))
    assert standbys.fill([crew.ticket("bob")]) == crew.ticket("bob")


def test_an_uncle_from_another_network_comes_before_one_from_the_same(crew: Any) -> None:
    standbys = Standbys()
    standbys.name((crew.ticket("ann", host="198.51.100.1"),))
    near, far = crew.ticket("bob", host="198.51.100.2"), crew.ticket("cat", host="203.0.113.2")
    assert standbys.fill([near, far]) == far


def test_the_first_beat_shows_the_round_trip_and_makes_it_warm(crew: Any) -> None:
    standbys = Standbys()
    ann, bob = crew.ticket("ann"), crew.ticket("bob")
    standbys.name((ann, bob))
    assert standbys.candidates() == []
    for peer, after_us in ((ann.peer, 90_000), (bob.peer, 30_000)):
        standbys.enlisted(peer, SECOND)
        standbys.beat(peer, BEAT, SECOND + after_us)
        standbys.beat(peer, BEAT, 2 * SECOND)
    assert [(one.peer, one.rtt_us, one.is_warm) for one in standbys.candidates()] == [
        (bob.peer, 30_000, True),
        (ann.peer, 90_000, True),
    ]


def test_who_is_known_to_have_a_later_chunk_is_ahead(crew: Any) -> None:
    standbys = Standbys()
    standbys.name((crew.ticket("ann"),))
    assert standbys.ahead_of(0) is None, "it has not said anything yet"
    standbys.beat(crew.id("ann"), BEAT, SECOND)
    assert standbys.ahead_of(8) == crew.id("ann")
    assert standbys.ahead_of(9) is None


def test_a_standby_that_has_sent_no_beat_for_three_periods_is_silent(crew: Any) -> None:
    standbys = Standbys()
    standbys.name((crew.ticket("ann"),))
    assert standbys.deadline() is None, "its link is not up yet, and the transport sees to that"
    standbys.enlisted(crew.id("ann"), SECOND)
    standbys.beat(crew.id("ann"), BEAT, 2 * SECOND)
    due = 2 * SECOND + STANDBY_SILENCE_US_MAX + 1
    assert standbys.deadline() == due
    assert standbys.silent(due - 1) == []
    assert standbys.silent(due) == [crew.id("ann")]


def test_a_standby_that_never_answers_is_silent_too(crew: Any) -> None:
    """One that took the request and said nothing kept a place for good."""
    standbys = Standbys()
    standbys.name((crew.ticket("ann"),))
    standbys.enlisted(crew.id("ann"), SECOND)
    due = SECOND + STANDBY_SILENCE_US_MAX + 1
    assert standbys.deadline() == due
    assert standbys.silent(due) == [crew.id("ann")]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["name", "fill", "drop"]), st.lists(st.sampled_from("abcdef"), max_size=4))
    )
)
def test_no_order_of_events_makes_more_than_two_or_two_uncles(
    crew: Any, steps: list[tuple[str, list[str]]]
) -> None:
    standbys = Standbys()
    for step, names in steps:
        tickets = [crew.ticket(name) for name in names]
        if step == "name":
            standbys.name(tuple(tickets))
        elif step == "fill":
            standbys.fill(tickets)
        else:
            for ticket in tickets:
                standbys.drop(ticket.peer)
        assert len(standbys.all) <= STANDBYS_MAX
        assert sum(one.is_from_uncles for one in standbys.all.values()) <= 1


def test_the_origin_is_asked_last_however_near_it_is(crew: Any) -> None:
    """Its upload is not to grow with the crowd: after two deaths without a tracker it fed six instead of three."""
    standbys = Standbys()
    origin, ann = crew.ticket("origin", role=Role.SOURCE), crew.ticket("ann")
    standbys.name((origin, ann))
    for peer, answered_at in ((origin.peer, 1), (ann.peer, 200_000)):
        standbys.enlisted(peer, 0)
        standbys.beat(peer, BEAT, answered_at)
    assert standbys.warm() == [ann.peer, origin.peer]
