"""Imports point down, and pure rooms are pure. What imports what is checked by `lint-imports`; this, that it is told."""

import ast
from pathlib import Path
from typing import Any

import pytest

PURE = ("meshcast/protocol/", "tracker/overlay/")
IMPURE = {
    "aioquic", "asyncio", "datetime", "decimal", "fractions", "math", "multiprocessing", "os", "random", "secrets",
    "select", "socket", "sqlite3", "ssl", "subprocess", "sys", "threading", "time", "trio", "uuid",
}  # fmt: skip
"""Clocks, chance, the world outside; and what would bring fractions into time."""


@pytest.fixture(scope="session")
def pure(modules: dict[str, str]) -> dict[str, ast.Module]:
    """Every module of a pure room, parsed."""
    return {path: ast.parse(text) for path, text in modules.items() if path.startswith(PURE)}


def test_import_contracts_are_declared_for_every_room(root: Path, project: dict[str, Any]) -> None:
    contracts = project["tool"]["importlinter"]["contracts"]
    parts = ("source_modules", "forbidden_modules", "modules")
    named = {name for one in contracts for part in parts for name in one.get(part, ())}
    packages = [
        path.parent
        for top in ("meshcast", "tracker", "sim", "bed")
        for path in (root / top).rglob("__init__.py")
    ]
    rooms = {".".join(path.relative_to(root).parts) for path in packages}
    assert rooms - named == set()
    assert len(rooms) > 8


def test_the_contracts_begin_at_every_package_of_the_house(project: dict[str, Any]) -> None:
    settings = project["tool"]["importlinter"]
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(settings["root_packages"]) == set(wheel)
    assert settings["include_external_packages"] is True


def test_pure_rooms_import_no_clock_no_chance_and_no_socket(pure: dict[str, ast.Module]) -> None:
    found: list[tuple[str, str | None]] = []
    for path, tree in pure.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [(path, name.name) for name in node.names if name.name.split(".")[0] in IMPURE]
            elif isinstance(node, ast.ImportFrom):
                found += [(path, node.module)] if (node.module or "").split(".")[0] in IMPURE else []
    assert found == []


def test_pure_rooms_count_time_in_whole_numbers(pure: dict[str, ast.Module]) -> None:
    found = []
    for path, tree in pure.items():
        for node in ast.walk(tree):
            is_fraction = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            is_call = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"float", "round"}
            )
            if is_fraction or is_division or is_call:
                found.append((path, getattr(node, "lineno", 0)))
    assert found == []


def test_pure_rooms_wait_for_nothing(pure: dict[str, ast.Module]) -> None:
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    assert [
        path for path, tree in pure.items() if any(isinstance(node, waiting) for node in ast.walk(tree))
    ] == []
