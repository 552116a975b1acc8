from array import array

import pytest

from tracker.overlay.columns import GROWTH_MIN, NOBODY, growth, longer, side_by_side


@pytest.mark.parametrize("kind", "ihqB")
def test_a_column_grows_into_another_of_its_kind(kind: str) -> None:
    before = array(kind, [7, 8])
    after = longer(before, 3, 1)
    assert (after.typecode, list(after)) == (kind, [7, 8, 1, 1, 1])
    assert list(before) == [7, 8], "whoever still has the one before sees no more of it"
    assert list(longer(array("i"), 2, NOBODY)) == [NOBODY, NOBODY]


def test_octets_grow_as_octets() -> None:
    assert longer(bytearray(b"\1"), 2, 255) == bytearray(b"\1\xff\xff")
    assert longer(bytearray(), 2) == bytearray(2)


def test_a_column_that_somebody_views_grows_all_the_same() -> None:
    column = array("i", [1])
    with memoryview(column):
        assert list(longer(column, 1)) == [1, 0]


def test_columns_grow_by_a_part_of_themselves_and_never_by_less_than_is_missing() -> None:
    assert growth(0) == GROWTH_MIN
    assert growth(1_000_000) == 1_000_000 // 32
    assert growth(64, missing=1_000) == 1_000


def test_columns_side_by_side_are_views_of_one_table_and_of_nothing_else() -> None:
    table = array("h", range(6))
    one, other = side_by_side(table, 2)
    assert (list(one), list(other)) == ([0, 2, 4], [1, 3, 5])
    other[1] = 9
    assert list(table) == [0, 1, 2, 9, 4, 5]
    assert [len(column) for column in side_by_side(array("i"), 3)] == [0, 0, 0]
