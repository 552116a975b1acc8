"""What a person sees of a run that takes long, and how it is interrupted.

On a terminal there is a bar with simulated time, listeners and events per second; elsewhere a line for each tenth of the
run. Both go to standard error. Ctrl-C is heard between two slices, so that what there is can be summed up; a second one ends
the program at once.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from meshcast.protocol.units import SECOND, Micros
from sim.measures import Clock, Rehearsal

SHOW_EVERY_S: Final = 0.25
LINES: Final = 10
"""Lines for a whole run, where there is no terminal."""

Watch = Callable[[Rehearsal], None]


@dataclass(slots=True)
class Interrupt:
    """Has somebody pressed Ctrl-C?"""

    is_set: bool = False

    def __call__(self) -> bool:
        """Tell whether the run is to end."""
        return self.is_set


@contextmanager
def interrupt() -> Iterator[Interrupt]:
    """Hear the first Ctrl-C as a wish to end soon; the second raises `KeyboardInterrupt`."""
    wish = Interrupt()

    def hear(_number: int, _frame: FrameType | None) -> None:
        if wish.is_set:
            raise KeyboardInterrupt
        wish.is_set = True

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)


class Pace:
    """Events per second of wall time, over the last second or so; in the first second, since the beginning."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._since = self._began = wall()
        self._events = 0
        self.per_second = 0.0

    def note(self, events: int) -> None:
        """Take in how many events there have been."""
        now = self._wall()
        if self._since == self._began and now > self._began:
            self.per_second = events / (now - self._began)
        if now - self._since >= 1.0:
            self.per_second = (events - self._events) / (now - self._since)
            self._since, self._events = now, events


@contextmanager
def shown(name: str, duration_us: Micros, wall: Clock, *, is_quiet: bool = False) -> Iterator[Watch]:
    """Show how far a run is: a bar on a terminal, lines elsewhere, nothing if it is to be quiet."""
    if is_quiet:
        yield lambda _run: None
    elif sys.stderr.isatty():
        with _bar(name, duration_us, wall) as watch:
            yield watch
    else:
        yield _lines(name, duration_us, wall)


@contextmanager
def _bar(name: str, duration_us: Micros, wall: Clock) -> Iterator[Watch]:
    """Show a bar that moves."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[says]}"),
        TimeRemainingColumn(),
    )
    pace, shown_at = Pace(wall), -SHOW_EVERY_S
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=duration_us / SECOND, says="")

        def watch(run: Rehearsal) -> None:
            nonlocal shown_at
            pace.note(run.events)
            if wall() - shown_at >= SHOW_EVERY_S:
                shown_at = wall()
                progress.update(task, completed=run.now / SECOND, says=_says(run, duration_us, pace))

        yield watch


def _lines(name: str, duration_us: Micros, wall: Clock) -> Watch:
    """Write a line now and then."""
    pace, said = Pace(wall), 0

    def watch(run: Rehearsal) -> None:
        nonlocal said
        pace.note(run.events)
        part = run.now * LINES // duration_us
        if part > said and run.now < duration_us:
            said = part
            sys.stderr.write(f"{name}: {_says(run, duration_us, pace)}\n")
            sys.stderr.flush()

    return watch


def _says(run: Rehearsal, duration_us: Micros, pace: Pace) -> str:
    """Say how far a run is."""
    return (
        f"{run.now / SECOND:,.1f} of {duration_us / SECOND:,.0f} s, {run.peers_alive:,} peers,"
        f" {pace.per_second:,.0f} events/s"
    )
