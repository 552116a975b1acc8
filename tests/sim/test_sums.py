"""Sums that both fidelities and the reports share."""

import pytest

from sim.sums import depth_least


def test_the_least_depth_fills_level_by_level_with_the_largest_first() -> None:
    capacities = (0, 0, 0, 0, 0, 0, 0, 2, 3, 1)
    # 3 and 2 under the origin; 1, 0, 0, 0 and 0 under them; of the three that are left one has a place.
    assert depth_least(2, capacities) == 3
    assert depth_least(16, capacities) == 1
    assert depth_least(0, capacities) == 0


@pytest.mark.parametrize(
    ("origin", "capacities", "depth"),
    [(2, [], 0), (2, [0, 0], 1), (2, [2, 2, 0, 0, 0], 2), (1, [0, 1, 1, 1], 4), (0, [4], 0), (1, [0, 0], 1)],
)
def test_l5_the_least_depth_has_those_who_carry_most_at_the_top(
    origin: int, capacities: list[int], depth: int
) -> None:
    assert depth_least(origin, capacities) == depth
