"""Traces: what a run was, mark by mark, so that another run can be held against it.

A trace is a text of one JSON object a line. The *header* says how to run it again: version, seed, fidelity and the whole
scenario. Each *mark* gives a simulated time and, up to it, the count of events and the digest of everything that happened.
The *end* is a mark with `"end": true`. A trace without one was cut off, and can be replayed as far as it goes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import Micros
from sim.rehearsals import Witnessed
from sim.scenario import Scenario
from sim.scenario_document import Document
from sim.scenario_file import scenario_of
from sim.scenario_text import document_of
from sim.text_files import read_text

VERSION: Final = 1
EVENTS_PER_MARK: Final = 10_000
"""A run that departs is found out within so many events."""
HEADER: Final = (
    '{"meshcast_trace": 1, "seed": …, "fidelity": …, "scenario": {…}}, as meshcast-sim run --trace writes it'
)
MARK: Final = '{"at_us": …, "events": …, "digest": "…"}'


@dataclass(frozen=True, slots=True)
class Mark:
    """What had happened up to a moment."""

    at_us: Micros
    events: int
    digest: str
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What a file says that a run was."""

    scenario: Scenario
    seed: int | str
    marks: list[Mark] = field(default_factory=list)
    broken: str = ""
    """Where and why the file breaks off; nothing, if it is whole."""


class TraceWriter:
    """Writes the trace of a run that goes on. Raise `BadInputError` if the file cannot be written."""

    def __init__(self, path: Path, scenario: Scenario, seed: int | str) -> None:
        self._every = EVENTS_PER_MARK
        self._marked = 0
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise BadInputError(
                f"the trace {path} cannot be written: {error.strerror}; choose another --trace"
            ) from error
        header = {"meshcast_trace": VERSION, "seed": seed, "fidelity": scenario.fidelity.value}
        self._write(header | {"scenario": document_of(scenario)})

    def __enter__(self) -> "TraceWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    def follow(self, run: Witnessed) -> None:
        """Write a mark, if enough has happened since the last."""
        if run.events - self._marked >= self._every:
            self._marked = run.events
            self._write(_mark(run))

    def end(self, run: Witnessed) -> None:
        """Write the last mark."""
        self._write(_mark(run) | {"end": True})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _mark(run: Witnessed) -> dict[str, Any]:
    """Say what has happened so far."""
    return {"at_us": run.now, "events": run.events, "digest": run.digest()}


def read_trace(path: Path) -> Trace:
    """Read a trace, as far as it can be read.

    Raise `BadInputError` if the file is none: without a header there is nothing to run.
    """
    lines = read_text(path).splitlines()
    header = _object(lines[0]) if lines else None
    if header is None or "meshcast_trace" not in header:
        raise BadInputError(f"{path}, line 1: this is no trace; expected {HEADER}")
    if header["meshcast_trace"] != VERSION:
        raise BadInputError(
            f"{path}, line 1: a trace of version {header['meshcast_trace']}; expected version {VERSION}: replay it with the "
            "release that wrote it"
        )
    seed, values = header.get("seed"), header.get("scenario")
    if isinstance(seed, bool) or not isinstance(seed, int | str) or not isinstance(values, dict):
        raise BadInputError(f"{path}, line 1: the header is not whole; expected {HEADER}")
    scenario = scenario_of(Document(f"{path}, line 1", values), Path())
    trace = Trace(scenario, seed)
    for number, mark in _marks(lines):
        if mark is None:
            return Trace(
                scenario, seed, trace.marks, f"{path}, line {number}: this is no mark; expected {MARK}"
            )
        trace.marks.append(mark)
    if trace.marks and trace.marks[-1].is_end:
        return trace
    return Trace(
        scenario, seed, trace.marks, f"{path}, line {len(lines)}: the trace ends without its last mark"
    )


def _marks(lines: list[str]) -> Iterator[tuple[int, Mark | None]]:
    """Read the marks after a header, each with its line; None for what is none."""
    before = -1
    for number, line in enumerate(lines[1:], 2):
        given = _object(line)
        mark = given and _mark_of(given)
        if not mark or mark.at_us < before:
            yield number, None
            return
        before = mark.at_us
        yield number, mark


def _mark_of(given: dict[str, Any]) -> Mark | None:
    """Make a mark of what a line says, if it is one."""
    at_us, events, digest = given.get("at_us"), given.get("events"), given.get("digest")
    if isinstance(at_us, int) and isinstance(events, int) and isinstance(digest, str) and at_us >= 0:
        return Mark(at_us, events, digest, bool(given.get("end", False)))
    return None


def _object(line: str) -> dict[str, Any] | None:
    """Read a line of JSON that is an object; None if it is not."""
    try:
        given = json.loads(line)
    except ValueError:
        return None
    return given if isinstance(given, dict) else None
