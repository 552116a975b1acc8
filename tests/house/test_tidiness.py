"""What every file of the house has in common."""

import ast
import re
from pathlib import Path
from statistics import median
from typing import Any

LINES_MAX = 500
TEST_LINES_MAX = 700
MEDIAN_LINES_MAX = 150

BANNED = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
PLACES = ["/" + name + "/" for name in ("root", "work", "home", "Users")]
"""Where somebody's machine keeps things."""


def test_no_file_is_longer_than_can_be_read_at_a_sitting(modules: dict[str, str]) -> None:
    too_long = {}
    for path, text in modules.items():
        lines = text.count("\n")
        most = TEST_LINES_MAX if path.startswith("tests/") else LINES_MAX
        if lines > most:
            too_long[path] = lines
    assert too_long == {}


def test_most_files_are_short(product: dict[str, str]) -> None:
    assert median(text.count("\n") for text in product.values()) < MEDIAN_LINES_MAX


def test_no_module_has_a_name_that_says_nothing(modules: dict[str, str]) -> None:
    named = {path: set(re.split(r"[/_.]", path)) for path in modules}
    assert [path for path, words in named.items() if words & BANNED] == []


def test_every_module_of_the_product_says_what_it_is_for(modules: dict[str, str]) -> None:
    product = {path: text for path, text in modules.items() if not path.startswith("tests/")}
    assert [path for path, text in product.items() if not ast.get_docstring(ast.parse(text))] == []


def test_no_test_is_a_package(modules: dict[str, str]) -> None:
    assert [path for path in modules if path.startswith("tests/") and path.endswith("__init__.py")] == []


def test_no_file_names_a_place_on_somebodys_machine(texts: dict[str, str]) -> None:
    here = {path for path, text in texts.items() if any(place in text for place in PLACES)}
    assert here == set()


def test_nothing_is_left_to_do_in_a_comment(modules: dict[str, str]) -> None:
    marks = re.compile("# *(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
    assert [path for path, text in modules.items() if marks.search(text)] == []


def test_nothing_catches_everything_and_keeps_it(trees: dict[str, ast.Module]) -> None:
    kept = []
    for path, tree in trees.items():
        handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
        kept += [(path, one.lineno) for one in handlers if is_catch_all(one)]
    assert kept == []


def is_catch_all(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler swallows what nobody thought of; to clean up after anything and raise it again is none."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {ast.unparse(one) if one is not None else "" for one in caught}
    last = handler.body[-1]
    if names == {"BaseException"} and isinstance(last, ast.Raise) and last.exc is None:
        return False
    return bool(names & {"", "Exception", "BaseException"})


def test_nothing_is_mocked(trees: dict[str, ast.Module]) -> None:
    assert [
        path for path, tree in trees.items() if "mock" in {part for one in imports(tree) for part in one}
    ] == []


def test_the_product_never_sleeps_on_a_blocking_clock(
    product: dict[str, str], trees: dict[str, ast.Module]
) -> None:
    sleeping = []
    for path in product:
        calls = {ast.unparse(node.func) for node in ast.walk(trees[path]) if isinstance(node, ast.Call)}
        if "time.sleep" in calls or ("time", "sleep") in imports(trees[path]):
            sleeping.append(path)
    assert sleeping == []


def imports(tree: ast.Module) -> set[tuple[str, ...]]:
    """Give what a file imports, each as the parts of its dotted name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {tuple(one.name.split(".")) for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {(*node.module.split("."), one.name) for one in node.names}
    return found


def test_every_rule_that_is_switched_off_says_why(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    start = text.index("\nignore = [")
    lines = text[start : text.index("\n]", start)].splitlines()[2:]
    assert len(lines) > 5
    assert [line for line in lines if not re.fullmatch(r'\s*"[A-Z]+\d+",\s+# .{5,}', line)] == []


def test_the_checks_are_as_strict_as_they_are_said_to_be(project: dict[str, Any]) -> None:
    tools = project["tool"]
    assert tools["mypy"]["strict"] is True
    assert "exhaustive-match" in tools["mypy"]["enable_error_code"]
    assert tools["pytest"]["ini_options"]["filterwarnings"][0] == "error"
    assert {"--strict-markers", "--strict-config"} <= set(tools["pytest"]["ini_options"]["addopts"])
