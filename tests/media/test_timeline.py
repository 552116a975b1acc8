"""Known faults are put in, and exactly these are found."""

import numpy as np
import pytest
import soxr

from meshcast.media.decoding import read_all
from meshcast.media.opus import LOOKAHEAD_SAMPLES, Decoder, Encoder
from meshcast.media.programme import programme_path
from meshcast.media.sound import BLOCK_SAMPLES, to_float
from meshcast.media.timeline import Finding, Mono, Timeline, compare, load

S = 48_000


@pytest.fixture(scope="module")
def original() -> Mono:
    return load(programme_path())[: 40 * S]


@pytest.fixture(scope="module")
def packets(original: Mono) -> list[bytes]:
    encoder = Encoder(96_000)
    blocks = np.repeat(original[:, None], 2, axis=1).reshape(-1, BLOCK_SAMPLES, 2)
    return [encoder.encode(block) for block in blocks]


@pytest.fixture(scope="module")
def heard(packets: list[bytes]) -> Mono:
    """What a listener hears who misses nothing."""
    decoder = Decoder()
    return np.asarray(np.concatenate([decoder.decode(packet) for packet in packets]).mean(axis=1), np.float32)


def jumps_of(timeline: Timeline) -> list[tuple[float, float]]:
    return [(round(jump.at_s, 1), round(jump.by_s, 2)) for jump in timeline.jumps]


def test_a_recording_without_a_fault_has_none(original: Mono, heard: Mono) -> None:
    timeline = compare(original, heard)
    assert timeline.found_share == 1.0
    assert (timeline.jumps, timeline.silent_ms, timeline.missing, timeline.repeated_s) == ((), 0, (), 0)
    assert timeline.start_s == pytest.approx(-LOOKAHEAD_SAMPLES / S, abs=0.0005)
    assert timeline.drift_ppm == pytest.approx(0, abs=0.1)


def test_a_hole_of_a_second_is_a_second_of_silence_and_no_jump(original: Mono, heard: Mono) -> None:
    timeline = compare(original, np.concatenate([heard[: 16 * S], np.zeros(S, np.float32), heard[17 * S :]]))
    assert timeline.silent_ms == pytest.approx(1_000, abs=15)
    assert timeline.jumps == ()
    assert {round(window.at_s, 1) for window in timeline.missing} == {
        16.0,
        16.1,
        16.2,
        16.3,
        16.4,
        16.5,
        16.6,
        16.7,
        16.8,
    }
    assert timeline.found_share == pytest.approx(1 - 9 / 390, abs=0.005)


def test_a_second_in_which_the_sound_stands_still_is_silence_and_a_jump_but_no_repetition(
    original: Mono, heard: Mono
) -> None:
    timeline = compare(original, np.concatenate([heard[: 16 * S], np.zeros(S, np.float32), heard[16 * S :]]))
    (jump,) = timeline.jumps
    assert 15.99 <= jump.at_s <= 17.01
    assert jump.by_s == pytest.approx(-1.0, abs=0.001)
    assert timeline.silent_ms == pytest.approx(1_000, abs=15)
    assert timeline.repeated_s < 0.02


@pytest.mark.parametrize("skipped_s", [0.02, 0.1, 0.5, 3.0, 12.0])
def test_what_is_skipped_is_a_jump_forwards(original: Mono, heard: Mono, skipped_s: float) -> None:
    timeline = compare(original, np.concatenate([heard[: 16 * S], heard[round((16 + skipped_s) * S) :]]))
    assert jumps_of(timeline) == [(16.0, skipped_s)]
    assert timeline.jumps[0].at_s == pytest.approx(16.0, abs=0.02)
    assert timeline.jumps[0].by_s == pytest.approx(skipped_s, abs=0.001)
    assert (timeline.repeated_s, timeline.silent_ms) == (0, 0)


@pytest.mark.parametrize("repeated_s", [0.02, 0.1, 0.5, 3.0])
def test_what_is_repeated_is_a_jump_backwards(original: Mono, heard: Mono, repeated_s: float) -> None:
    timeline = compare(original, np.concatenate([heard[: 16 * S], heard[round((16 - repeated_s) * S) :]]))
    assert jumps_of(timeline) == [(16.0, -repeated_s)]
    assert timeline.repeated_s == pytest.approx(repeated_s, abs=0.001)


def test_swapped_chunks_are_three_jumps(original: Mono, heard: Mono) -> None:
    a, b, c = 16 * S, round(16.4 * S), round(16.8 * S)
    timeline = compare(original, np.concatenate([heard[:a], heard[b:c], heard[a:b], heard[c:]]))
    assert jumps_of(timeline) == [(16.0, 0.4), (16.4, -0.8), (16.8, 0.4)]


@pytest.mark.parametrize("blocks_lost_together", [1, 3, 5])
def test_five_percent_concealed_are_no_jumps(
    original: Mono, packets: list[bytes], blocks_lost_together: int
) -> None:
    chance = np.random.default_rng(3)
    lost = chance.random(len(packets) // blocks_lost_together + 1) < 0.05
    decoder = Decoder()
    pieces = [
        decoder.conceal() if lost[number // blocks_lost_together] else decoder.decode(packet)
        for number, packet in enumerate(packets)
    ]
    timeline = compare(original, np.concatenate(pieces).mean(axis=1))
    assert timeline.jumps == ()
    assert 0.9 < timeline.found_share <= 1.0
    likeness = [window.likeness for window in timeline.windows if window.finding is Finding.FOUND]
    assert min(likeness) < 0.95 < np.median(likeness)


def test_who_joins_late_is_known_to_have_joined_late(original: Mono, heard: Mono) -> None:
    before = np.zeros(2 * S, np.float32)
    timeline = compare(original, np.concatenate([before, heard[12 * S : 20 * S]]))
    assert timeline.start_s == pytest.approx(10 - LOOKAHEAD_SAMPLES / S, abs=0.001)
    assert timeline.found_share == 1.0
    assert timeline.silent_ms == 0


def test_who_dies_early_misses_the_rest(original: Mono, heard: Mono) -> None:
    timeline = compare(original, np.concatenate([heard[: 30 * S], np.zeros(8 * S, np.float32)]))
    assert timeline.silent_ms == pytest.approx(8_000, rel=0.15)
    assert timeline.found_share == pytest.approx(30 / 38, abs=0.03)


def test_other_sound_and_silence_are_not_found(original: Mono) -> None:
    chance = np.random.default_rng(1)
    noise = (0.1 * chance.standard_normal(10 * S)).astype(np.float32)
    assert compare(original, noise).found_share == 0
    assert compare(original, np.zeros(10 * S, np.float32)).found_share == 0
    assert compare(original, original[:100]).windows == ()
    assert compare(original[:100], original).found == 0


def test_a_clock_that_is_off_is_drift_and_no_jump(original: Mono, heard: Mono) -> None:
    timeline = compare(original, soxr.resample(heard, S, S * (1 - 200e-6)))
    assert timeline.jumps == ()
    assert timeline.drift_ppm == pytest.approx(200, abs=5)


def test_a_file_is_loaded_as_one_channel() -> None:
    both = to_float(read_all(programme_path()))
    assert np.allclose(load(programme_path()), both.mean(axis=1), atol=1e-6)
