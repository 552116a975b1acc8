import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshcast.media.ring import Ring
from meshcast.media.sound import PcmFloat


def ramp(start: int, count: int) -> PcmFloat:
    return np.repeat(np.arange(start, start + count, dtype=np.float32)[:, None], 2, axis=1)


@given(st.lists(st.tuples(st.sampled_from(["write", "read", "drop"]), st.integers(0, 90)), max_size=60))
def test_what_goes_in_comes_out_in_order_and_what_lacks_is_silence(steps: list[tuple[str, int]]) -> None:
    ring, model, counter = Ring(64), [0.0] * 0, 1
    for step, count in steps:
        if step == "write":
            taken = ring.write(ramp(counter, count))
            assert taken == min(count, 64 - len(model))
            model += [float(number) for number in range(counter, counter + taken)]
            counter += taken
        elif step == "read":
            out = np.full((count, 2), -1, np.float32)
            real = ring.read_into(out)
            assert real == min(count, len(model))
            assert out[:, 0].tolist() == model[:real] + [0.0] * (count - real)
            assert (out[:, 0] == out[:, 1]).all()
            del model[:real]
        else:
            ring.drop(count)
            del model[:count]
        assert ring.level == len(model)
