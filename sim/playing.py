"""Letting a rehearsal play: in slices of simulated time, so that it can be watched, traced, replayed and interrupted.

Slices always have the same length, and a rehearsal is only looked at between two of them. So a run is the same run whoever
watches it, and an interrupted one can be summed up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.units import MILLISECOND, Micros
from sim.measures import Clock, Measures
from sim.rehearsals import Witnessed, rehearsal_of
from sim.scenario import Fidelity, Scenario
from sim.trace_file import Mark, Trace

SLICE_US: Final[dict[Fidelity, Micros]] = {
    Fidelity.PACKETS: 100 * MILLISECOND,
    Fidelity.FLOW: 250 * MILLISECOND,
}
"""Ten thousand peers take about a second for theirs, so that an interrupt is heard soon."""


def play(
    run: Witnessed, scenario: Scenario, watch: Callable[[Witnessed], None], is_over: Callable[[], bool]
) -> Measures:
    """Play a scenario to its end, or until `is_over` says so between two slices; `watch` is called after each."""
    at: Micros = 0
    while at < scenario.duration_us and not is_over():
        at = min(at + SLICE_US[scenario.fidelity], scenario.duration_us)
        run.run_until(at)
        watch(run)
    found = run.measures()
    found.is_cut_short = found.is_cut_short or at < scenario.duration_us
    return found


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of holding a run against a trace."""

    upto_us: Micros
    """Up to this simulated time both are the same run."""
    marks: int
    """Marks that agreed."""
    departed: Mark | None = None
    """The first mark that did not."""
    events: int = 0
    """What this run had instead, at that mark."""
    is_cut_short: bool = False


def replay(
    trace: Trace, watch: Callable[[Witnessed], None], is_over: Callable[[], bool], clock: Clock | None = None
) -> Replayed:
    """Run what a trace ran, and compare at each of its marks."""
    run = rehearsal_of(trace.scenario, trace.seed, clock)
    at, step = 0, SLICE_US[trace.scenario.fidelity]
    agreed, upto_us = 0, 0
    for mark in trace.marks:
        while at < mark.at_us:
            if is_over():
                return Replayed(upto_us, agreed, is_cut_short=True)
            at = min(at + step, mark.at_us)
            run.run_until(at)
            watch(run)
        if (run.digest(), run.events) != (mark.digest, mark.events):
            return Replayed(upto_us, agreed, mark, run.events)
        agreed, upto_us = agreed + 1, mark.at_us
    return Replayed(upto_us, agreed)
