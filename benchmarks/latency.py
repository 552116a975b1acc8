"""From capture to the ear, in real processes on this machine: tracker, broadcaster and 30 listeners over loopback.

    PYTHONPATH=. .venv/bin/python benchmarks/latency.py               # about two minutes
    PYTHONPATH=. .venv/bin/python benchmarks/latency.py --listeners 12 --seconds 20

What is measured, for every chunk and every listener: from the moment at which the chunk's last block of 20 ms was due from
the sound card to the moment at which the listener's machine had the chunk, checked, and could hand it to its player. Counted
from the chunk's first sample it is one chunk more, 100 ms at 64 kbit/s: that is the chunk's own duration, and it is printed
beside. Not in it is the playout delay, which is the listener's choice, and the sound card's own buffer. In it are whatever
held the broadcaster's loop up, encoding, signing, each hop's checking and forwarding, and everything that two noisy cores
do to 32 Python processes.

The broadcaster is the product's with a source whose blocks fall due every 20 ms, so the hour of each sample is known; the
listeners are `meshcast listen --journal`, and the journal says when each chunk came, from whom. So each chunk's own depth is
known too: as many hops as it made. Clocks are one machine's. Printed beside: how late a process that does nothing but sleep
10 ms was woken meanwhile, which no program here can be better than. Exits with 1 if p99 at depth 3 is 60 ms or more.
"""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import trio
from rich.console import Console
from rich.table import Table

from meshcast.broadcaster import engine
from meshcast.demo.crew import Crew, Member, open_crew
from meshcast.demo.director import free_port
from meshcast.errors_shown import run
from meshcast.media.pacing import Block, Source
from meshcast.media.sound import BLOCK_US
from meshcast.membership import wall_offset_us
from meshcast.protocol.chunk import decode_chunk
from meshcast.protocol.link import TrackerAddress
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

P99_MS_MAX = 60.0
"""The promise: at depth 3, beyond the chunk's own duration."""
DEPTH = 3
SETTLE_S = 15.0
"""So long after the last one hears: imports, handshakes, and the tracker's moves are over."""
START_S_MAX = 240.0
PROBE_S = 0.01
CLOCK_US_MAX = 2_000
"""Processes compare hours by the calendar: monotonic clocks have no common origin."""


# ---- the broadcaster's process


class Clockwork:
    """A supply of noise that is captured by the clock: block n at the first one's time + n * 20 ms."""

    ended_early = None

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)
        self._is_first = True

    async def ready(self) -> None:
        """Say, for whoever measures, when the first block falls due: now."""
        at_us = round(trio.current_time() * SECOND) + wall_offset_us()
        sys.stdout.write(json.dumps({"first_block_at_us": at_us}) + "\n")
        sys.stdout.flush()

    async def take(self) -> Block:
        """Give the next block."""
        return self._chance.integers(-4_000, 4_000, (960, 2)).astype(np.int16)


class Opened:
    """What `open_source` gives."""

    async def __aenter__(self) -> Source:
        return Source(Clockwork(), name="the clockwork", title="Latency", is_live=True)

    async def __aexit__(self, *_: object) -> None:
        pass


async def broadcast(tracker: str, state: Path, max_children: int) -> None:
    """Run the product's broadcaster with the clockwork as its source."""
    engine.open_source = lambda *_, **__: Opened()  # type: ignore[assignment]
    settings = engine.BroadcastSettings(
        source="clockwork",
        tracker=TrackerAddress.parse(tracker),
        title=None,
        bitrate_bps=64_000,
        max_children=max_children,
        key=state / "broadcast.key",
        known_trackers=state / "trackers.json",
        exits_with_stdin=True,
    )
    is_told = False

    def show(view: engine.View) -> None:
        nonlocal is_told
        if view.machine.ticket is not None and not is_told:
            is_told = True
            (state / "link").write_text(str(view.link))
            (state / "source").write_text(view.machine.member.me.hex())

    await engine.run_broadcaster(settings, show)


# ---- what the journals say


@dataclass(slots=True)
class Heard:
    """What one listener's journal says of each chunk: when it came first (Unix time), and from whom."""

    me: str
    came: dict[int, tuple[Micros, str]] = field(default_factory=dict)
    media: dict[int, tuple[Micros, Micros]] = field(default_factory=dict)
    """Media time and duration."""


def read(path: Path) -> Heard:
    """Read a journal; its last line may be cut short."""
    with path.open(encoding="ascii") as lines:
        head = json.loads(next(lines))
        heard, offset_us = Heard(head["me"]), head["wall_offset_us"]
        for line in lines:
            try:
                now, kind, *rest = json.loads(line.rpartition(" ")[0])
            except ValueError:
                break
            if kind == "chunk":
                _note(heard, now + offset_us, rest)
            elif kind == "refill":
                for part in rest[1]:
                    _note(heard, now + offset_us, part)
    return heard


def _note(heard: Heard, at_us: Micros, part: list[Any]) -> None:
    _, chunk = decode_chunk(bytes.fromhex(part[1]))
    heard.came.setdefault(chunk.sequence, (at_us, part[0]))
    heard.media.setdefault(chunk.sequence, (chunk.media_time_us, chunk.duration_us))


def delays_by_depth(
    all_heard: list[Heard], source: str, first_block_us: Micros, since_us: Micros, until_us: Micros
) -> tuple[dict[int, list[Micros]], int]:
    """Give the delays beyond a chunk's own duration by hops, and how many chunks a listener never got.

    Block n falls due at `first_block_us` + n * 20 ms, so a chunk's last one 20 ms before the chunk's end.
    """
    by_key = {one.me: one for one in all_heard}
    delays: dict[int, list[Micros]] = defaultdict(list)
    missing = 0
    media: dict[int, tuple[Micros, Micros]] = {}
    for one in all_heard:
        media |= one.media
    for sequence, (media_us, duration_us) in media.items():
        captured_us = first_block_us + media_us + duration_us - BLOCK_US
        if not since_us <= captured_us < until_us:
            continue
        for one in all_heard:
            came = one.came.get(sequence)
            if came is None:
                missing += 1
                continue
            delays[_hops(by_key, source, one.me, sequence)].append(came[0] - captured_us)
    return delays, missing


def _hops(by_key: dict[str, Heard], source: str, key: str, sequence: int) -> int:
    """Count the hops that a chunk made to a listener."""
    hops = 0
    while key != source:
        hops += 1
        key = by_key[key].came[sequence][1]
    return hops


# ---- directing it


async def measure(listeners: int, children: int, seconds: float, state: Path, console: Console) -> bool:
    """Start everybody, let them settle, measure, and say what came of it; tell whether the promise was kept."""
    offset_us = wall_offset_us()
    async with open_crew(state) as crew:
        tracker = await _tracker(crew, state)
        source = await crew.start(
            "broadcaster", ["benchmarks.latency", "--as-broadcaster-at", tracker, "--state", str(state), "--children", str(children)]
        )  # fmt: skip
        await _until(lambda: "first_block_at_us" in source.status and (state / "link").exists(), source)
        link = (state / "link").read_text()
        journals = [state / f"{number:02}.journal" for number in range(listeners)]
        for number, journal in enumerate(journals):
            arguments = [
                "meshcast",
                "listen",
                link,
                "--output",
                "null",
                "--status",
                "none",
                "--journal",
                str(journal),
            ]
            await crew.start(f"{number:02}", [*arguments, "--max-children", str(children)])
            await trio.sleep(0.5)
        await _until(lambda: all(_hears(one) for one in journals), source)
        console.print(
            f"all {listeners} hear; settling for {SETTLE_S:.0f} s, then measuring for {seconds:.0f} s"
        )
        await trio.sleep(SETTLE_S)
        since_us, busy_before, own_before = time.time_ns() // 1000, _busy(), _own(crew)
        lateness = await _probe(seconds)
        until_us, busy_after, own_after = time.time_ns() // 1000, _busy(), _own(crew)
        load = os.getloadavg()[0]
        await trio.sleep(2)
        first_block_us = int(source.status["first_block_at_us"])
        await crew.dismiss(crew.members)
    if abs(wall_offset_us() - offset_us) > CLOCK_US_MAX:
        raise click.ClickException(
            "this machine's clock was set meanwhile, and hours do not compare; run it again"
        )
    heard = [read(one) for one in journals]
    delays, missing = delays_by_depth(
        heard, (state / "source").read_text(), first_block_us, since_us, until_us
    )
    console.print(table(delays))
    shares = [(after - before) for before, after in zip(busy_before, busy_after, strict=True)]
    console.print(
        f"chunks that never came: {missing}; load average {load:.1f} on {os.cpu_count()} cores, busy "
        f"{100 * shares[0] / max(1, shares[1]):.0f} % of the time, by these processes "
        f"{100 * (own_after - own_before) / max(1, shares[1]):.0f} %; a process that only sleeps was woken late by "
        f"{_ms(lateness, 50):.1f} / {_ms(lateness, 99):.1f} / {_ms(lateness, 100):.1f} ms (p50 / p99 / max)"
    )
    at_depth = delays.get(DEPTH, [])
    is_kept = bool(at_depth) and _ms(at_depth, 99) < P99_MS_MAX
    verdict = "kept" if is_kept else "not kept"
    console.print(
        f"p99 at depth {DEPTH} under {P99_MS_MAX:.0f} ms beyond the chunk's own duration: {verdict}"
    )
    return is_kept


async def _tracker(crew: Crew, state: Path) -> str:
    """Start the tracker; give its address with its pin."""
    place = f"127.0.0.1:{free_port()}"
    member = await crew.start(
        "tracker", ["tracker", "serve", "--listen", place, "--data", str(state / "tracker")]
    )
    await _until(lambda: bool(member.said), member)
    return member.said[0].rpartition("--tracker ")[2].strip("'")


def _hears(journal: Path) -> bool:
    """Tell whether a listener has had some seconds of sound: a chunk makes 1.5 KB."""
    return journal.exists() and journal.stat().st_size > 40_000


async def _until(condition: Any, one: Member) -> None:
    with trio.fail_after(START_S_MAX):
        while not condition():
            if not one.is_alive:
                raise click.ClickException(f"{one.name} ended early; its log is in the folder of --state")
            await trio.sleep(0.2)


async def _probe(seconds: float) -> list[Micros]:
    """Sleep again and again, and note how late one is woken."""
    late: list[Micros] = []
    end = trio.current_time() + seconds
    while (now := trio.current_time()) < end:
        await trio.sleep_until(now + PROBE_S)
        late.append(round((trio.current_time() - now - PROBE_S) * SECOND))
    return late


def _busy() -> tuple[int, int]:
    """Give the ticks that this machine's cores were busy, and all, since it started."""
    fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def _own(crew: Crew) -> int:
    """Give the ticks that the processes of this benchmark have taken."""
    stats = [
        Path(f"/proc/{one.process.pid}/stat").read_text().rpartition(")")[2].split() for one in crew.members
    ]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats)


def table(delays: dict[int, list[Micros]]) -> Table:
    """Lay out the delays by depth."""
    lines = Table(title="From capture to what the player may have, beyond the chunk's own duration, ms")
    for name in ("depth", "chunks", "p50", "p99", "max", "p99 from the first sample"):
        lines.add_column(name, justify="right")
    for depth, these in sorted(delays.items()):
        figures = [f"{_ms(these, percent):.1f}" for percent in (50, 99, 100)]
        lines.add_row(str(depth), str(len(these)), *figures, f"{_ms(these, 99) + 100:.1f}")
    return lines


def _ms(values: list[Micros], percent: int) -> float:
    """Give a percentile in milliseconds, by nearest rank."""
    order = sorted(values)
    return order[min(len(order) - 1, len(order) * percent // 100)] / MILLISECOND


@click.command(help=__doc__)
@click.option("--listeners", default=30, show_default=True)
@click.option(
    "--children", default=2, show_default=True, help="Places at the broadcaster and at each listener."
)
@click.option("--seconds", default=30.0, show_default=True, help="How long to measure.")
@click.option("--state", type=click.Path(path_type=Path), help="Keep logs and journals here.")
@click.option("--as-broadcaster-at", hidden=True)
@click.option("--exit-with-stdin", is_flag=True, hidden=True)
def main(
    listeners: int,
    children: int,
    seconds: float,
    state: Path | None,
    as_broadcaster_at: str | None,
    exit_with_stdin: bool,  # noqa: ARG001, FBT001 - what every member of a crew is given
) -> None:
    if as_broadcaster_at is not None:
        assert state is not None, "whoever starts this process says where"
        run(lambda: broadcast(as_broadcaster_at, state, children))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="meshcast-latency-") as folder:
        place = state or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        is_kept = trio.run(measure, listeners, children, seconds, place, console)
    sys.exit(0 if is_kept else 1)


if __name__ == "__main__":
    main()
