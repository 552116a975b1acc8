"""What the tests of the house share: its files, as a newcomer would see them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("meshcast/", "tracker/", "sim/", "bed/")
TEXT = {".py", ".md", ".toml", ".txt", ".hex", ".svg", ".cfg", ".json", ".yml", ".yaml", ".sh", ""}
HIDDEN_ROOMS = {".ci", ".github"}
"""Everything else that begins with a dot is a tool's."""


def files() -> Iterator[Path]:
    """Give every text file of the project, and nothing that a tool has left behind."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()}
    for top in sorted(ROOT.iterdir()):
        is_tools = top.name == ".git" or (top.is_dir() and top.name.startswith("."))
        if top.name in ignored or (is_tools and top.name not in HIDDEN_ROOMS):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and path.suffix in TEXT and not ignored & set(path.parts):
                yield path


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Every text file, by its path from the root."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files()}


@pytest.fixture(scope="session")
def modules(texts: dict[str, str]) -> dict[str, str]:
    """Every Python file, by its path from the root."""
    return {path: text for path, text in texts.items() if path.endswith(".py")}


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def product(modules: dict[str, str]) -> dict[str, str]:
    """Every module of what is shipped, by its path from the root."""
    return {path: text for path, text in modules.items() if path.startswith(PRODUCT)}


@pytest.fixture(scope="session")
def trees(modules: dict[str, str]) -> dict[str, ast.Module]:
    """Every Python file, parsed."""
    return {path: ast.parse(text) for path, text in modules.items()}
