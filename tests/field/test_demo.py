"""The main job with real processes in real time; by hand or with `make long`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

pytestmark = pytest.mark.long


def test_twelve_listeners_survive_three_relays_and_the_tracker(
    meshcast_long: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    code, out = meshcast_long("demo", "--report", str(path), "--output-dir", str(tmp_path / "out"))
    report = json.loads(path.read_text())
    assert report["ok"], out
    assert code == 0
    assert report["kills"] == report["killed_with_children"] == 3
    assert report["tracker_outages"] == 1
    assert report["forged_chunks_played"] == 0
    assert report["children_peak"] <= 3
    assert report["copies_sent"] <= 3.3
    survivors = [one for one in report["listeners"] if one["survived"]]
    assert len(survivors) == 9
    for one in survivors:
        assert one["heard_ratio"] == 1.0
        assert one["longest_gap_ms"] == one["missing_chunks"] == one["concealed_chunks"] == 0
        assert one["found_share"] >= 0.995
        assert one["jumps"] == 0
        assert Path(one["wav"]).stat().st_size > 40 * 192_000
    first_sounds_ms = [one["first_sound_ms"] for one in report["listeners"]]
    assert median(first_sounds_ms) < 500
    assert max(first_sounds_ms) < 2000


@pytest.mark.parametrize("after_s", [1.0, 6.0, 14.0])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whenever_the_demo_is_ended_no_process_is_left(
    tmp_path: Path, after_s: float, how: signal.Signals
) -> None:
    mark = f"MESHCAST_TEST_MARK={os.getpid()}-{tmp_path.name}"
    name, _, value = mark.partition("=")
    demo = subprocess.Popen(
        [sys.executable, "-m", "meshcast", "demo", "--output-dir", str(tmp_path), "--listeners", "4"],
        env=os.environ | {name: value},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after_s)
    assert demo.poll() is None
    demo.send_signal(how)
    demo.wait(30)
    for _ in range(100):
        left = marked(mark.encode())
        if not left:
            break
        time.sleep(0.1)
    assert left == []


@pytest.fixture
def meshcast_long(environment: dict[str, str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "meshcast", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout.decode()

    return run


def marked(mark: bytes) -> list[str]:
    """Find the processes that carry a mark in their environment (Linux)."""
    found = []
    for one in Path("/proc").iterdir():
        try:
            if one.name.isdigit() and mark in (one / "environ").read_bytes().split(b"\0"):
                found.append((one / "cmdline").read_bytes().decode().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
