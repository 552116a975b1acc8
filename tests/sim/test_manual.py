"""docs/SIMULATION says what the code says: every key, every field, every scenario, every kind of fault."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sim import scenario_keys as keys
from sim.report import read_report
from sim.scenario import FaultKind, Law, Nat
from sim.scenario_document import Document
from sim.scenario_file import scenario_of, shipped

PAGE = Path(__file__).parents[2] / "docs" / "SIMULATION.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_key_of_a_scenario_is_on_the_page(page: str) -> None:
    tables = (keys.SCENARIO, keys.CROWD, keys.WAVE, keys.SESSIONS, keys.RTTS, keys.FAULT)
    names = [key.name for table in tables for key in table]
    names += ["capacities", "shares", "nats", "points", "file", "trace", "lengths_s"]
    assert [
        name for name in names if not re.search(rf"(?m)^\| `{name}`(?:, `\w+`)* \||\| `{name}` \|", page)
    ] == []


def test_every_kind_of_fault_is_on_the_page_with_its_keys(page: str) -> None:
    faults = page[page.index("### `[[faults]]`") : page.index("## Scenarios that ship")]
    for kind in FaultKind:
        (row,) = re.findall(rf"(?m)^\| `{kind.value}` \|.*$", faults)
        wants = keys.FAULTS[kind]
        assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == {*wants.needed, *wants.one_of}
        assert set(re.findall(r"`(\w+)`", row.split("|")[4])) == set(wants.allowed)


def test_every_choice_is_on_the_page(page: str) -> None:
    choices = [*keys.CONTINENTS, *(one.value for one in Law)]
    assert [one for one in choices if f'`"{one}"`' not in page] == []
    assert [one.value for one in Nat if f"`{one.value}`" not in page] == []


def test_every_shipped_scenario_is_on_the_page(page: str) -> None:
    rows = re.findall(
        r"(?m)^\| `([\w-]+)` \|", page[page.index("## Scenarios that ship") : page.index("## report.json")]
    )
    assert sorted(rows) == shipped()


def test_every_field_of_a_report_is_on_the_page(
    page: str, meshcast_sim: Callable[..., Result], tmp_path: Path
) -> None:
    assert meshcast_sim("run", "smoke", "--set", "duration_s=5", "--out", tmp_path).exit_code == 0
    report = read_report(tmp_path)
    nested = ("tracker", "depth", "wait_s", "repair_ms", "origin_copies", "samples")
    names = [*report, *(name for table in nested for name in report[table])]
    assert [name for name in names if f"`{name}`" not in page[page.index("## report.json") :]] == []


def test_the_example_on_the_page_can_be_read(page: str) -> None:
    (example,) = re.findall(r"(?s)```toml\n(.*?)```", page)
    scenario = scenario_of(Document.parse(example, "example"), Path())
    assert scenario.name == tomllib.loads(example)["name"] == "town-hall"
