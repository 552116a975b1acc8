"""What does a relay cost, in CPU time and memory, beside others that do the same?

    .venv/bin/python benchmarks/relay.py                   # about a minute
    .venv/bin/python benchmarks/relay.py --json --starts 3 --repeats 5 --qh3-python OTHER-VENV/bin/python

A real tracker, a real broadcaster at 64 kbit/s, which feeds one, the real `meshcast relay`, and `--children` listeners in
one process, whom it feeds: ten chunks of about 900 bytes a second, signed, over the loopback. Beside it run, at the same
time, at the same rate and with as many children:

asyncio   aioquic's own server, as it comes: one signature is checked of each datagram, which is passed on to all others
floor     a process that opens each chunk, checks one signature, and seals and sends it for each child over a plain socket
qh3       as asyncio, with qh3 (its core is in Rust), if `--qh3-python` names an interpreter that has it (and cryptography)

Two processes of the same program differ by up to 5 %, by what lies where in memory: with `--starts 3` all are started anew
three times, and the medians are over all repeats of all of them.

In each repeat the CPU time of all relays is read at the beginning and at the end of the same seconds, so that whatever
else the machine does troubles all alike; printed are the medians over the repeats. Handshakes (both ends, in one process,
taking turns with stock aioquic) and memory are measured after that, in processes of their own.

us_per_chunk_child       CPU microseconds of the whole relay process, for each chunk and child
core_share_16_children   the same as a share of one core (with another `--children` it says how many)
handshake_ratio          CPU time of a handshake with both keys proved, ours to stock
kib_per_connection       growth of a process that accepts `CONNECTIONS` links, each with its handshake over
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from meshcast.media.programme import programme_path

HERE = Path(__file__).parent
CHUNKS_A_SECOND = 10
PROGRAMME_S = 75.0
"""The programme lasts 90 s; the rest is for starting."""
OFF_MAX = 0.3
"""A repeat in which more than this share of some relay's chunks came late or not at all is not counted."""
SETTLE_S = 3.0
"""What joining and the first seconds cost is no part of it."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that runs, and whoever can say how many chunks its children have had."""

    process: subprocess.Popen[str]
    children: subprocess.Popen[str]

    def cpu_ns(self) -> int:
        """Give the CPU time of all threads of the relay until now."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def chunks(self) -> int:
        """Ask how many chunks all children together have had until now."""
        assert self.children.stdin is not None
        self.children.stdin.write("?\n")
        self.children.stdin.flush()
        return int(read_line(self.children))


def read_line(process: subprocess.Popen[str]) -> str:
    """Read what a process says next."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(map(str, process.args))} ended: exit code {process.wait()}")  # type: ignore[arg-type, str-bytes-safe]
    return line.strip()


@contextmanager
def started(*command: object) -> Iterator[subprocess.Popen[str]]:
    """Let a process run while the block runs; what it writes, errors included, can be read."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=HERE.parent,
        env=os.environ
        | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> str:
    """Read until a line holds these words, and give it."""
    while words not in (line := read_line(process)):
        pass
    return line


def free_port() -> int:
    """Find a UDP port that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def open_meshcast(stack: ExitStack, children: int) -> Relay:
    """Start a tracker, a broadcaster, a relay and its children."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    run = (sys.executable, "-m")
    ends = "--exit-with-stdin"
    tracker = started(
        *run, "tracker", "serve", "--listen", f"127.0.0.1:{free_port()}", "--data", folder, ends
    )
    place = wait_for(stack.enter_context(tracker), "ready").partition("--tracker '")[2].rstrip("'")
    source = started(
        *run, "meshcast", "broadcast", programme_path(), "--tracker", place, "--max-children", 1,
        "--key", f"{folder}/broadcast.key", "--status", "none", ends,
    )  # fmt: skip
    link = wait_for(stack.enter_context(source), "meshcast://")
    port = free_port()
    relay = stack.enter_context(
        started(*run, "meshcast", "relay", link, "--port", port, "--status", "lines", ends)
    )
    wait_for(relay, "hears from")
    crowd = stack.enter_context(
        started(sys.executable, HERE / "relay_parts.py", "crowd", link, port, children)
    )
    wait_for(crowd, "ready")
    return Relay(relay, crowd)


def open_other(stack: ExitStack, python: str, kind: str, library: str, children: int) -> Relay:
    """Start a relay of another kind and its children."""
    file = HERE / "relay_contenders.py"
    names = [library] if library else []
    relay = stack.enter_context(started(python, file, kind, *names))
    port = read_line(relay)
    kind = "children" if library else "floor-children"
    crowd = stack.enter_context(started(python, file, kind, *names, port, children))
    wait_for(crowd, "ready")
    return Relay(relay, crowd)


def measure(relays: dict[str, Relay], children: int, repeats: int, seconds: float) -> list[dict[str, float]]:
    """Give, for each repeat, the CPU microseconds of each relay for a chunk and a child.

    Seconds in which the machine was too busy for some relay's children to keep the pace count for nobody.
    """
    time.sleep(SETTLE_S)
    repeated: list[dict[str, float]] = []
    give_up_at = time.monotonic() + PROGRAMME_S
    while len(repeated) < repeats and time.monotonic() + seconds < give_up_at:
        before = {name: (time.monotonic(), relay.cpu_ns(), relay.chunks()) for name, relay in relays.items()}
        time.sleep(seconds)
        found: dict[str, float] = {}
        for name, relay in relays.items():
            cpu_ns, chunks = relay.cpu_ns() - before[name][1], relay.chunks() - before[name][2]
            expected = (time.monotonic() - before[name][0]) * CHUNKS_A_SECOND * children
            if abs(chunks - expected) < OFF_MAX * expected:
                found[name] = cpu_ns / 1_000 / chunks
        if len(found) == len(relays):
            repeated.append(found)
    if not repeated:
        raise SystemExit(
            "the machine is too busy: in no repeat did all children get their chunks; try again later"
        )
    return repeated


def part(*arguments: object) -> dict[str, Any]:
    """Let a process of its own measure something, and read what it found."""
    command = [sys.executable, HERE / "relay_parts.py", *arguments]
    with started(*command) as process:
        found: dict[str, Any] = json.loads(read_line(process))
        return found


def has_qh3(python: str) -> bool:
    """Tell whether an interpreter has qh3."""
    return (
        subprocess.run(  # noqa: S603 - what the person said
            [python, "-c", "import qh3, cryptography"], capture_output=True, check=False
        ).returncode
        == 0
    )


@click.command()
@click.option("--children", type=click.IntRange(1, 60), default=16, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=7, show_default=True)
@click.option("--starts", type=click.IntRange(1, 20), default=1, show_default=True, help="Of all processes.")
@click.option(
    "--seconds", type=click.FloatRange(1, 60), default=5.0, show_default=True, help="Of each repeat."
)
@click.option("--qh3-python", default=sys.executable, metavar="PATH", help="An interpreter that has qh3.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of a table.")
def main(children: int, repeats: int, starts: int, seconds: float, qh3_python: str, *, is_json: bool) -> None:
    if repeats * seconds > PROGRAMME_S:
        raise SystemExit(
            f"the programme lasts 90 s; choose fewer --repeats or --seconds ({PROGRAMME_S:g} s at most)"
        )
    kinds: list[tuple[str, str, str, str]] = [
        ("asyncio", sys.executable, "relay", "aioquic"),
        ("floor", sys.executable, "floor", ""),
    ]
    if has_qh3(qh3_python):
        kinds.append(("qh3", qh3_python, "relay", "qh3"))
    repeated: list[dict[str, float]] = []
    for _ in range(starts):
        with ExitStack() as stack:
            relays = {"meshcast": open_meshcast(stack, children)}
            relays |= {name: open_other(stack, *how, children) for name, *how in kinds}
            repeated += measure(relays, children, repeats, seconds)
    median = {name: statistics.median(found[name] for found in repeated) for name in repeated[0]}
    ratios = {
        name: round(statistics.median(found["meshcast"] / found[name] for found in repeated), 3)
        for name in repeated[0]
    }
    handshake, memory = part("handshakes"), part("memory")
    report = {
        "children": children,
        "starts": starts,
        "repeats": len(repeated),
        "us_per_chunk_child": round(median["meshcast"], 1),
        "us_per_chunk_child_others": {
            name: round(us, 1) for name, us in median.items() if name != "meshcast"
        },
        "ratio_to_asyncio": ratios["asyncio"],
        "ratio_to_floor": ratios["floor"],
        "ratio_to_qh3": ratios.get("qh3"),
        "no_qh3_because": None if "qh3" in ratios else f"{qh3_python} has no qh3; name one with --qh3-python",
        "kib_per_connection": memory["kib_per_connection"],
        "handshake_ratio": handshake["ratio"],
        "handshake_ms": handshake["ms"],
        f"core_share_{children}_children": round(median["meshcast"] * children * CHUNKS_A_SECOND / 1e6, 4),
    }
    if is_json:
        print(json.dumps(report, indent=1))
        return
    table = Table("what", "figure")
    for name, value in report.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
