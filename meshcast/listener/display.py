"""What a listener shows: a live table on a terminal, a line for each change elsewhere, or JSON lines for programs."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from meshcast.listener.engine import View
from meshcast.listener.report import report_of
from meshcast.protocol.units import SECOND, short

Show = Callable[[View], None]


@contextmanager
def display(kind: str) -> Iterator[Show]:
    """Give what shows a view; `kind` is `live`, `lines`, `json` or `none`."""
    match kind:
        case "live":
            with Live(console=Console(stderr=True), refresh_per_second=4) as live:
                yield lambda view: live.update(table(view))
        case "lines":
            yield _Lines().show
        case "json":
            yield show_json
        case _:
            yield lambda _: None


def words(view: View) -> str:
    """Say in a few words what a listener does."""
    status = view.machine.status()
    if status.waiting:
        return f"waiting {status.waiting}"
    if view.listener.outcome.has_ended:
        return "the programme has ended"
    return (
        f"{status.state.value}: the standby programme" if status.is_standby_programme else status.state.value
    )


def table(view: View) -> Table:
    """Lay out where a listener stands."""
    status, totals = view.machine.status(), view.links.totals()
    delay = "-"
    if status.delay_us is not None:
        chosen_s, whole_s = status.playout_delay_us / SECOND, status.delay_us / SECOND
        delay = f"{chosen_s:.2f} s behind the earliest arrival, {whole_s:.2f} s behind the source"
    grid = Table.grid(padding=(0, 2))
    rows = {
        status.title or "meshcast": words(view),
        "buffer": f"{status.buffered_us / SECOND:.1f} s",
        "delay": delay,
        "hears from": short(status.parent) if status.parent else "nobody",
        "feeds": ", ".join(short(one) for one in status.children) or "nobody",
        "stand by": ", ".join(short(one) for one in status.standbys) or "nobody",
        "rank": str(status.rank),
        "uplink": f"{view.listener.upload.now_bps // 1000} kbit/s, offers {view.machine.relay.capacity} places",
        "bytes": f"{totals.wire_bytes_received / 1e6:.2f} MB down, {totals.wire_bytes_sent / 1e6:.2f} MB up",
        "chunks": f"{status.verified} verified, {status.forged} forged, {status.missing} missing",
        "repairs": ", ".join(f"{one // 1000} ms" for one in status.repairs_us[-5:]) or "none",
    }
    for name, value in rows.items():
        # As it is: a title is somebody's words, and none of ours to mark up.
        grid.add_row(Text(name, style="bold"), Text(value))
    return grid


def show_json(view: View) -> None:
    """Write one JSON line, for a program that watches."""
    status = view.machine.status()
    line = report_of(view, None) | {
        "key": view.machine.member.me.hex(),
        "words": words(view),
        "hearing": status.state.is_hearing,
        "standby_programme": status.is_standby_programme,
        "audible": view.machine.playout.is_audible,
        "parent": status.parent.hex() if status.parent else None,
        "children": [one.hex() for one in status.children],
        "buffer_ms": status.buffered_us // 1000,
        "ended": view.listener.outcome.has_ended,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Lines:
    """A line on standard error for each change: for logs and pipes."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, view: View) -> None:
        """Write a line if there is news."""
        status = view.machine.status()
        parent = f", hears from {short(status.parent)}" if status.parent else ""
        line = f"{words(view)}{parent}, feeds {len(status.children)}, {status.missing} missing"
        if line != self._last:
            self._last = line
            sys.stderr.write(f"meshcast: {line}\n")
            sys.stderr.flush()
