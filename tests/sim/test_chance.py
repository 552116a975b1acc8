import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.chance import dice, generator, stream


def test_a_stream_is_the_same_for_the_same_name_and_another_for_another() -> None:
    assert stream(1, "waves").random() == stream(1, "waves").random() != stream(1, "people").random()
    assert generator(1, "waves").random() == generator(1, "waves").random() != generator(2, "waves").random()


def test_streams_do_not_change_with_the_version() -> None:
    assert generator(1, "waves").integers(0, 10**9, 3).tolist() == PINNED


PINNED = [452554292, 394079000, 786879203]


@given(st.lists(st.integers(1, 1 << 40)))
def test_dice_give_what_the_stream_of_their_name_would(sides: list[int]) -> None:
    roll, chance = dice(7, "dice"), stream(7, "dice")
    assert [roll(one) for one in sides] == [chance.randrange(one) for one in sides]


def test_dice_without_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="dice of 0 sides"):
        dice(7, "dice")(0)
