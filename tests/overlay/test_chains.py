import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.overlay.chains import Chains


def chains(owners: int = 3, items: int = 8) -> Chains:
    made = Chains()
    made.grow(owners, items)
    return made


def test_items_stay_in_the_order_they_came() -> None:
    lists = chains()
    for item in (5, 2, 7):
        lists.append(1, item)
    assert list(lists.of(1)) == [5, 2, 7]
    assert list(lists.of(0)) == []


def test_the_item_just_given_may_be_removed() -> None:
    lists = chains()
    for item in range(5):
        lists.append(0, item)
    for item in lists.of(0):
        if item % 2:
            lists.remove(0, item)
    assert list(lists.of(0)) == [0, 2, 4]


def test_who_takes_all_items_off_a_list_may_put_them_on_others() -> None:
    lists = chains()
    for item in (5, 2, 7):
        lists.append(1, item)
    assert lists.clear(1) == [5, 2, 7]
    assert lists.of(1) == lists.clear(1) == []
    for item in (7, 5):
        lists.append(item % 3, item)
    lists.append(1, 2)
    assert [lists.of(owner) for owner in range(3)] == [[], [7, 2], [5]]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7)), max_size=40))
def test_chains_equal_lists(steps: list[tuple[int, int]]) -> None:
    lists, model = chains(), [[], [], []]  # type: tuple[Chains, list[list[int]]]
    for owner, item in steps:
        holder = next((i for i, one in enumerate(model) if item in one), None)
        if holder is None:
            lists.append(owner, item)
            model[owner].append(item)
        else:
            lists.remove(holder, item)
            model[holder].remove(item)
        assert [list(lists.of(i)) for i in range(3)] == model


@pytest.mark.plain
def test_a_copy_is_the_same_and_goes_its_own_way() -> None:
    lists = chains()
    lists.append(1, 5)
    other = copy.deepcopy(lists)
    lists.append(1, 2)
    other.append(0, 7)
    assert (lists.of(0), lists.of(1)) == ([], [5, 2])
    assert (other.of(0), other.of(1)) == ([7], [5])
