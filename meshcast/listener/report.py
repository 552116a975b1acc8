"""What one listener heard, as JSON; the demo's report is made of these. Stable: docs/REPORT says what each field means."""

import json
from pathlib import Path
from typing import Any

from meshcast.listener.engine import View
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, Micros, short


def report_of(view: View, wav: str | None) -> dict[str, Any]:
    """Make the report of a listener, as it stands."""
    machine, heard, tally = view.machine, view.listener.heard, view.machine.tally
    status = machine.status()
    return {
        "id": short(machine.member.me),
        "join_ms": _between(tally.joined_at, tally.attached_at),
        "first_sound_ms": _between(tally.joined_at, tally.first_play_at),
        "heard_ratio": round(heard.ratio, 6),
        "missing_chunks": status.missing,
        "concealed_chunks": heard.concealed_chunks,
        "longest_gap_ms": heard.longest_gap_us // MILLISECOND,
        "standby_programme_ms": heard.standby_us // MILLISECOND,
        "delay_ms": {"p50": heard.delay_ms(50), "p99": heard.delay_ms(99)},
        "playout_delay_ms": status.playout_delay_us // MILLISECOND,
        "rank": status.rank,
        "repairs_ms": [round(one / MILLISECOND, 1) for one in status.repairs_us],
        "false_alarms": status.false_alarms,
        "verified_chunks": status.verified,
        "forged_chunks": status.forged,
        "forged_chunks_played": heard.forged_chunks,
        "bytes_up": status.served_bytes,
        "uplink_kbit_s": {
            "limit": machine.household.limit_bps // 1000 if machine.household is not None else None,
            "now": view.listener.upload.now_bps // 1000,
            "peak": view.listener.upload.peak_bps // 1000,
        },
        "places": machine.relay.capacity,
        "chunks_held_back": machine.household.held_back_chunks if machine.household is not None else 0,
        "wav": wav,
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write a report whole, or not at all."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(json.dumps(report, indent=2) + "\n")
        draft.replace(path)
    except OSError as error:
        raise BadInputError(
            f"the report {path} cannot be written: {error.strerror}; choose another --report"
        ) from error


def check_writable(path: Path | None) -> None:
    """Refuse a report's path that cannot work before anything else begins."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        raise BadInputError(f"the report {path} cannot be written there; give a file in a folder that exists")


def _between(since: Micros | None, until: Micros | None) -> float | None:
    """Give the milliseconds between two moments that have both been."""
    return None if since is None or until is None else round((until - since) / MILLISECOND, 1)
