"""Real processes on loopback, each in a session of its own and ended by its id."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from meshcast.media.sinks import open_sink

ROOT = Path(__file__).parents[2]
START_S = 60


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it said to a person, line by line."""
        return [line for line in self.err.splitlines() if line.strip()]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose data folder is empty, and whose machine has no sound."""
    home = tmp_path_factory.mktemp("home")
    return os.environ | {"XDG_DATA_HOME": str(home), "HOME": str(home)}


@pytest.fixture(scope="session")
def fresh_meshcast(environment: dict[str, str]) -> Callable[..., Ran]:
    """Run a command to its end, in an interpreter of its own."""

    def run(*arguments: str, module: str = "meshcast") -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_S,
            check=False,
            cwd=ROOT,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def ready(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """An interpreter that waits with everything imported (`ready.py`)."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.field.ready"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(START_S) == 0


@pytest.fixture
def meshcast(ready: subprocess.Popen[str], tmp_path: Path) -> Callable[..., Ran]:
    """Run a command to its end: `meshcast("listen", link, …)`; `module="tracker"` for the tracker's."""

    def run(*arguments: str, module: str = "meshcast") -> Ran:
        out, err = tmp_path / "said.out", tmp_path / "said.err"
        out.write_bytes(b"")
        err.write_bytes(b"")
        order = {"module": module, "arguments": arguments, "out": str(out), "err": str(err)}
        assert ready.stdin is not None
        assert ready.stdout is not None
        ready.stdin.write(json.dumps(order) + "\n")
        ready.stdin.flush()
        is_done, _, _ = select.select([ready.stdout], [], [], START_S)
        if not is_done:
            os.killpg(ready.pid, signal.SIGKILL)
            pytest.fail(f"{arguments} has not ended after {START_S} s: {err.read_text()}")
        return Ran(int(ready.stdout.readline()), out.read_text(), err.read_text())

    return run


@pytest.fixture(scope="module")
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command that runs on; whatever still runs at the end is ended by its id."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, module: str = "meshcast") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--exit-with-stdin"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="session")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of noise in a file."""
    path = tmp_path_factory.mktemp("sound") / "minute.wav"
    chance = np.random.default_rng(1)
    with open_sink(str(path)) as sink:
        for _ in range(60):
            sink.write((0.1 * chance.standard_normal((48_000, 2))).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def place() -> str:
    """An address with a port that nobody else has just now, for the tracker."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture(scope="module")
def tracker(
    start: Callable[..., subprocess.Popen[str]], place: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The address of a tracker that runs, with its pin."""
    data = tmp_path_factory.mktemp("tracker")
    process = start("serve", "--listen", place, "--data", str(data), module="tracker")
    assert process.stdout is not None
    return process.stdout.readline().rpartition("--tracker ")[2].strip().strip("'")


@pytest.fixture(scope="module")
def link(start: Callable[..., subprocess.Popen[str]], tracker: str, minute: Path) -> str:
    """The link of a broadcast that is on the air."""
    process = start("broadcast", str(minute), "--tracker", tracker, "--status", "none")
    assert process.stdout is not None
    return process.stdout.readline().strip()
