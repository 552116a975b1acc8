"""When each chunk is handed over: at once from a backlog, steadily, never twice, and never backwards."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Flag
from meshcast.protocol.effects import Conceal, Ended, Play
from meshcast.protocol.limits import LATE_CHUNKS_MAX, RESYNC_US
from meshcast.protocol.playout import Phase, Playout
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, Sequence

CHUNK_US = 100 * MILLISECOND
DELAY_US = SECOND
START = 50 * SECOND


class Listener:
    """A playout, its backlog, and what it handed over when."""

    def __init__(self, crew: Any, delay_us: Micros = DELAY_US) -> None:
        self.crew = crew
        self.backlog = Backlog()
        self.playout = Playout(self.backlog, delay_us)
        self.played: list[tuple[Micros, Sequence]] = []
        self.concealed: list[Sequence] = []
        self.handed: list[Sequence] = []
        self.has_ended = False
        self.now: Micros = START

    def offer(self, sequence: Sequence, now: Micros, **changes: Any) -> None:
        chunk = self.crew.chunk(sequence, **changes)
        if self.backlog.is_new(chunk):
            self.backlog.add(chunk, now, 0)
            self.playout.offer(chunk, now)

    def tick(self, now: Micros) -> None:
        due = self.playout.deadline()
        if due is None or now < due:
            return
        for effect in self.playout.due(now):
            match effect:
                case Play(chunk):
                    self.played.append((now, chunk.sequence))
                    self.handed.append(chunk.sequence)
                case Conceal(sequence):
                    self.concealed.append(sequence)
                    self.handed.append(sequence)
                case Ended():
                    self.has_ended = True
                case _:
                    raise AssertionError(effect)

    def run(self, until: Micros) -> None:
        """Wake exactly when something is due."""
        while (due := self.playout.deadline()) is not None and max(self.now, due) < until:
            self.now = max(self.now, due)
            self.tick(self.now)
        self.now = until

    @property
    def sequences(self) -> list[Sequence]:
        return [sequence for _, sequence in self.played]


@pytest.fixture
def listener(crew: Any) -> Listener:
    return Listener(crew)


def live(
    listener: Listener, first: Sequence, last: Sequence, at: Micros = START, late_us: Micros = 0
) -> None:
    """Let chunks arrive at their pace; chunk 1 would arrive at `at`."""
    for sequence in range(first, last + 1):
        now = at + (sequence - 1) * CHUNK_US + late_us
        listener.run(now)
        listener.offer(sequence, now)
        listener.tick(now)


def test_a_first_live_chunk_is_due_one_delay_after_it_came(listener: Listener) -> None:
    listener.offer(1, START)
    assert listener.playout.phase is Phase.READY
    assert listener.playout.deadline() == START + DELAY_US


def test_sound_begins_at_once_from_a_backlog(listener: Listener) -> None:
    listener.playout.anchor(20, START - 30 * MILLISECOND)
    for sequence in range(6, 21):
        listener.offer(sequence, START)
    first_due = listener.playout.deadline()
    assert first_due is not None
    assert START <= first_due < START + CHUNK_US
    assert listener.playout.next_sequence == 11, (
        "chunk 20 came 30 ms ago; chunk 10 was due one delay after its time"
    )


def test_before_sound_begins_a_later_chunk_may_show_an_earlier_transit(listener: Listener) -> None:
    """Found in the demo: who joined while its parent was still receiving a backlog heard everything 1.6 s later."""
    for number, sequence in enumerate(range(10, 27)):
        listener.offer(sequence, START + number * MILLISECOND)
    listener.run(START + 3 * SECOND)
    live_end = START + 16 * MILLISECOND
    first_at, first = listener.played[0]
    assert first_at + (26 - first) * CHUNK_US == live_end + DELAY_US, "one delay behind the newest"
    assert listener.concealed[:1] != [10]
    assert [sequence for _, sequence in listener.played] == list(range(first, 27))


def test_chunks_are_handed_over_at_their_pace_whatever_the_jitter(listener: Listener) -> None:
    for sequence in range(1, 60):
        now = START + (sequence - 1) * CHUNK_US + (sequence * 37 % 90) * MILLISECOND
        listener.run(now)
        listener.offer(sequence, now)
    times = [at for at, _ in listener.played]
    assert {later - earlier for earlier, later in pairwise(times)} == {CHUNK_US}
    assert listener.sequences == list(range(1, len(times) + 1))


def test_the_base_stays_when_the_way_becomes_shorter(listener: Listener) -> None:
    live(listener, 1, 20)
    live(listener, 21, 60, late_us=-80 * MILLISECOND)
    times = [at for at, _ in listener.played]
    assert {later - earlier for earlier, later in pairwise(times)} == {CHUNK_US}


def test_a_missing_chunk_is_concealed_and_counted_and_not_waited_for(listener: Listener) -> None:
    live(listener, 1, 4)
    live(listener, 6, 40)
    assert listener.concealed == [5]
    assert listener.playout.missing == 1
    assert listener.handed == list(range(1, len(listener.handed) + 1))


def test_a_chunk_that_comes_after_its_time_is_counted_and_not_played(listener: Listener) -> None:
    live(listener, 1, 4)
    live(listener, 6, 30)
    listener.offer(5, START + 3 * SECOND)
    listener.run(START + 4 * SECOND)
    assert 5 not in listener.sequences
    assert listener.playout.late == 1


def test_ten_late_chunks_in_a_row_move_the_playout_back_once(listener: Listener) -> None:
    live(listener, 1, 30)
    live(listener, 31, 100, late_us=1_500 * MILLISECOND)
    now = START + 100 * CHUNK_US + 1_500 * MILLISECOND
    listener.run(now + 5 * SECOND)
    assert LATE_CHUNKS_MAX <= listener.playout.late < 2 * LATE_CHUNKS_MAX, (
        "some were due already when it moved"
    )
    late = [at for at, sequence in listener.played if sequence > 60]
    assert {later - earlier for earlier, later in pairwise(late)} == {CHUNK_US}
    assert listener.sequences[-20:] == list(range(81, 101))


def test_nine_late_chunks_move_nothing(listener: Listener) -> None:
    live(listener, 1, 30)
    for sequence in range(31, 31 + LATE_CHUNKS_MAX - 1):
        listener.run(START + sequence * CHUNK_US + DELAY_US)
        listener.offer(sequence, START + sequence * CHUNK_US + DELAY_US + 1)
    before = listener.playout.deadline()
    live(listener, 40, 60)
    assert before is not None
    assert (
        listener.playout.deadline() == before + 20 * CHUNK_US - 0
        or listener.playout.late == LATE_CHUNKS_MAX - 1
    )


def test_after_a_machine_slept_it_goes_on_at_the_live_end(listener: Listener) -> None:
    live(listener, 1, 20)
    asleep_until = START + 60 * SECOND
    listener.tick(asleep_until)
    handed_then = len(listener.handed)
    assert handed_then < 20, "sixty seconds are not played in a burst"
    live(listener, 601, 640)
    played = [sequence for at, sequence in listener.played if at > asleep_until]
    assert played == list(range(played[0], played[-1] + 1))
    assert played[0] >= 601


def test_a_backlog_that_comes_after_its_time_says_nothing_about_the_way(listener: Listener) -> None:
    """A machine that had slept for a minute was silent for twenty seconds more, and that far behind from then on (bed)."""
    live(listener, 1, 20)
    listener.tick(START + 60 * SECOND)
    due = listener.playout.deadline()
    for sequence in range(300, 300 + 3 * LATE_CHUNKS_MAX):
        chunk = listener.crew.chunk(sequence)
        listener.backlog.add(chunk, START + 60 * SECOND, 0)
        listener.playout.offer(chunk, START + 60 * SECOND, live=False)
    assert listener.playout.deadline() == due


def test_a_machine_that_slept_before_its_first_chunk_was_due_does_not_play_in_a_burst(
    listener: Listener,
) -> None:
    """It handed a whole backlog to the player at one moment."""
    listener.playout.anchor(100, START)
    for sequence in range(91, 101):
        listener.offer(sequence, START)
    for sequence in range(101, 200):
        listener.offer(sequence, START)
    assert listener.playout.phase is Phase.READY
    listener.tick(START + 8 * SECOND)
    assert len(listener.handed) <= 2


def test_without_any_chunk_for_two_seconds_it_waits_for_the_programme_to_begin_anew(
    listener: Listener,
) -> None:
    live(listener, 1, 20)
    listener.run(START + 20 * SECOND)
    assert listener.playout.phase is Phase.WAITING
    assert listener.playout.deadline() is None
    assert len(listener.concealed) == RESYNC_US // CHUNK_US


def test_what_was_played_before_a_long_silence_is_never_played_again(listener: Listener) -> None:
    """A late repair found the playout waiting, began with an old chunk, and the ones after it were heard twice (I9)."""
    live(listener, 1, 9)
    live(listener, 11, 20)
    listener.run(START + 20 * SECOND)
    assert listener.playout.phase is Phase.WAITING
    listener.offer(10, START + 20 * SECOND)
    assert listener.playout.phase is Phase.WAITING
    live(listener, 200, 230)
    assert listener.handed == sorted(set(listener.handed))


def test_end_is_said_once_all_before_it_has_been_played(listener: Listener) -> None:
    live(listener, 1, 10)
    for sequence in range(11, 20):
        listener.offer(sequence, START + (sequence - 1) * CHUNK_US, flags=Flag.END, packets=())
    listener.run(START + 10 * SECOND)
    assert listener.has_ended
    assert listener.sequences == list(range(1, 11))
    assert listener.playout.deadline() is None
    assert listener.playout.is_audible


def test_the_end_is_reached_although_its_first_words_are_lost(listener: Listener) -> None:
    live(listener, 1, 10)
    listener.offer(13, START + SECOND, flags=Flag.END, packets=())
    listener.run(START + 10 * SECOND)
    assert listener.has_ended
    assert listener.concealed == [11, 12]


def test_a_new_run_begins_anew_with_low_numbers(listener: Listener) -> None:
    live(listener, 500, 520)
    listener.backlog.clear()
    listener.playout.reset()
    later = START + 100 * SECOND
    listener.offer(1, later)
    assert listener.playout.next_sequence == 1
    assert listener.playout.deadline() == later + DELAY_US


@pytest.mark.parametrize("idle_us", [10**9, 2**64 - 1])
def test_a_live_chunk_outweighs_a_parent_that_lies_about_its_newest(
    listener: Listener, idle_us: Micros
) -> None:
    """Its word made every chunk overdue for ever, and the joiner stayed silent."""
    listener.playout.anchor(20, START - idle_us)
    for sequence in range(6, 21):
        listener.offer(sequence, START)
    assert listener.playout.phase is Phase.WAITING
    listener.offer(21, START + CHUNK_US)
    assert listener.playout.deadline() == START + CHUNK_US + DELAY_US


@pytest.mark.parametrize("newest", [10**6, 2**32 - 1])
def test_a_parent_that_lies_about_its_newest_keeps_nobody_silent_for_longer_than_two_seconds(
    listener: Listener, newest: Sequence
) -> None:
    """No live chunk ever had a greater number than the lie, and the joiner stayed silent as long as the liar fed it."""
    listener.playout.anchor(newest, START)
    for step in range(1 + RESYNC_US // CHUNK_US):
        listener.offer(6 + step, START + step * CHUNK_US)
        assert listener.playout.phase is Phase.WAITING
    heard_at = START + RESYNC_US + CHUNK_US
    listener.offer(7 + RESYNC_US // CHUNK_US, heard_at)
    assert listener.playout.deadline() == heard_at + DELAY_US


def test_a_chunk_that_claims_any_time_and_any_number_costs_no_more_than_another(listener: Listener) -> None:
    """Each number in between was gone through, and a single chunk of a crooked broadcaster stopped its listeners."""
    listener.offer(1, START)
    listener.offer(2**32 - 1, START + CHUNK_US, media_time_us=2**63)
    listener.tick(START + 2 * DELAY_US)
    listener.offer(2**32 - 3, START + 2 * DELAY_US, media_time_us=2**62)
    listener.run(START + 20 * DELAY_US)
    listener.tick(START + 10**9 * SECOND)
    assert len(listener.handed) < 250


def test_another_parents_word_replaces_that_of_a_liar(listener: Listener) -> None:
    """The worst word counted, whoever had given it."""
    listener.playout.anchor(10**9, START)
    for sequence in range(6, 15):
        listener.offer(sequence, START)
    listener.playout.anchor(20, START)
    for sequence in range(15, 21):
        listener.offer(sequence, START)
    assert listener.playout.next_sequence == 15
    assert listener.playout.deadline() == START + DELAY_US - 5 * CHUNK_US


arrivals = st.lists(st.tuples(st.integers(1, 80), st.integers(0, 600)), min_size=1, max_size=80)


@settings(deadline=None, max_examples=120)
@example(steps=[(1, 0), (21, 0), (2, 0)], delay_ms=1_900, anchor=None)
@given(arrivals, st.integers(300, 2_000), st.none() | st.tuples(st.integers(1, 100), st.integers(0, 3_000)))
def test_numbers_handed_over_strictly_increase_whatever_comes_when(
    crew: Any, steps: list[tuple[int, int]], delay_ms: int, anchor: tuple[int, int] | None
) -> None:
    """I9, under any order, loss, delay and sleep."""
    listener, now = Listener(crew, delay_ms * MILLISECOND), START
    if anchor is not None:
        listener.playout.anchor(anchor[0], now - anchor[1] * MILLISECOND)
    for sequence, wait_ms in steps:
        later = now + wait_ms * wait_ms * 40
        if wait_ms % 2:
            listener.run(later)
        now = later
        listener.offer(sequence, now)
        listener.tick(now)
    listener.run(now + 20 * SECOND)
    assert all(later > earlier for earlier, later in pairwise(listener.handed))
    assert set(listener.sequences) <= {sequence for sequence, _ in steps}
