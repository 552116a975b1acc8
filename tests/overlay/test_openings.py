import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.overlay.keys import NOWHERE, WINDOW_RANK_MIN, key_of
from tracker.overlay.openings import Openings

NEAR = [(0, 1, 2), (1, 0, 2), (2, 1, 0)]


def openings(*where: tuple[int, int]) -> Openings:
    made = Openings(3)
    made.grow(len(where))
    for node, (region, rank) in enumerate(where):
        made.put(node, key_of(region, rank))
    return made


def test_the_lowest_rank_comes_first_and_then_the_nearest_region() -> None:
    made = openings((0, 4), (2, 3), (1, 3))
    assert made.shallowest(NEAR[0], 33) == key_of(1, 3)
    assert made.shallowest(NEAR[2], 33) == key_of(2, 3)


def test_only_ranks_within_the_bounds_are_found() -> None:
    made = openings((0, 3), (0, 5))
    assert made.shallowest(NEAR[0], 3) == NOWHERE
    assert made.shallowest(NEAR[0], 4) == key_of(0, 3)
    assert made.shallowest(NEAR[0], 33, 4) == key_of(0, 5)
    assert made.shallowest(NEAR[0], 4, 4) == NOWHERE


def test_in_a_deep_tree_ones_own_region_may_be_one_rank_deeper() -> None:
    deep, shallow = WINDOW_RANK_MIN, WINDOW_RANK_MIN - 1
    assert openings((1, deep), (0, deep + 1)).shallowest(NEAR[0], 33) == key_of(0, deep + 1)
    assert openings((1, deep), (0, deep + 1)).shallowest(NEAR[0], deep + 1) == key_of(1, deep)
    assert openings((1, shallow), (0, shallow + 1)).shallowest(NEAR[0], 33) == key_of(1, shallow)
    assert openings((1, deep), (0, deep + 2)).shallowest(NEAR[0], 33) == key_of(1, deep)


def test_draws_are_different_and_the_first_is_uniform() -> None:
    made = openings(*[(0, 3)] * 5)
    dice = random.Random(7).randrange
    firsts = Counter()  # type: Counter[int]
    for _ in range(5000):
        drawn = made.pick(key_of(0, 3), dice, 3)
        assert len(set(drawn)) == 3
        firsts[drawn[0]] += 1
    assert all(850 < firsts[node] < 1150 for node in range(5))
    assert sorted(made.pick(key_of(0, 3), dice, 9)) == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.tuples(st.integers(0, 2), st.integers(0, 32))),
        max_size=60,
    )
)
def test_bags_and_masks_equal_a_recomputation(steps: list[tuple[int, tuple[int, int] | None]]) -> None:
    made, model = Openings(3), {}  # type: tuple[Openings, dict[int, tuple[int, int]]]
    made.grow(10)
    for node, where in steps:
        made.put(node, NOWHERE if where is None else key_of(*where))
        model.pop(node, None)
        if where is not None:
            model[node] = where
    for region in range(3):
        for rank in range(33):
            inside = sorted(node for node, where in model.items() if where == (region, rank))
            assert sorted(made.bag(key_of(region, rank))) == inside
            assert bool(made.ranks_in[region] >> rank & 1) == bool(inside)
            assert made.sizes[key_of(region, rank)] == len(inside)
    assert made.count == len(model)
    for rank in range(33):
        assert made.bags_at[rank] == len({region for region, own in model.values() if own == rank})
    if model:
        rank = made.lowest_rank()
        assert rank == min(own for _, own in model.values())
        assert made.lowest_region(rank) == min(region for region, own in model.values() if own == rank)
