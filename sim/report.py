"""report.json: what a run found, for programs and for later comparisons. docs/SIMULATION says what each field means.

Two runs of one seed give the same report but for `wall_s`, `peak_rss_bytes` and the tracker's two times; where one ran on
compiled modules, also but for `is_compiled` and the tracker's bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.measures import Measures, Sample, Spread
from sim.scenario import DELAYS_US, Scenario
from sim.scenario_text import document_of
from sim.sums import percentile
from sim.text_files import read_text

VERSION: Final = 1
DELAYS: Final = tuple(f"{delay_us / SECOND:g}" for delay_us in DELAYS_US)
"""The names of the playout delays, in seconds."""
REPAIR_STEP_MS: Final = 50
REPAIR_STEPS: Final = 60
"""Repairs are counted in steps of 50 ms up to three seconds: a round and a shedding."""
NEEDED: Final = (
    "scenario", "seed", "fidelity", "peers_peak", "simulated_s", "wall_s", "peak_rss_bytes", "events", "joins", "leaves",
    "crashes", "repairs", "repairs_without_tracker", "missing_ppm", "gap_share", "delay_ms", "unicast_ms", "wait_s", "depth",
    "origin_copies", "tracker", "violations", "digest",
)  # fmt: skip
"""What every version of a report has."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took from the machine that it ran on."""

    wall_s: float
    peak_rss_bytes: int
    is_compiled: bool = False
    """Tree and flow were compiled modules."""


def report_of(
    scenario: Scenario, seed: int | str, found: Measures, cost: Cost, command: str
) -> dict[str, Any]:
    """Make the report of a run. `command` is what runs it again."""
    return {
        "version": VERSION,
        "scenario": scenario.name,
        "about": scenario.about,
        "command": command,
        "seed": seed,
        "fidelity": scenario.fidelity.value,
        "is_compiled": cost.is_compiled,
        "is_cut_short": found.is_cut_short,
        "peers_peak": found.peers_peak,
        "simulated_s": _s(found.simulated_us),
        "wall_s": round(cost.wall_s, 3),
        "peak_rss_bytes": cost.peak_rss_bytes,
        "events": found.events,
        "joins": found.joins,
        "leaves": found.leaves,
        "crashes": found.crashes,
        "repairs": found.repairs,
        "repairs_without_tracker": found.repairs_without_tracker,
        "moves": found.moves,
        "missing_ppm": {name: round(found.missing_ppm(place), 4) for place, name in enumerate(DELAYS)},
        "gap_share": {name: round(found.gap_share(place), 8) for place, name in enumerate(DELAYS)},
        "delay_ms": {"p50": _ms(found.delay_us.p50), "p99": _ms(found.delay_us.p99)},
        "unicast_ms": {"p50": _ms(found.unicast_us.p50), "p99": _ms(found.unicast_us.p99)},
        "wait_s": _spread(found.wait_us, SECOND),
        "depth": {
            "max": round(found.depth.max),
            "p99": round(found.depth.p99),
            "least_possible": found.depth_least,
        },
        "origin_copies": {"median": found.origin_copies_median, "peak": found.origin_copies_peak},
        "emergency_copies_peak": found.emergency_copies_peak,
        "repair_ms": repairs_of(found.repair_us),
        "tracker": {
            "us_per_join": round(found.join_us, 3),
            "us_per_leave": round(found.leave_us, 3),
            "bytes_per_peer": round(found.bytes_per_peer, 1),
        },
        "violations": list(found.violations),
        "digest": found.digest,
        "settings": document_of(scenario),
        "samples": samples_of(found.samples),
    }


def repairs_of(repair_us: list[Micros]) -> dict[str, Any]:
    """Sum up repair times: percentiles, and counts in steps of 50 ms."""
    ordered = sorted(repair_us)
    counts = [0] * REPAIR_STEPS
    beyond = 0
    for one in ordered:
        place = one // (REPAIR_STEP_MS * MILLISECOND)
        if place < REPAIR_STEPS:
            counts[place] += 1
        else:
            beyond += 1
    return {
        "p50": _ms(percentile(ordered, 50)),
        "p99": _ms(percentile(ordered, 99)),
        "max": _ms(percentile(ordered, 100)),
        "step": REPAIR_STEP_MS,
        "counts": counts,
        "beyond": beyond,
    }


def samples_of(samples: list[Sample]) -> dict[str, Any]:
    """Give the series of samples, one list for each quantity, all of the same length."""
    return {
        "at_s": [_s(one.at_us) for one in samples],
        "listeners": [one.listeners for one in samples],
        "waiting": [one.waiting for one in samples],
        "orphans": [one.orphans for one in samples],
        "depth_max": [one.depth_max for one in samples],
        "depth_p99": [one.depth_p99 for one in samples],
        "delay_p50_ms": [_ms(one.delay_p50_us) for one in samples],
        "delay_p99_ms": [_ms(one.delay_p99_us) for one in samples],
        "unicast_p50_ms": [_ms(one.unicast_p50_us) for one in samples],
        "unicast_p99_ms": [_ms(one.unicast_p99_us) for one in samples],
        "origin_copies": [one.origin_copies for one in samples],
        "joins": [one.joins for one in samples],
        "leaves": [one.leaves for one in samples],
        "crashes": [one.crashes for one in samples],
        "repairs": [one.repairs for one in samples],
        "moves": [one.moves for one in samples],
        "due_s": [_s(one.due_us) for one in samples],
        "missing_s": {
            name: [_s(one.missing_us[place]) for one in samples] for place, name in enumerate(DELAYS)
        },
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write a report whole, or not at all."""
    write_whole(json.dumps(report, indent=1, ensure_ascii=False) + "\n", path)


def write_whole(text: str, path: Path) -> None:
    """Write a file whole, or not at all. Raise `BadInputError` if it cannot be written."""
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}; choose another --out") from error


def read_report(place: Path) -> dict[str, Any]:
    """Read a report by its path, or by that of the folder that it lies in."""
    path = place / "report.json" if place.is_dir() else place
    text = read_text(path)
    try:
        report = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise BadInputError(
            f"{path}, line {line}: this is not JSON; expected a report that meshcast-sim run wrote"
        ) from error
    lacking = [name for name in NEEDED if not isinstance(report, dict) or name not in report]
    if lacking:
        raise BadInputError(
            f'{path}, line 1: this is no report, for it has no "{lacking[0]}"; give a report.json'
        )
    return dict(report)


def _spread(spread: Spread, unit: int) -> dict[str, float]:
    """Give a distribution in another unit."""
    values = (("p50", spread.p50), ("p99", spread.p99), ("max", spread.max))
    return {name: round(value / unit, 3) for name, value in values}


def _ms(us: float) -> float:
    """Give milliseconds."""
    return round(us / MILLISECOND, 3)


def _s(us: Micros) -> float:
    """Give seconds."""
    return round(us / SECOND, 6)
