import numpy as np
import pytest

from meshcast.media.decoding import read_all
from meshcast.media.programme import programme_path
from meshcast.media.sound import to_float
from meshcast.media.timeline import Mono, compare


@pytest.fixture(scope="module")
def programme() -> Mono:
    return np.asarray(to_float(read_all(programme_path())).mean(axis=1), np.float32)


def test_the_programme_is_shipped_and_small() -> None:
    assert programme_path().stat().st_size < 1_500_000


def test_it_lasts_90_seconds_and_is_loud_but_not_cut_off(programme: Mono) -> None:
    assert len(programme) == pytest.approx(90 * 48_000, abs=48_000)
    assert 0.5 < float(np.abs(programme).max()) < 1.0
    assert 0.05 < float(programme.std()) < 0.3


def test_it_is_never_silent_for_long(programme: Mono) -> None:
    blocks = programme[: len(programme) // 4_800 * 4_800].reshape(-1, 4_800)
    silent = (blocks**2).mean(axis=1) < 1e-6
    assert silent.mean() < 0.03


def test_from_wherever_one_listens_it_is_known_where_that_is(programme: Mono) -> None:
    for start_s in np.arange(0.5, 88.0, 2.5):
        heard = programme[round(start_s * 48_000) : round((start_s + 1) * 48_000)]
        timeline = compare(programme, heard)
        if timeline.start_s is not None:
            assert timeline.start_s == pytest.approx(start_s, abs=0.001)
            assert timeline.jumps == ()
            assert timeline.found_share == 1.0


def test_held_against_itself_it_is_all_there(programme: Mono) -> None:
    timeline = compare(programme, programme)
    assert (timeline.found_share, timeline.jumps, timeline.silent_ms, timeline.start_s) == (1.0, (), 0, 0.0)
    assert timeline.found > 850
