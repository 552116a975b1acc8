"""What was heard, counted from the first sound on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.listener.heard import DELAYS_MAX, Heard
from meshcast.protocol.chunk import Chunk, Codec, Flag
from meshcast.protocol.effects import Conceal, Play
from meshcast.protocol.units import MILLISECOND

CHUNK_US = 100 * MILLISECOND


def play(age_us: int = 0) -> Play:
    return Play(Chunk(0, 1, 1, 1, 0, CHUNK_US, Codec.OPUS, Flag.NONE, (b"x",), b""), age_us)


def heard(story: str) -> Heard:
    """Hear `+` (there), `-` (concealed) and `!` (forged), one after the other."""
    one = Heard()
    for letter in story:
        if letter == "-":
            one.conceal(Conceal(1, CHUNK_US))
        else:
            one.play(play(), is_genuine=letter == "+")
    return one


def test_before_the_first_sound_nothing_was_heard_and_nothing_is_known() -> None:
    assert Heard().ratio == 0.0
    assert Heard().delay_ms(50) is None


@pytest.mark.parametrize(
    ("story", "ratio", "gap"), [("++++", 1.0, 0), ("+-++", 0.75, 1), ("+--+", 0.5, 2), ("-+--+-", 1 / 3, 2)]
)
def test_the_share_and_the_longest_gap(story: str, ratio: float, gap: int) -> None:
    one = heard(story)
    assert one.ratio == pytest.approx(ratio)
    assert one.longest_gap_us == gap * CHUNK_US
    assert one.concealed_chunks == story.count("-")


def test_what_was_played_though_nobody_signed_it_is_counted() -> None:
    assert heard("+!+").forged_chunks == 1
    assert heard("+-+").forged_chunks == 0


@given(delays=st.lists(st.integers(0, 10**7), min_size=1, max_size=50), percentile=st.integers(0, 100))
def test_a_percentile_of_the_delay_is_one_that_was_measured(delays: list[int], percentile: int) -> None:
    one = Heard()
    for delay_us in delays:
        one.play(play(delay_us), is_genuine=True)
    found = one.delay_ms(percentile)
    assert found in {round(delay_us / MILLISECOND, 1) for delay_us in delays}
    assert one.delay_ms(0) == round(min(delays) / MILLISECOND, 1)
    assert one.delay_ms(100) == round(max(delays) / MILLISECOND, 1)


def test_only_so_many_delays_are_remembered() -> None:
    one = Heard(delays_us=[1] * DELAYS_MAX)
    one.play(play(99), is_genuine=True)
    assert len(one.delays_us) == DELAYS_MAX
    assert one.played_us == CHUNK_US


def test_the_standby_programme_is_counted_apart() -> None:
    one = Heard()
    one.play(play(1), is_genuine=True)
    marked = replace(play(1).chunk, flags=Flag.STANDBY)
    one.play(Play(marked, 1), is_genuine=True)
    assert (one.played_us, one.standby_us) == (2 * CHUNK_US, CHUNK_US)
