"""What is counted as missing, with a short memory, beside a naive count over everything that ever came."""

import hypothesis.strategies as st
from hypothesis import given

from meshcast.protocol.chunk import Chunk, Codec, Flag, Hop
from meshcast.protocol.events import ChunkReceived
from meshcast.protocol.units import MILLISECOND, SECOND, PeerId
from sim.hearing import FOLD_US, PLAYED_MAX, Hearing
from sim.metrics import Broadcast
from sim.process import NEVER
from sim.scenario import DELAYS_US

CHUNK_US = 100 * MILLISECOND
TRANSIT_US = 50 * MILLISECOND


def chunk(sequence: int, run: int = 1) -> Chunk:
    media_time_us = (sequence - 1) * CHUNK_US
    return Chunk(0, run, run, sequence, media_time_us, CHUNK_US, Codec.OPUS, Flag.NONE, (), b"")


def broadcast(chunks: int, run: int = 1, began_at: int = 0) -> Broadcast:
    one = Broadcast(CHUNK_US, run=run)
    for number in range(1, chunks + 1):
        one.sends(began_at + (number - 1) * CHUNK_US)
        one.chunks.append(chunk(number, run))
    return one


def came(sent: Broadcast, sequence: int, *, is_refill: bool = False) -> ChunkReceived:
    known = sent.chunks[sequence]
    assert known is not None
    return ChunkReceived(PeerId(b"p" * 32), Hop(0, 0), known, is_refill=is_refill)


def naive(arrivals: dict[int, int], first: int, last: int) -> list[int]:
    """Count from everything that came, at a transit that is known."""
    due_at = {one: (one - 1) * CHUNK_US + TRANSIT_US for one in range(first, last + 1)}
    return [
        sum(arrivals.get(one, NEVER) > at + delay_us for one, at in due_at.items()) for delay_us in DELAYS_US
    ]


@given(st.lists(st.none() | st.integers(0, 6 * SECOND), min_size=30, max_size=250), st.integers(1, 40))
def test_what_is_folded_away_counts_as_if_everything_had_been_kept(
    extras: list[int | None], fold_every: int
) -> None:
    sent = broadcast(len(extras) + 1)
    hearing = Hearing({1: sent})
    arrivals = {1: TRANSIT_US}
    for number, extra_us in enumerate(extras, 2):
        if extra_us is not None:
            arrivals[number] = (number - 1) * CHUNK_US + TRANSIT_US + extra_us
    now = 0
    for step, (sequence, at) in enumerate(sorted(arrivals.items(), key=lambda one: one[1])):
        now = at
        hearing.hear(came(sent, sequence), now)
        if step % fold_every == 0:
            hearing.fold(now)
    now = max(now, len(sent.chunks) * CHUNK_US)
    due, missing = hearing.so_far(now)
    last = min(sent.newest, (now - TRANSIT_US - DELAYS_US[-1]) // CHUNK_US + 1)
    assert due == max(0, last)
    assert missing == naive(arrivals, 1, last)
    hearing.fold(now)
    assert hearing.so_far(now) == (due, missing)
    assert len(hearing.arrivals) <= (FOLD_US + 7 * SECOND) // CHUNK_US + len(extras) // 100 + 1


def test_counting_begins_with_the_first_live_chunk_and_ends_when_the_listener_goes() -> None:
    sent = broadcast(100)
    hearing = Hearing({1: sent})
    for sequence in (38, 39):
        hearing.hear(came(sent, sequence, is_refill=True), 4 * SECOND)
    assert not hearing.has_heard
    for sequence in range(41, 61):
        hearing.hear(came(sent, sequence), (sequence - 1) * CHUNK_US + TRANSIT_US)
    hearing.end_stretch(8 * SECOND)
    # 61 to 80 were sent, and 61 to 75 were due with a buffer of half a second; at four seconds none was.
    assert hearing.due == 75 - 41 + 1
    assert hearing.missing == [15, 10, 0, 0]
    assert hearing.so_far(20 * SECOND) == (35, [15, 10, 0, 0])


def test_a_refill_says_nothing_of_the_earliest_transit_and_a_double_changes_nothing() -> None:
    sent = broadcast(100)
    hearing = Hearing({1: sent})
    hearing.hear(came(sent, 1), TRANSIT_US)
    hearing.hear(came(sent, 2, is_refill=True), CHUNK_US + TRANSIT_US // 2)
    hearing.hear(came(sent, 3), 2 * CHUNK_US + TRANSIT_US + SECOND)
    hearing.hear(came(sent, 3), 2 * CHUNK_US + TRANSIT_US)
    assert hearing.so_far(TRANSIT_US + 2 * CHUNK_US + 4 * SECOND) == (3, [1, 0, 0, 0])


def test_what_others_made_up_is_no_arrival_and_is_remembered() -> None:
    sent = broadcast(3)
    hearing = Hearing({1: sent})
    for fake in (chunk(2), chunk(4_000), chunk(1, run=9)):
        hearing.hear(ChunkReceived(PeerId(b"p" * 32), Hop(0, 0), fake), 0)
    assert len(hearing.forged) == 3
    assert not hearing.arrivals
    hearing.play(chunk(2))
    assert hearing.played_forged == 1


def test_a_later_run_ends_a_stretch_and_begins_another_and_an_old_chunk_is_no_forgery() -> None:
    first, second = broadcast(30), broadcast(100, run=2, began_at=10 * SECOND)
    hearing = Hearing({1: first, 2: second})
    for sequence in range(1, 31):
        hearing.hear(came(first, sequence), (sequence - 1) * CHUNK_US + TRANSIT_US)
    for sequence in range(1, 51):
        hearing.hear(came(second, sequence), 10 * SECOND + sequence * CHUNK_US)
        hearing.hear(came(first, 30), 10 * SECOND + sequence * CHUNK_US)
    due, missing = hearing.so_far(30 * SECOND)
    assert due == 30 + 100
    assert missing == [50] * 4
    assert hearing.forged == []


def test_one_that_slept_is_not_asked_for_what_was_sent_meanwhile() -> None:
    sent = broadcast(200)
    hearing = Hearing({1: sent})
    hearing.hear(came(sent, 1), TRANSIT_US)
    hearing.end_stretch(SECOND // 4, again_at=10 * SECOND)
    for sequence in range(2, 60):
        hearing.hear(came(sent, sequence), 10 * SECOND)
    for sequence in range(101, 201):
        hearing.hear(came(sent, sequence), (sequence - 1) * CHUNK_US + TRANSIT_US)
    assert hearing.so_far(40 * SECOND) == (100, [0, 0, 0, 0])


def test_what_was_played_is_kept_short() -> None:
    sent = broadcast(PLAYED_MAX + 10)
    hearing = Hearing({1: sent})
    for one in sent.chunks[1:]:
        assert one is not None
        hearing.play(one)
    hearing.conceal(3, 0)
    hearing.fold(0)
    assert len(hearing.played) < 20
    assert hearing.concealed == []
