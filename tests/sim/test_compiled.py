"""Compiled modules are the plain ones: what is declared beside them is what they hold, and both tell the same story."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from sim.cli import main
from tracker.overlay import tree

ROOT = Path(__file__).parents[2]
ROOMS = ("meshcast", "tracker", "sim")
DECLARATIONS = sorted(found for room in ROOMS for found in (ROOT / room).rglob("*.pxd"))

CLASS = re.compile(r"^cdef class (\w+)")
FUNCTION = re.compile(r"^( *)cpdef (?:[\w ]+ )?(\w+)\((.*)\)(?: except\? -1)?$")
NUMBER = re.compile(r"^ *cpdef (?:int|bint|long long|double) \w+\(.*\)(?P<spec>.*)$")
ATTRIBUTE = re.compile(r"^    cdef public [\w \[\]:]+ (\w+)$")
CONSTANTS = re.compile(r"^cdef [\w ]+? ((?:\w+, )*\w+)$")

TELL = """
import tracker.overlay.tree
from sim.flow.flow import Flow
from sim.scenario_file import read_scenario
for name, peers, words in (
    ("flash-crowd", 1_500, ("duration_s=150", "sessions.median_s=60")),
    ("flash-crowd", 400, ("duration_s=90", "sessions.median_s=30", "rtts.by_delay=true")),
    ("mass-crash", 800, ("duration_s=240",)),
    ("tracker-outage", 600, ("duration_s=300",)),
):
    scenario = read_scenario(name, words, peers)
    flow = Flow(scenario, 7)
    flow.run_until(scenario.duration_us)
    found = flow.measures()
    print(name, flow.digest(), flow.events, found.missing_us, found.depth, found.delay_us, found.violations)
print(tracker.overlay.tree.__file__)
"""


@dataclass
class Declared:
    """What a file declares."""

    classes: list[str] = field(default_factory=list)
    functions: dict[str, list[str]] = field(default_factory=dict)
    """By qualified name: what they take."""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)


def read(path: Path) -> Declared:
    found = Declared()
    for line in path.read_text().splitlines():
        if match := CLASS.match(line):
            found.classes.append(match[1])
        elif match := FUNCTION.match(line):
            owner = f"{found.classes[-1]}." if match[1] else ""
            taken = [one.split("=")[0].split()[-1] for one in match[3].split(",") if one.strip()]
            found.functions[owner + match[2]] = taken
        elif match := ATTRIBUTE.match(line):
            found.attributes.append((found.classes[-1], match[1]))
        elif match := CONSTANTS.match(line):
            found.constants += match[1].split(", ")
    return found


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_only_a_number_that_can_mean_an_error_has_to_be_asked_about(path: Path) -> None:
    """Without `except? -1` the interpreter is asked after each call whether there was one."""
    for line in path.read_text().splitlines():
        if match := NUMBER.match(line):
            assert match["spec"] == " except? -1", line


def test_there_are_declarations() -> None:
    assert len(DECLARATIONS) > 20
    assert sum(len(read(path).functions) for path in DECLARATIONS) > 200
    assert sum(len(read(path).attributes) for path in DECLARATIONS) > 150


@pytest.mark.plain
@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_declared_is_what_the_module_has(path: Path) -> None:
    declared, module = read(path), module_of(path)
    for name in declared.classes:
        assert inspect.isclass(getattr(module, name))
    for name, taken in declared.functions.items():
        what = module
        for part in name.split("."):
            what = getattr(what, part)
        assert callable(what)
        assert list(inspect.signature(what).parameters) == taken, name
    for owner, name in declared.attributes:
        kind = getattr(module, owner)
        is_field = is_dataclass(kind) and name in {one.name for one in fields(kind)}
        assert is_field or f"self.{name}" in inspect.getsource(kind), f"{owner}.{name}"
    for name in declared.constants:
        assert isinstance(getattr(module, name), int), name


@pytest.mark.plain
def test_a_constant_that_is_declared_is_no_others_to_import() -> None:
    """Declared, it is no attribute of the module any longer; so it is declared where it is imported, or private."""
    for path in DECLARATIONS:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        taken = re.compile(rf"^from {re.escape(name)} import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
        imported = {
            one.strip()
            for room in (*ROOMS, "tests", "benchmarks", "fuzz", "bed")
            for source in (ROOT / room).rglob("*.py")
            for match in taken.finditer(source.read_text())
            for one in (match[1] or match[2]).split(",")
        }
        assert not imported & set(read(path).constants), name


def told(path: str) -> list[str]:
    """Run a few crowds in a process that finds the project there; its last line is where it found the tree."""
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=ROOT / "tests",
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return done.stdout.splitlines()


def test_a_report_says_whether_it_ran_on_compiled_modules(tmp_path: Path) -> None:
    words = ["run", "smoke", "--set", "duration_s=20", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(main, words, prog_name="meshcast-sim")
    assert done.exit_code == 0, done.stderr
    is_plain = str(tree.__file__).endswith(".py")
    assert json.loads((tmp_path / "report.json").read_text())["is_compiled"] is not is_plain


@pytest.mark.compiled
def test_compiled_and_plain_tell_the_same_story() -> None:
    *compiled, shared_object = told(os.environ["PYTHONPATH"])
    *plain, source = told(str(ROOT))
    assert not shared_object.endswith(".py")
    assert source == str(ROOT / "tracker/overlay/tree.py")
    assert len(plain) == 4
    assert compiled == plain
