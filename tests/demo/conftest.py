"""What the tests of the demo share: members that only beat or do not, and what they say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshcast.demo.crew import Member
from meshcast.demo.verdict import Facts

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


@pytest.fixture
def facts() -> Facts:
    return Facts(
        bitrate_bps=64_000,
        chunk_ms=100,
        copies_sent=3.01,
        copies_sent_in_emergencies=0.02,
        children_peak=3,
        children_peak_in_emergencies=4,
        emergencies=1,
        kills=2,
        killed_with_children=2,
        tracker_outages=1,
    )


@pytest.fixture
def listener() -> Callable[..., dict[str, Any]]:
    """Make what the director collects of one listener that heard everything, but for what is said otherwise."""

    def listener(name: str = "listener-01", **otherwise: Any) -> dict[str, Any]:
        return {
            "name": name,
            "survived": True,
            "join_ms": 12.0,
            "first_sound_ms": 23.4,
            "heard_ratio": 1.0,
            "missing_chunks": 0,
            "concealed_chunks": 0,
            "longest_gap_ms": 0,
            "delay_ms": {"p50": 1001.0, "p99": 1013.2},
            "rank": 4,
            "repairs_ms": [402.0, 388.4],
            "forged_chunks_played": 0,
            "wav": f"out/{name}.wav",
        } | otherwise

    return listener


@pytest.fixture(scope="session")
def demo_page() -> str:
    """Give the section of docs/REPORT.md about the demo's report."""
    text = (ROOT / "docs" / "REPORT.md").read_text(encoding="utf-8")
    return text.split("## The demo's report", 1)[1].split("\n## ", 1)[0]
