"""A broadcaster is killed with SIGKILL, and its spare goes on: real processes in real time; by hand or with `make long`."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

Start = Callable[..., "subprocess.Popen[str]"]


class Watched:
    """A broadcaster whose status is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.last: dict[str, Any] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.last = json.loads(line)

    def wait_for(self, field: str, wanted: Callable[[Any], bool], within_s: float = 20) -> Any:
        """Wait until a field of its status is as it should be."""
        until = time.monotonic() + within_s
        while not wanted(self.last.get(field)):
            assert time.monotonic() < until, f"{field} is {self.last.get(field)}"
            assert self.process.poll() is None
            time.sleep(0.05)
        return self.last[field]


def is_set(value: Any) -> bool:
    return value is not None


@pytest.mark.parametrize("listeners", [4])
def test_a_killed_source_is_followed_by_its_spare_and_at_most_one_chunk_is_concealed_each_time(
    start: Start, tracker: str, minute: Path, tmp_path: Path, listeners: int
) -> None:
    def broadcaster() -> Watched:
        arguments = ["--tracker", tracker, "--key", str(tmp_path / "event.key"), "--status", "json"]
        return Watched(start("broadcast", str(minute), *arguments, "--max-children", "2", "--spare"))

    first = broadcaster()
    link = first.wait_for("link", is_set)
    first.wait_for("post", lambda post: post == "on the air")
    second = broadcaster()
    second.wait_for("post", lambda post: post == "standing by")
    second.wait_for("newest", lambda newest: newest and newest > 0)
    crowd = []
    for number in range(listeners):
        report = tmp_path / f"{number}.json"
        crowd.append(
            (start("listen", link, "--output", "null", "--report", str(report), "--status", "none"), report)
        )
    time.sleep(7)
    newest = second.last["newest"]
    first.process.kill()
    second.wait_for("post", lambda post: post == "on the air", within_s=3)
    assert second.wait_for("newest", lambda now: now > newest + 10, within_s=5) > newest
    third = broadcaster()
    third.wait_for("post", lambda post: post == "standing by")
    third.wait_for("newest", lambda now: now and now >= second.last["newest"] - 10)
    time.sleep(8)
    second.process.kill()
    third.wait_for("post", lambda post: post == "on the air", within_s=3)
    # However fast the machine has started everybody, they have heard twenty seconds by then.
    time.sleep(8)
    for process, _ in crowd:
        process.send_signal(signal.SIGTERM)
    for process, report in crowd:
        process.wait(10)
        heard = json.loads(report.read_text())
        assert heard["concealed_chunks"] <= 2, "one for each source that died"
        assert heard["longest_gap_ms"] <= 100
        assert heard["verified_chunks"] > 200
    print("took over after", second.last["takeovers_ms"], third.last["takeovers_ms"], "ms")
    print("concealed", [json.loads(report.read_text())["concealed_chunks"] for _, report in crowd])
    third.process.send_signal(signal.SIGTERM)
    third.process.wait(10)
