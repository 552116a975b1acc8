"""What a spare would have sent: its own input, chunk by chunk, and which of it comes after the source's last chunk.

Two machines that hear the same programme cut it into chunks at different moments, and one's chunk travels before the other
has it. What they share is the time at which sound was captured: a chunk that arrived at t with age a was captured at t - a.
The least of these, counted from media time, is where the source's programme stands on this machine's clock; the spare goes on
with whichever of its own chunks was captured nearest to when the next of the source's would have been. So a take-over steps
the sound by half a chunk at most, and by nothing where both cut alike (two copies of a file).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.chunk import Chunk
from meshcast.protocol.events import Captured
from meshcast.protocol.limits import RESYNC_US
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

KEPT_US: Final = 2 * RESYNC_US
"""Longer than any silence that ends in a take-over which a listener does not hear."""
RUNNING_US: Final = 500 * MILLISECOND
"""An input that has given nothing for so long cannot go on with anything."""
AGE_US_MAX: Final = 1 * SECOND
"""An age is a parent's word: no more of it is believed."""
LOOK_BACK: Final = 32
"""Chunks that are asked when they were captured; the least of them is the truest."""


@dataclass(frozen=True, slots=True)
class Take:
    """One chunk of the spare's own."""

    captured: Captured
    at: Micros


@dataclass(frozen=True, slots=True)
class Continuation:
    """What goes on after the source's last chunk."""

    skipped: int
    """Numbers that nobody will ever fill: the silence was longer than anybody waits."""
    missing: int
    """Chunks before the first take: the input had not begun, or had stopped for a while."""
    takes: tuple[Take, ...]


@dataclass(slots=True)
class Rehearsal:
    """The last takes of one spare."""

    _takes: deque[Take] = field(default_factory=deque)

    def add(self, captured: Captured, now: Micros) -> None:
        """Take in what would have been a chunk."""
        self._takes.append(Take(captured, now))
        while self._takes[0].at < now - KEPT_US:
            self._takes.popleft()

    def is_running(self, now: Micros) -> bool:
        """Tell whether the input gives something."""
        return bool(self._takes) and now - self._takes[-1].at <= RUNNING_US

    def after(self, last: Chunk, epoch_us: Micros, now: Micros) -> Continuation:
        """Give what goes on after the source's last chunk, whose media time 0 was captured at `epoch_us` here."""
        duration_us = last.duration_us
        due = epoch_us + last.media_time_us + duration_us
        """When the last chunk was captured; the next is due a duration later."""
        skipped = max(0, now - due - RESYNC_US) // duration_us
        due += skipped * duration_us
        takes = tuple(one for one in self._takes if one.at > due + duration_us // 2)
        first = takes[0].at if takes else now
        missing = max(0, first - due - duration_us // 2) // duration_us
        return Continuation(skipped, missing, takes)


def epoch_of(backlog: Backlog) -> Micros | None:
    """Say when media time 0 was captured, on this machine's clock; None before anything was heard."""
    found = [held for back in range(LOOK_BACK) if (held := backlog.get(backlog.newest - back)) is not None]
    return min(map(_epoch_by, found), default=None)


def _epoch_by(held: Held) -> Micros:
    """Say the same by one chunk."""
    captured_at = held.arrived_at - min(held.age_us, AGE_US_MAX)
    return captured_at - held.chunk.media_time_us - held.chunk.duration_us
