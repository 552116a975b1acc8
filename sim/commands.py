"""What `meshcast-sim` does: runs, sweeps, replays, comparisons. Each gives the exit code of the process."""

import json
import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import SECOND
from sim.advice import advice
from sim.page import page_of
from sim.playing import play, replay
from sim.rehearsals import Witnessed, rehearsal_of
from sim.report import Cost, read_report, report_of, write_report, write_whole
from sim.scenario import Scenario
from sim.scenario_document import value_of
from sim.scenario_file import peers_of, read_scenario, shipped
from sim.table import comparison_of, differences, sweep_of, table_of
from sim.trace_file import TraceWriter, read_trace
from sim.watching import interrupt, shown
from tracker.overlay import tree

if sys.platform != "win32":
    import resource

EXIT_GOOD: Final = 0
EXIT_BROKEN: Final = 1
"""A promise was broken, a replay departed from its trace, or the input was bad."""
EXIT_INTERRUPTED: Final = 130
OUT: Final = Path("sim-output")
"""Where reports go, if nothing is said."""
UNFIT: Final = re.compile(r"[^A-Za-z0-9._+-]+")
"""What is left out of the names of folders."""
WIDTH_ELSEWHERE: Final = 150
"""How wide tables are, where there is no terminal that says so."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks to be run."""

    place: str
    seed: int = 1
    peers: int | None = None
    settings: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """Say it as a command, to be run again."""
        words = ["meshcast-sim", "run", self.place, "--seed", str(self.seed)]
        words += [] if self.peers is None else ["--peers", str(self.peers)]
        words += [word for one in self.settings for word in ("--set", one)]
        return shlex.join(words)

    def scenario(self) -> Scenario:
        """Read what is to be run."""
        return read_scenario(self.place, self.settings, self.peers)


def show_list(*, is_json: bool) -> int:
    """Name the shipped scenarios."""
    found = [read_scenario(name) for name in shipped()]
    if is_json:
        rows = [
            {
                "name": one.name,
                "peers": peers_of(one),
                "fidelity": one.fidelity.value,
                "duration_s": one.duration_us / SECOND,
                "about": one.about,
            }
            for one in found
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))  # noqa: T201 - what was asked for
        return EXIT_GOOD
    table = Table(box=None, pad_edge=False)
    for head, side in (("scenario", "left"), ("peers", "right"), ("fidelity", "left"), ("seconds", "right")):
        table.add_column(head, justify="right" if side == "right" else "left", no_wrap=True)
    table.add_column("what it shows")
    for one in found:
        seconds = f"{one.duration_us / SECOND:,.0f}"
        first = one.about.partition(". ")[0].rstrip(".")
        table.add_row(one.name, f"{peers_of(one):,}", one.fidelity.value, seconds, first)
    _show(table)
    return EXIT_GOOD


def run(request: Request, out: Path | None, trace: Path | None, *, is_json: bool) -> int:
    """Run a scenario once, and write its reports."""
    scenario = request.scenario()
    folder = out or OUT / f"{scenario.name}-{request.seed}"
    with interrupt() as wish:
        report = _run(request, scenario, folder, trace, wish)
    if is_json:
        print(json.dumps(report, indent=1, ensure_ascii=False))  # noqa: T201 - what was asked for
    else:
        _show(table_of(report))
    _say(
        f"reports: {folder / 'report.json'}, {folder / 'report.html'}"
        + (f"; trace: {trace}" if trace else "")
    )
    return _verdict([report], is_interrupted=wish.is_set)


def sweep(
    request: Request, key: str, values: Sequence[str], seeds: int, out: Path | None, *, is_json: bool
) -> int:
    """Run a scenario for each of some values of a key, and for some seeds each."""
    requests = [
        [
            replace(request, seed=seed, settings=(*request.settings, f"{key}={value}"))
            for seed in range(request.seed, request.seed + seeds)
        ]
        for value in values
    ]
    # Whatever is wrong with one of the values is said before the first run.
    scenarios = [row[0].scenario() for row in requests]
    folder = out or OUT / f"{scenarios[0].name}-over-{_fit(key)}"
    rows: list[tuple[str, list[dict[str, Any]]]] = []
    with interrupt() as wish:
        for value, row in zip(values, requests, strict=True):
            reports: list[dict[str, Any]] = []
            for one in row:
                if not wish.is_set:
                    place = folder / f"{_fit(key)}={_fit(value)}" / f"seed-{one.seed}"
                    reports.append(_run(one, one.scenario(), place, None, wish))
            rows += [(value, reports)] if reports else []
    if is_json:
        print(json.dumps(dict(rows), indent=1, ensure_ascii=False))  # noqa: T201 - what was asked for
    else:
        _show(sweep_of(key, rows))
    _say(f"reports: {folder}")
    return _verdict([report for _, reports in rows for report in reports], is_interrupted=wish.is_set)


def replay_trace(path: Path) -> int:
    """Run again what a trace ran, and say whether and where the two differ."""
    trace = read_trace(path)
    scenario = trace.scenario
    if trace.broken:
        _say(f"{trace.broken}; it is replayed up to there")
    if not trace.marks:
        _say("there is no mark to compare with")
        return EXIT_BROKEN
    with interrupt() as wish, shown(scenario.name, trace.marks[-1].at_us, time.monotonic) as watch:
        found = replay(trace, watch, wish, time.process_time)
    upto = f"{found.upto_us / SECOND:.6f} s"
    if found.departed is not None:
        mark = found.departed
        _say(
            f"the run departs from its trace between {upto} and {mark.at_us / SECOND:.6f} s of simulated time:"
            f" {found.events:,} events there instead of {mark.events:,}"
        )
        return EXIT_BROKEN
    if found.is_cut_short:
        _say(f"interrupted; the same run up to {upto}")
        return EXIT_INTERRUPTED
    whole = "" if trace.broken else ", to its end"
    _print(f"{scenario.name}, seed {trace.seed}: the same run up to {upto}{whole} ({found.marks} digests)")
    return EXIT_GOOD


def compare(place_a: Path, place_b: Path) -> int:
    """Show two reports beside each other."""
    one, other = read_report(place_a), read_report(place_b)
    _show(comparison_of(one, other, (str(place_a), str(place_b))))
    said = differences(one, other)
    if said:
        _print("These two were not asked for the same:")
        for line in said:
            _print(f"  {line}")
    elif one["digest"] == other["digest"]:
        _print("The same scenario, seed and digest: the same run.")
    else:
        _print("The same scenario and seed, and another digest: the code has changed between the two.")
    return EXIT_GOOD


def over(text: str) -> tuple[str, list[str]]:
    """Read `key=a,b,c`: a key, and the values to set it to. Values that are lists stand in brackets."""
    key, is_there, given = text.partition("=")
    values = _split(given)
    if not is_there or not key.strip() or not values:
        raise BadInputError(f"--over {text}: expected key=a,b,c, such as sessions.median_s=60,300,1800")
    return key.strip(), values


# ---- details


def _run(
    request: Request, scenario: Scenario, folder: Path, trace: Path | None, is_over: Callable[[], bool]
) -> dict[str, Any]:
    """Run a scenario once, write its report and its page, and give the report."""
    begun = time.perf_counter()
    rehearsal = rehearsal_of(scenario, request.seed, time.process_time)
    told = advice(
        peers_of(scenario),
        is_compiled=_is_compiled(),
        libc=platform.libc_ver(),
        tunables=os.environ.get("GLIBC_TUNABLES", ""),
    )
    if told is not None:
        _say(told)
    with ExitStack() as stack:
        writer = stack.enter_context(TraceWriter(trace, scenario, request.seed)) if trace else None
        _make(folder)
        show = stack.enter_context(
            shown(f"{scenario.name} {request.seed}", scenario.duration_us, time.monotonic)
        )

        def watch(run: Witnessed) -> None:
            show(run)
            if writer is not None:
                writer.follow(run)

        found = play(rehearsal, scenario, watch, is_over)
        if writer is not None:
            writer.end(rehearsal)
    cost = Cost(time.perf_counter() - begun, _peak_rss_bytes(), is_compiled=_is_compiled())
    report = report_of(scenario, request.seed, found, cost, request.command)
    write_report(report, folder / "report.json")
    write_whole(page_of(report), folder / "report.html")
    return report


def _make(folder: Path) -> None:
    """Make the folder of a run before the run: what cannot be written is better known at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder} cannot be made: {error.strerror}; choose another --out") from error


def _verdict(reports: Sequence[dict[str, Any]], *, is_interrupted: bool) -> int:
    """Say which promises were broken and how to see it again, and whether runs were interrupted."""
    for report in reports:
        for one in report["violations"]:
            _say(f"broken promise: {one}")
        if report["violations"]:
            _say(f"to see it again: {report['command']}")
    if is_interrupted:
        at_s = reports[-1]["simulated_s"] if reports else 0
        _say(f"interrupted at {at_s:g} s of simulated time; the reports say what there was until then")
        return EXIT_INTERRUPTED
    return EXIT_BROKEN if any(report["violations"] for report in reports) else EXIT_GOOD


def _split(text: str) -> list[str]:
    """Split at commas that are not within brackets or quotation marks."""
    parts = re.findall(r"(?:\[[^\]]*\]|\"[^\"]*\"|[^,])+", text)
    return [part.strip() for part in parts if part.strip()]


def _fit(text: str) -> str:
    """Make a text fit for the name of a folder."""
    given = value_of(text)
    return UNFIT.sub("_", given if isinstance(given, str) else text).strip("._") or "value"


def _peak_rss_bytes() -> int:
    """Give the most memory that this process has had; Linux counts in KiB, macOS in bytes, and Windows does not tell."""
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _is_compiled() -> bool:
    """Tell whether the tree is a compiled module: then all that can be are (docs/decisions/0021)."""
    return not (tree.__file__ or "").endswith(".py")


def _show(table: Table) -> None:
    """Show a table, as wide as the terminal is."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE, highlight=False)
    console.print(table)


def _print(line: str) -> None:
    """Say what was asked for."""
    print(line)  # noqa: T201 - the program's answer


def _say(line: str) -> None:
    """Say something beside what was asked for."""
    sys.stdout.flush()
    sys.stderr.write(f"{line}\n")
