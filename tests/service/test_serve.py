"""The tracker as a process: what it says, what it keeps through SIGKILL, and whom it refuses."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.journal_replay import replay
from tracker.store.contents import TERM
from tracker.store.sqlite import SqliteStore

Process: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[..., Process]
PATIENCE_S = 60


@pytest.fixture
def port() -> int:
    """A port that nobody else has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "tracker"


@pytest.fixture
def start(port: int, data: Path) -> Iterator[Start]:
    """Start a tracker; whatever still runs at the end is ended by its id."""
    running: list[Process] = []

    def begin(*arguments: str) -> Process:
        place = arguments or ("--listen", f"127.0.0.1:{port}")
        process = subprocess.Popen(
            [sys.executable, "-m", "tracker", "serve", "--data", str(data), *place, "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def first_line(process: Process) -> str:
    """Wait for what a tracker says when it is ready; an end of the process ends the wait."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate(timeout=PATIENCE_S)
    return line


def term(data: Path) -> int:
    store = SqliteStore(data / "tracker.sqlite3")
    try:
        kept = store.get(TERM)
        assert kept is not None
        return int(kept)
    finally:
        store.close()


def test_a_killed_tracker_comes_back_with_its_key_and_a_higher_term(
    start: Start, data: Path, port: int
) -> None:
    said, terms = [], []
    for _ in range(2):
        process = start()
        said.append(first_line(process))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        terms.append(term(data))
    assert said[0] == said[1]
    assert f"127.0.0.1:{port}?pin=" in said[0]
    assert terms[0] < terms[1]
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}


def test_a_tracker_says_how_to_broadcast_refuses_a_second_on_its_data_and_goes_when_asked(
    start: Start, port: int
) -> None:
    process = start()
    line = first_line(process)
    assert "broadcast with: meshcast broadcast SOURCE --tracker '127.0.0.1:" in line
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        other = one.getsockname()[1]
    second = start("--listen", f"127.0.0.1:{other}")
    out, complaint = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 1
    assert out == ""
    assert complaint.count("\n") == 1
    assert complaint.startswith("meshcast: ")
    assert "another" in complaint
    process.send_signal(signal.SIGTERM)
    rest, complaint = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, rest, complaint) == (0, "", "")


def test_a_tracker_that_listens_everywhere_asks_for_its_own_name(start: Start, port: int) -> None:
    process = start("--listen", f"0.0.0.0:{port}")
    line = first_line(process)
    assert f"--tracker 'HOST:{port}?pin=" in line
    assert "as listeners reach it" in line
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0, "whoever started it is gone"


def test_a_trackers_journal_is_asked_for_by_name_and_replays(start: Start, port: int, tmp_path: Path) -> None:
    path = tmp_path / "tracker.journal"
    process = start("--listen", f"127.0.0.1:{port}", "--journal", str(path))
    first_line(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert replay(path).verdict.startswith("the same in all ")
