"""What is written beside the code: links that lead somewhere, one version, locked requirements, one recipe for CI."""

import re
from pathlib import Path
from typing import Any

import pytest

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")
"""What has a scheme is an address and not a file."""
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="session")
def pages(texts: dict[str, str]) -> dict[str, str]:
    """Every Markdown file without its code, by its path from the root."""
    return {path: FENCE.sub("", text) for path, text in texts.items() if path.endswith(".md")}


def anchors(page: str) -> set[str]:
    """Give the anchors of a page's headings."""
    heads = re.findall(r"(?m)^#+ +(.+?) *$", page)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_relative_link_leads_somewhere(root: Path, pages: dict[str, str]) -> None:
    dead, followed = [], 0
    for path, page in pages.items():
        for match in LINK.finditer(page):
            target, _, anchor = (match[1] or match[2]).partition("#")
            if ELSEWHERE.match(target):
                continue
            followed += 1
            file = (root / path).parent / target if target else root / path
            is_heading = not anchor or anchor in anchors(pages.get(str(file.resolve().relative_to(root)), ""))
            if not file.exists() or not is_heading:
                dead.append((path, match[0]))
    assert dead == []
    assert followed > 20


def test_the_version_is_the_newest_of_the_changelog(project: dict[str, Any], pages: dict[str, str]) -> None:
    versions = re.findall(r"(?m)^## \[(\d+\.\d+\.\d+)\]", pages["CHANGELOG.md"])
    assert project["project"]["version"] == versions[0]
    assert versions == sorted(versions, key=lambda one: [int(part) for part in one.split(".")], reverse=True)


def test_ci_runs_the_one_recipe_and_nothing_else(root: Path) -> None:
    lines = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.strip() and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert (root / ".ci" / "run").stat().st_mode & 0o111, "it can be run"


@pytest.mark.parametrize("name", ["dev.txt", "run.txt"])
def test_lock_files_pin_every_package_by_hash_and_name_no_place_to_fetch_it_from(
    root: Path, name: str
) -> None:
    text = (root / "requirements" / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n?", "", text).strip())
    assert len(entries) > 10
    assert [one.split()[0] for one in entries if not re.match(r"[\w.\[\]-]+==\S+", one)] == []
    assert [one.split()[0] for one in entries if "--hash=sha256:" not in one] == []
    assert not re.search(r"\w+://|--(extra-)?index-url|--find-links| @ ", text)


def test_every_lock_file_is_looked_at(root: Path) -> None:
    assert {path.name for path in (root / "requirements").iterdir()} == {"dev.txt", "run.txt"}


def test_what_runs_is_locked_as_it_is_tested(root: Path) -> None:
    pins = [
        dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (root / "requirements" / name).read_text(encoding="utf-8")))
        for name in ("run.txt", "dev.txt")
    ]
    assert pins[0].items() <= pins[1].items()
