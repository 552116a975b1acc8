import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshcast.media.sound import silence, to_float, to_int


@given(st.lists(st.floats(width=32), min_size=2, max_size=20))
def test_whatever_floats_come_out_as_16_bits_within_full_scale(values: list[float]) -> None:
    pcm = to_int(np.repeat(np.array(values, np.float32)[:, None], 2, axis=1))
    assert pcm.dtype == np.int16
    assert pcm.shape == (len(values), 2)
    assert np.abs(pcm.astype(int)).max(initial=0) <= 32_767


def test_16_bits_survive_the_way_to_float_and_back() -> None:
    pcm = np.array([[-32_767, 32_767], [0, 1]], np.int16)
    assert (to_int(to_float(pcm)) == pcm).all()


def test_what_is_no_number_is_silence() -> None:
    assert (to_int(np.full((3, 2), np.nan, np.float32)) == to_int(silence(3))).all()
