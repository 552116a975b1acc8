"""What a broadcaster shows: the link first, then how it goes."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from meshcast.broadcaster.engine import View
from meshcast.protocol.broadcaster import Post
from meshcast.protocol.units import MILLISECOND, short

Show = Callable[[View], None]
WARN_AFTER_S = 1.0


@contextmanager
def display(kind: str) -> Iterator[Show]:
    """Give what shows a view; `kind` is `live`, `lines`, `json` or `none`."""
    link = _Link()
    match kind:
        case "live":
            with Live(console=Console(stderr=True), refresh_per_second=4) as live:
                yield _both(link.show, lambda view: live.update(table(view)))
        case "lines":
            yield _both(link.show, _Lines().show)
        case "json":
            yield show_json
        case _:
            yield link.show


def _both(first: Show, second: Show) -> Show:
    """Show a view in two ways."""

    def show(view: View) -> None:
        first(view)
        second(view)

    return show


def table(view: View) -> Table:
    """Lay out how a broadcast goes."""
    machine = view.machine
    grid = Table.grid(padding=(0, 2))
    rows = {
        machine.programme.title: f"{machine.programme.bitrate_bps // 1000} kbit/s, {machine.backlog.newest} chunks",
        "post": machine.post.value,
        "source": _source(view),
        "tracker": machine.session.contact.value,
        "feeds": ", ".join(short(one) for one in machine.relay.children) or "nobody yet",
        "copies": f"{copies(view):.2f}",
    }
    for name, value in rows.items():
        # As it is: a title is somebody's words, and none of ours to mark up.
        grid.add_row(Text(name, style="bold"), Text(value))
    return grid


def _source(view: View) -> str:
    """Say in a few words what comes from the source."""
    if view.is_away:
        return "away: the standby programme is heard"
    stalled = view.source.stalled_for_s
    return f"silent for {stalled:.0f} s" if stalled >= WARN_AFTER_S else "speaks"


def copies(view: View) -> float:
    """Say how many copies of the programme were sent."""
    made = view.machine.audio_bytes
    return view.machine.relay.served_bytes / made if made else 0.0


def show_json(view: View) -> None:
    """Write one JSON line, for a program that watches."""
    machine = view.machine
    line = {
        "key": machine.member.me.hex(),
        "link": str(view.link) if machine.ticket is not None else None,
        "title": machine.programme.title,
        "bitrate_bps": machine.programme.bitrate_bps,
        "chunk_ms": machine.programme.chunk_us // 1000,
        "newest": machine.backlog.newest,
        "children": [one.hex() for one in machine.relay.children],
        "children_peak": machine.relay.children_peak,
        "children_peak_in_emergencies": machine.relay.children_peak_in_emergencies,
        "emergencies": machine.relay.emergencies,
        "copies_sent": round(copies(view), 4),
        "copies_sent_in_emergencies": round(machine.relay.emergency_bytes / max(1, machine.audio_bytes), 4),
        "stalled_for_s": view.source.stalled_for_s,
        "standby_programme": view.is_away,
        "post": machine.post.value,
        "takeovers_ms": [round(one / MILLISECOND, 1) for one in machine.takeovers_us],
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Link:
    """Prints the link once, when the tracker knows the broadcast."""

    def __init__(self) -> None:
        self._is_shown = False

    def show(self, view: View) -> None:
        """Print the link on standard output, alone on its line."""
        if not self._is_shown and view.machine.ticket is not None:
            self._is_shown = True
            sys.stdout.write(f"{view.link}\n")
            sys.stdout.flush()


class _Lines:
    """A line on standard error for each change."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, view: View) -> None:
        """Write a line if there is news."""
        machine, stalled = view.machine, view.source.stalled_for_s
        state = machine.post.value
        if view.is_away:
            state = f"{state}, with the standby programme"
        elif stalled >= WARN_AFTER_S and machine.post is Post.ON_AIR:
            state = "the source is silent; listeners hear silence"
        elif stalled >= WARN_AFTER_S:
            state = f"{state}, but its own source is silent"
        line = f"{machine.programme.title}: {state}, feeds {len(machine.relay.children)}, tracker {machine.session.contact.value}"
        if line != self._last:
            self._last = line
            sys.stderr.write(f"meshcast: {line}\n")
            sys.stderr.flush()
