"""Missing chunks: asked for three times, a round trip apart, and never more than a bounded number of them."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.chunk import HAVE_ALL, Hop
from meshcast.protocol.holes import IN_VAIN_US, PATIENCE_US, REORDER_US, Holes, ranges
from meshcast.protocol.limits import PULL_CHUNKS_BURST, PULL_TRIES_MAX, PULL_US_MIN
from meshcast.protocol.units import MILLISECOND

RTT_US = 60 * MILLISECOND


def test_a_hole_is_asked_for_at_once_when_its_sender_has_it() -> None:
    holes = Holes()
    holes.found(7, 8, 9, Hop(HAVE_ALL, 0), 0)
    assert holes.deadline() == REORDER_US
    assert holes.due(REORDER_US - 1, RTT_US) == {}
    assert holes.due(REORDER_US, RTT_US) == {0: [7, 8]}


def test_a_hole_is_asked_for_later_when_its_sender_misses_it_too() -> None:
    holes = Holes()
    holes.found(7, 8, 9, Hop(0b10, 0), 0)
    assert holes.due(REORDER_US, RTT_US) == {0: [7]}, "bit 1 is chunk 9 - 1 - 1"
    assert holes.due(PATIENCE_US, RTT_US) == {0: [8], 1: [7]}


def test_what_lies_before_the_bitmap_is_thought_to_be_had() -> None:
    holes = Holes()
    holes.found(1, 1, 20, Hop(0, 0), 0)
    assert holes.deadline() == REORDER_US


def test_three_tries_a_round_trip_and_a_half_apart_and_then_it_is_given_up() -> None:
    holes = Holes()
    holes.found(7, 7, 8, Hop(HAVE_ALL, 0), 0)
    asked = []
    while (now := holes.deadline()) is not None:
        asked.append((now, *holes.due(now, RTT_US)))
    gap_us = RTT_US * 3 // 2
    tries = [(REORDER_US + gap_us * number, number) for number in range(PULL_TRIES_MAX)]
    assert asked == [*tries, (REORDER_US + gap_us * PULL_TRIES_MAX,)]
    assert len(holes) == 0


def test_what_was_asked_for_in_vain_is_asked_of_the_next_parent_while_it_may_be_played() -> None:
    """Relays stood still at once: a peer's parent and standbys had used its three tries up before it found another."""
    holes = Holes()
    holes.found(7, 9, 10, Hop(HAVE_ALL, 0), 0)
    while (now := holes.deadline()) is not None:
        holes.due(now, RTT_US)
    holes.filled(8)
    holes.ask_anew(IN_VAIN_US)
    assert holes.due(IN_VAIN_US, RTT_US) == {0: [7, 9]}


def test_what_is_too_old_by_then_is_not() -> None:
    holes = Holes()
    holes.found(7, 9, 10, Hop(HAVE_ALL, 0), 0)
    holes.ask_anew(IN_VAIN_US + 1)
    assert holes.due(IN_VAIN_US + 1, RTT_US) == {0: [7, 8, 9]}, "what is still asked for goes on"


def test_tries_are_never_closer_than_20_ms() -> None:
    holes = Holes()
    holes.found(7, 7, 8, Hop(HAVE_ALL, 0), 0)
    holes.due(REORDER_US, 0)
    assert holes.deadline() == REORDER_US + PULL_US_MIN


def test_a_chunk_that_comes_or_is_too_old_is_not_asked_for() -> None:
    holes = Holes()
    holes.found(3, 6, 7, Hop(HAVE_ALL, 0), 0)
    holes.filled(5)
    holes.filled(99)
    holes.drop_below(3)
    assert holes.due(REORDER_US, RTT_US) == {0: [4, 6]}
    holes.clear()
    assert holes.deadline() is None


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 2**20), st.integers(0, 2**28)), min_size=1, max_size=8))
def test_the_memory_is_bounded_whatever_is_missing_and_keeps_the_newest(gaps: list[tuple[int, int]]) -> None:
    holes, newest = Holes(), 0
    for brought, missing in gaps:
        first = newest + brought
        newest = first + missing + 1
        holes.found(first, newest - 1, newest, Hop(0, 0), 0)
        assert len(holes) <= PULL_CHUNKS_BURST
    assert newest - 1 in {one for asks in holes.due(PATIENCE_US, 0).values() for one in asks}


@settings(deadline=None, max_examples=100)
@given(st.sets(st.integers(1, 60)))
def test_ranges_name_exactly_the_missing_in_the_fewest_spans(missing: set[int]) -> None:
    spans = ranges(list(missing))
    assert [one for first, last in spans for one in range(first, last + 1)] == sorted(missing)
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(spans))
