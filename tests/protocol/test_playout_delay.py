"""A delay that chooses itself: within its bounds, at once where chunks are late, slowly back, and never a jump in sound."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Bridge, Conceal, Ended, Play
from meshcast.protocol.limits import (
    OPUS_FRAME_US,
    PLAYOUT_DELAY_US_AUTO_MAX,
    PLAYOUT_DELAY_US_DEFAULT,
    PLAYOUT_DELAY_US_MIN,
    PLAYOUT_STEP_US,
    SHORTEN_EVERY_US,
)
from meshcast.protocol.playout import Phase, Playout
from meshcast.protocol.playout_delay import EVIDENCE_CHUNKS_MIN, EXCEEDED_ONE_IN, HALF_WINDOW_US, DelayChooser
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, Sequence

CHUNK_US = 100 * MILLISECOND
START = 50 * SECOND
RTT_US = 40 * MILLISECOND
REPAIR_US = CHUNK_US + 10 * MILLISECOND + RTT_US * 3 // 2


class Listener:
    """A playout that chooses its delay, and what it handed over when."""

    def __init__(self, crew: Any) -> None:
        self.crew = crew
        self.backlog = Backlog()
        self.playout = Playout(self.backlog, PLAYOUT_DELAY_US_DEFAULT, DelayChooser())
        self.handed: list[tuple[Micros, Any, Micros]] = []
        """When, what, and how long it sounds."""
        self.delays: list[Micros] = []
        self.now: Micros = START

    def offer(self, sequence: Sequence, now: Micros) -> None:
        self.run(now)
        chunk = self.crew.chunk(sequence)
        if self.backlog.is_new(chunk):
            self.backlog.add(chunk, now, 0)
            self.playout.offer(chunk, now, RTT_US)
        self.tick(now)

    def tick(self, now: Micros) -> None:
        due = self.playout.deadline()
        if due is None or now < due:
            return
        for effect in self.playout.due(now):
            match effect:
                case Play(chunk, _, longer_us):
                    self.handed.append((now, effect, chunk.duration_us + longer_us))
                case Conceal(_, duration_us) | Bridge(duration_us):
                    self.handed.append((now, effect, duration_us))
                case Ended():
                    pass
                case _:
                    raise AssertionError(effect)
            self.delays.append(self.playout.delay_us)

    def run(self, until: Micros) -> None:
        """Wake exactly when something is due."""
        while (due := self.playout.deadline()) is not None and max(self.now, due) < until:
            self.now = max(self.now, due)
            self.tick(self.now)
        self.now = until

    def live(self, first: Sequence, last: Sequence, jitter_us: Micros, chance: random.Random) -> None:
        """Let chunks come, each up to so much later than it could; the first of them comes as soon as it can."""
        arrivals = [
            (
                START
                + sequence * CHUNK_US
                + (chance.randrange(jitter_us) if jitter_us and sequence > 1 else 0),
                sequence,
            )
            for sequence in range(first, last + 1)
        ]
        for at, sequence in sorted(arrivals):
            self.offer(sequence, max(at, self.now))

    def sequences(self) -> list[Sequence]:
        return [one.chunk.sequence if isinstance(one, Play) else one.sequence
                for _, one, _ in self.handed if not isinstance(one, Bridge)]  # fmt: skip

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(one, kind) for _, one, _ in self.handed)


@pytest.fixture
def listener(crew: Any) -> Listener:
    return Listener(crew)


# ---- whom it serves


def test_where_nothing_jitters_it_comes_down_to_the_least_delay_and_nobody_hears_it(
    listener: Listener,
) -> None:
    listener.live(1, 700, 0, random.Random(1))
    assert listener.playout.delay_us <= PLAYOUT_DELAY_US_MIN + 2 * PLAYOUT_STEP_US
    assert listener.count(Conceal) == listener.count(Bridge) == 0


def test_it_comes_down_no_faster_than_two_in_a_hundred(listener: Listener) -> None:
    listener.live(1, 200, 0, random.Random(1))
    lengths = [(at, length) for at, _, length in listener.handed]
    shortened = [at for at, length in lengths if length < CHUNK_US]
    assert shortened
    assert min(later - earlier for earlier, later in pairwise(shortened)) >= SHORTEN_EVERY_US
    assert {CHUNK_US - length for _, length in lengths} == {0, PLAYOUT_STEP_US}


def test_jitter_that_grows_is_followed_at_once_and_one_that_goes_is_forgotten(listener: Listener) -> None:
    chance = random.Random(3)
    listener.live(1, 600, 20 * MILLISECOND, chance)
    assert listener.playout.delay_us < 400 * MILLISECOND
    missing_before = listener.count(Conceal)
    listener.live(601, 1200, 900 * MILLISECOND, chance)
    assert listener.playout.delay_us >= 900 * MILLISECOND
    in_the_first_seconds = listener.count(Conceal) - missing_before
    # Half a second by a fifth of each chunk takes 28 chunks, and most of them come in time all the same.
    assert in_the_first_seconds <= 20
    listener.live(1201, 1800, 900 * MILLISECOND, chance)
    assert listener.count(Conceal) - missing_before == in_the_first_seconds, (
        "once it has grown nothing is missing"
    )
    listener.live(1801, 1800 + 2 * HALF_WINDOW_US // CHUNK_US + 800, 20 * MILLISECOND, chance)
    assert listener.playout.delay_us < 400 * MILLISECOND


def test_when_nothing_is_here_it_is_waited_for_and_nothing_is_passed_over(listener: Listener) -> None:
    """The way becomes 0.8 s longer from one chunk to the next: a fixed delay of 0.3 s would lose ten of them."""
    listener.live(1, 700, 0, random.Random(1))
    for sequence in range(701, 800):
        listener.offer(sequence, START + sequence * CHUNK_US + 800 * MILLISECOND)
    assert listener.count(Conceal) == 0
    assert listener.count(Bridge) > 0
    played = [one.chunk.sequence for _, one, _ in listener.handed if isinstance(one, Play)]
    assert played == list(range(played[0], played[-1] + 1))


def test_a_chunk_that_is_lost_for_good_is_not_waited_for(listener: Listener) -> None:
    listener.live(1, 700, 0, random.Random(1))
    before = listener.playout.delay_us
    listener.live(702, 760, 0, random.Random(1))
    assert listener.count(Conceal) == 1
    assert listener.count(Bridge) == 0
    assert listener.playout.delay_us <= before


def test_a_source_that_is_gone_is_not_waited_for_for_ever(listener: Listener) -> None:
    listener.live(1, 100, 0, random.Random(1))
    listener.run(listener.now + 20 * SECOND)
    assert listener.playout.phase is Phase.WAITING
    assert max(listener.delays) <= PLAYOUT_DELAY_US_AUTO_MAX
    assert listener.playout.delay_us == PLAYOUT_DELAY_US_DEFAULT, "it begins anew with what jitter wants"


# ---- what it promises


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2_500), st.integers(0, 2**32))
def test_it_converges_to_what_one_in_a_thousand_exceeds_and_a_repair(
    crew: Any, jitter_ms: int, seed: int
) -> None:
    listener, chance = Listener(crew), random.Random(seed)
    jitter_us = jitter_ms * MILLISECOND
    listener.live(1, 2_000, jitter_us, chance)
    most = jitter_us + REPAIR_US + 3 * PLAYOUT_STEP_US
    assert listener.playout.delay_us <= min(
        max(most, PLAYOUT_DELAY_US_MIN + 2 * PLAYOUT_STEP_US), PLAYOUT_DELAY_US_AUTO_MAX
    )
    assert listener.playout.delay_us >= min(
        max(jitter_us * 9 // 10, PLAYOUT_DELAY_US_MIN), PLAYOUT_DELAY_US_AUTO_MAX - REPAIR_US
    )
    concealed_before = listener.count(Conceal)
    listener.live(2_001, 2_400, jitter_us, chance)
    assert listener.count(Conceal) - concealed_before <= 1 + 2 * 400 // EXCEEDED_ONE_IN


arrivals = st.lists(st.tuples(st.integers(1, 120), st.integers(0, 700)), min_size=1, max_size=100)


@settings(deadline=None, max_examples=120)
@given(arrivals)
def test_whatever_comes_when_sound_is_handed_over_without_a_gap_or_an_overlap_and_the_delay_keeps_its_bounds(
    crew: Any, steps: list[tuple[int, int]]
) -> None:
    """What is handed over sounds until the next is: that is what makes it heard as one. And numbers only increase (I9)."""
    listener, now = Listener(crew), START
    for sequence, wait_ms in steps:
        now += wait_ms * wait_ms * 20
        listener.offer(sequence, now)
    listener.run(now + 20 * SECOND)
    sequences = listener.sequences()
    assert all(later > earlier for earlier, later in pairwise(sequences))
    assert all(PLAYOUT_DELAY_US_MIN <= one <= PLAYOUT_DELAY_US_AUTO_MAX for one in listener.delays)
    assert all(
        abs(length - CHUNK_US) <= CHUNK_US // 5 or length == OPUS_FRAME_US for _, _, length in listener.handed
    )
    for stretch in stretches(listener.handed):
        assert all(then == at + length for (at, _, length), (then, _, _) in pairwise(stretch))


def stretches(handed: list[tuple[Micros, Any, Micros]]) -> list[list[tuple[Micros, Any, Micros]]]:
    """Cut what was handed over where playout gave up and began anew, each from the first sound on."""
    cut: list[list[tuple[Micros, Any, Micros]]] = [[]]
    for one in handed:
        if cut[-1] and one[0] > cut[-1][-1][0] + cut[-1][-1][2]:
            cut.append([])
        if cut[-1] or isinstance(one[1], Play):
            cut[-1].append(one)
    return cut


def test_little_evidence_shortens_nothing(listener: Listener) -> None:
    listener.live(1, EVIDENCE_CHUNKS_MIN, 0, random.Random(1))
    assert set(listener.delays) == {PLAYOUT_DELAY_US_DEFAULT}
