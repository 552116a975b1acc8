import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Plot,
    Series,
    bars,
    histogram,
    lines,
    shown,
    thinned,
    ticks,
)

PLOT = Plot("A < B", "time", "things & more", "It tells.")
SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


def points_of(svg: str, number: int = 0) -> list[tuple[float, float]]:
    """Give the corners of one line."""
    found = re.search(rf'<polyline class="line c{number}" points="([^"]*)"', svg)
    assert found is not None
    return [(float(x), float(y)) for x, y in (one.split(",") for one in found[1].split())]


@example(one=[0.0], other=[5e-324])
@given(one=VALUES, other=VALUES)
def test_lines_stay_within_their_frame_and_keep_their_order(one: list[float], other: list[float]) -> None:
    count = min(len(one), len(other))
    xs = [float(at) for at in range(count)]
    svg = lines(PLOT, xs, [Series("one", one[:count]), Series("other", other[:count])])
    for number in (0, 1):
        found = points_of(svg, number)
        assert len(found) == count
        assert all(LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 for x, _ in found)
        assert all(TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1 for _, y in found)
        assert found == sorted(found, key=lambda point: point[0])


def test_greater_values_stand_higher_and_nothing_stands_on_the_axis() -> None:
    (_, zero), (_, half), (_, whole) = points_of(lines(PLOT, [0, 1, 2], [Series("x", [0, 5, 10])]))
    assert zero == HEIGHT - BOTTOM
    assert whole == TOP
    assert half == pytest.approx((zero + whole) / 2)


@given(st.floats(1e-3, 1e12))
def test_ticks_are_few_round_and_reach_over_the_greatest_value(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert most * 0.999 <= found[-1]
    assert 2 <= len(found) <= 8


@given(st.lists(st.integers(0, 100), min_size=1, max_size=3_000))
def test_thinned_points_keep_the_ends_and_the_greatest(values: list[int]) -> None:
    kept = thinned(values, 50)
    assert kept == sorted(set(kept))
    assert len(kept) <= 52
    assert {kept[0], kept[-1]} == {0, len(values) - 1}
    assert max(values[at] for at in kept) == max(values)


@pytest.mark.parametrize(
    "svg",
    [
        lines(PLOT, [], [Series("x", [])]),
        lines(PLOT, [3.0], [Series("x", [4.0])]),
        lines(PLOT, [0.0, 0.0], [Series("x", [0.0, 0.0])]),
        bars(PLOT, ["0.5", "<1"], [0.0, 3.0]),
        bars(PLOT, [], []),
        histogram(PLOT, 50, [0] * 60),
        histogram(PLOT, 50, [3, 0, 7], 2),
    ],
)
def test_every_picture_is_xml_with_a_title_and_a_description(svg: str) -> None:
    root = ET.fromstring(svg)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "A < B"
    assert description is not None
    assert description.text == "It tells."
    assert {title.get("id"), description.get("id")} == set(str(root.get("aria-labelledby")).split())
    assert "nan" not in svg


def test_bars_are_as_high_as_their_values() -> None:
    root = ET.fromstring(bars(PLOT, ["a", "b"], [5.0, 10.0]))
    heights = [float(str(one.get("height"))) for one in root.iter(f"{SVG}rect")]
    assert heights[1] == pytest.approx(2 * heights[0])


def test_what_comes_after_the_last_step_is_said() -> None:
    assert "later: 2" in histogram(PLOT, 50, [3, 0, 7], 2)
    assert "later" not in histogram(PLOT, 50, [3, 0, 7])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (12, "12"), (999.96, "1k"), (1_500, "1.5k"), (1e6, "1M"), (8.25e9, "8.25G")],
)
def test_numbers_are_shown_in_a_few_characters(value: float, text: str) -> None:
    assert shown(value) == text
