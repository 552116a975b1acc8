"""Whatever an authenticated enemy writes as frames costs its connection at most, and makes nobody hold much."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import mutations
from fuzz.packets import Dialled


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_frames_that_are_nonsense_are_the_end_of_a_connection_at_most(seed: int) -> None:
    dialled, chance = Dialled(), Random(seed)
    for _ in range(10):
        dialled.inject(mutations.frames(chance))
        if dialled.is_over:
            return


def survives(dialled: Dialled, payload: bytes) -> bool:
    dialled.inject(payload)
    return not dialled.is_over


def test_a_connection_that_is_left_alone_goes_on() -> None:
    dialled = Dialled()
    assert all(survives(dialled, b"\x01") for _ in range(50))
    assert not survives(dialled, b"\x1e"), "only the acceptor says that the handshake is done"
    dialled.begin()
    assert survives(dialled, b"\x01")
