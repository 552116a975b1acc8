"""What the demo found: the report (docs/REPORT), a table, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from meshcast.media.timeline import Timeline, compare, load

FOUND_SHARE_MIN = 0.995
"""Windows of the recording that must be found where they belong."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the director counted."""

    bitrate_bps: int
    chunk_ms: int
    copies_sent: float
    copies_sent_in_emergencies: float
    children_peak: int
    children_peak_in_emergencies: int
    emergencies: int
    kills: int
    killed_with_children: int
    tracker_outages: int


def compare_recordings(source: Path, wavs: Sequence[Path]) -> dict[str, Timeline]:
    """Locate every window of every recording in the source; CPU work, a second or two for each."""
    reference = load(source)
    return {str(wav): compare(reference, load(wav)) for wav in wavs}


def make_report(facts: Facts, listeners: list[dict[str, Any]], heard: dict[str, Timeline]) -> dict[str, Any]:
    """Put everything together; `ok` only if every survivor heard everything."""
    for one in listeners:
        timeline = heard.get(one["wav"])
        one["found_share"] = round(timeline.found_share, 5) if timeline is not None else None
        one["jumps"] = len(timeline.jumps) if timeline is not None else None
    survivors = [one for one in listeners if one["survived"]]
    forged = sum(one["forged_chunks_played"] for one in listeners)
    is_ok = bool(survivors) and forged == 0 and all(_heard_everything(one) for one in survivors)
    return {
        "ok": is_ok,
        "bitrate_bps": facts.bitrate_bps,
        "chunk_ms": facts.chunk_ms,
        "copies_sent": facts.copies_sent,
        "copies_sent_in_emergencies": facts.copies_sent_in_emergencies,
        "children_peak": facts.children_peak,
        "children_peak_in_emergencies": facts.children_peak_in_emergencies,
        "emergencies": facts.emergencies,
        "kills": facts.kills,
        "killed_with_children": facts.killed_with_children,
        "tracker_outages": facts.tracker_outages,
        "forged_chunks_played": forged,
        "listeners": listeners,
    }


def _heard_everything(one: dict[str, Any]) -> bool:
    """Tell whether a survivor missed nothing, by its own count and by its recording."""
    by_count = one["heard_ratio"] == 1.0 and one["missing_chunks"] == 0 and one["longest_gap_ms"] == 0
    by_ear = one["found_share"] is None or (one["found_share"] >= FOUND_SHARE_MIN and one["jumps"] == 0)
    return by_count and by_ear


def table(report: dict[str, Any]) -> Table:
    """Lay out what every listener heard; times are milliseconds."""
    sheet = Table(
        title="What was heard (times in ms)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    sheet.add_column("listener", no_wrap=True)
    for name in ("sound", "heard", "gap", "delay", "p99", "rank"):
        sheet.add_column(name, justify="right")
    sheet.add_column("repairs")
    sheet.add_column("found", justify="right")
    for one in report["listeners"]:
        if not one["survived"]:
            sheet.add_row(one["name"], *["-"] * 6, "killed", "-", style="red")
            continue
        found = "-" if one["found_share"] is None else f"{one['found_share']:.1%}"
        sheet.add_row(
            one["name"],
            _ms(one["first_sound_ms"]),
            f"{one['heard_ratio']:.1%}",
            _ms(one["longest_gap_ms"]),
            _ms(one["delay_ms"]["p50"]),
            _ms(one["delay_ms"]["p99"]),
            str(one["rank"]),
            " ".join(_ms(repair) for repair in one["repairs_ms"]) or "none",
            found,
        )
    return sheet


def verdict(report: dict[str, Any]) -> str:
    """Say in one sentence how it went."""
    survivors = sum(one["survived"] for one in report["listeners"])
    deaths = f"{report['killed_with_children']} relays killed while feeding others"
    outage = ", the tracker killed and restarted" if report["tracker_outages"] else ""
    sent = f"the broadcaster sent {report['copies_sent']:.2f} copies"
    if report["ok"]:
        return f"OK: {deaths}{outage}; all {survivors} survivors heard everything; {sent}."
    return f"NOT OK: {deaths}{outage}; not every one of {survivors} survivors heard everything; {sent}."


def _ms(value: float | None) -> str:
    """Write milliseconds."""
    return "-" if value is None else f"{value:.0f}"
