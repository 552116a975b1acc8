import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sim.page import ROWS_MAX, page_of
from sim.report import read_report

VOID = {"meta", "line", "polyline", "rect", "path", "circle"}


class Nesting(HTMLParser):
    """Checks that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [str(value) for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def report(meshcast_sim: Callable[..., Result], tmp_path: Path) -> dict[str, Any]:
    """A report of a short run."""
    assert meshcast_sim("run", "smoke", "--set", "duration_s=20", "--out", tmp_path).exit_code == 0
    return read_report(tmp_path)


def test_a_page_has_a_plot_for_everything_that_was_promised(report: dict[str, Any]) -> None:
    titles = re.findall(r"<figure><h2>(.*?)</h2>", page_of(report))
    assert titles == [
        "Listeners and queue", "Depth of the tree", "Delay against unicast", "Missing audio by playout delay",
        "When audio was missing", "Repair times", "The origin&#x27;s copies", "Tracker operations",
    ]  # fmt: skip


def test_a_page_needs_nothing_from_elsewhere(report: dict[str, Any]) -> None:
    page = page_of(report).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"<script|<link|<img|https?:|url\(|@import| src=", page)


def test_a_page_is_well_formed_and_no_name_is_given_twice(report: dict[str, Any]) -> None:
    nesting = Nesting()
    nesting.feed(page_of(report).removeprefix("<!doctype html>"))
    assert nesting.open == []
    assert len(nesting.ids) == len(set(nesting.ids))


def test_a_page_has_colours_for_light_and_for_dark(report: dict[str, Any]) -> None:
    page = page_of(report)
    light, dark = page.split("@media (prefers-color-scheme: dark)")
    names = set(re.findall(r"--[a-z0-9]+(?=:)", light))
    assert set(re.findall(r"--[a-z0-9]+(?=:)", dark)) == names
    assert set(re.findall(r"var\((--[a-z0-9]+)\)", page)) == names


def test_every_plot_has_its_numbers_as_a_table(report: dict[str, Any]) -> None:
    page = page_of(report)
    assert page.count("<svg") == page.count("<caption>") == 8
    assert '<th scope="row">1</th><td>5</td>' in page, "at the first second five listen"


def test_tables_of_long_runs_are_thinned(report: dict[str, Any]) -> None:
    samples = report["samples"]
    long = {name: one * 50 for name, one in samples.items() if name != "missing_s"}
    long["missing_s"] = {name: one * 50 for name, one in samples["missing_s"].items()}
    tables = re.findall(r"<tbody>(.*?)</tbody>", page_of(report | {"samples": long}))
    assert max(table.count("<tr>") for table in tables) <= ROWS_MAX


def test_what_a_scenario_says_of_itself_is_no_markup(report: dict[str, Any]) -> None:
    page = page_of(report | {"about": "<b>&", "violations": ["I1: <loop>"], "is_cut_short": True})
    assert "&lt;b&gt;&amp;" in page
    assert "I1: &lt;loop&gt;" in page
    assert "1 broken promise" in page
    assert "cut short" in page


def test_a_run_of_nobody_has_a_page_too(report: dict[str, Any]) -> None:
    samples: dict[str, Any] = {name: [] for name in report["samples"]}
    empty = samples | {"missing_s": {name: [] for name in report["samples"]["missing_s"]}}
    assert page_of(report | {"samples": empty}).count("no samples") == 6
