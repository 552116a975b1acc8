"""The last seconds: in order, each once, nothing too old, and never more than there is room for."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import HAVE_ALL
from meshcast.protocol.limits import BACKLOG_US, HAVE_BITS
from meshcast.protocol.units import MILLISECOND, SECOND

ROOM = BACKLOG_US // (100 * MILLISECOND)


def filled(crew: Any, *sequences: int) -> Backlog:
    backlog = Backlog()
    for sequence in sequences:
        backlog.add(crew.chunk(sequence), sequence * SECOND, 7)
    return backlog


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 3 * ROOM), max_size=40), st.integers(0, 3 * ROOM), st.integers(0, 50))
def test_chunks_come_out_in_order_and_each_once_whatever_order_they_came_in(
    crew: Any, sequences: list[int], after: int, count: int
) -> None:
    backlog = Backlog()
    kept: set[int] = set()
    for sequence in sequences:
        chunk = crew.chunk(sequence)
        floor = max(0, max(kept, default=0) - ROOM)
        assert backlog.is_new(chunk) == (sequence not in kept and sequence > floor)
        if backlog.is_new(chunk):
            backlog.add(chunk, 0, 0)
            kept = {one for one in kept | {sequence} if one > max(kept | {sequence}) - ROOM}
    assert len(backlog) == len(kept)
    assert backlog.newest == max(kept, default=0)
    expected = sorted(one for one in kept if one > after and one > backlog.newest - count)
    assert [held.chunk.sequence for held in backlog.after(after, count)] == expected
    assert all(one in backlog for one in kept)


def test_what_is_older_than_the_backlog_is_let_go(crew: Any) -> None:
    backlog = filled(crew, *range(1, ROOM + 11))
    assert len(backlog) == ROOM
    assert backlog.floor == 10
    assert 10 not in backlog
    assert 11 in backlog


def test_a_leap_of_numbers_costs_no_more_than_what_is_held(crew: Any) -> None:
    """The floor was once walked up number by number: a leap of four billion hung every listener."""
    backlog = filled(crew, 1, 2, 3, 2**32 - 1)
    assert len(backlog) == 1
    assert backlog.newest == 2**32 - 1
    assert backlog.is_new(crew.chunk(2**32 - 5))


def test_the_bitmap_says_which_of_the_16_before_are_held(crew: Any) -> None:
    backlog = filled(crew, 1, 2, 4, 5)
    assert backlog.have(6) == 0b11011
    assert filled(crew, *range(1, 40)).have(30) == HAVE_ALL
    assert Backlog().have(1) == 0
    assert backlog.have(4 + HAVE_BITS + 1) == 1 << (HAVE_BITS - 1) | 0, "chunk 5 is the 16th before"


def test_the_hop_header_adds_up_how_long_the_chunk_stayed_here(crew: Any) -> None:
    backlog = filled(crew, 1, 2)
    held = backlog.get(2)
    assert held is not None
    assert backlog.hop(held, 2 * SECOND + 30).age_us == 37


def test_an_older_chunk_that_fills_a_hole_changes_nothing_about_the_newest(crew: Any) -> None:
    backlog = filled(crew, 1, 3, 2)
    assert (backlog.newest, backlog.newest_at) == (3, 3 * SECOND)


def test_a_new_run_begins_with_nothing(crew: Any) -> None:
    backlog = filled(crew, 5, 6)
    backlog.clear()
    assert (len(backlog), backlog.newest, backlog.floor) == (0, 0, 0)
    assert backlog.is_new(crew.chunk(1))
