"""What the tests of the demo share: members that only beat or do not, and what they say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshcast.demo.crew import Member

ROOT = Path(__file__).parents[2]


@dataclass
class Pulse:
    """As much of a process as is looked at without one: whether it runs, and what it was told."""

    code: int | None = None
    told: list[int] = field(default_factory=list)

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.code = -9

    def send_signal(self, number: int) -> None:
        self.told.append(number)
        self.code = 0

    async def wait(self) -> int:
        assert self.code is not None, "nobody waits for what nobody has ended"
        return self.code


@pytest.fixture
def member() -> Callable[..., Member]:
    """Make a member of this name that says this of itself."""

    def make(name: str, *, alive: bool = True, **status: Any) -> Member:
        process: Any = Pulse(None if alive else 0)
        return Member(name, process, status)

    return make


@pytest.fixture(scope="session")
def demo_page() -> str:
    """Give the section of docs/REPORT.md about the demo's report."""
    text = (ROOT / "docs" / "REPORT.md").read_text(encoding="utf-8")
    return text.split("## The demo's report", 1)[1].split("\n## ", 1)[0]
