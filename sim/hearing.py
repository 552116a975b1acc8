"""What one listener missed, counted as time goes on and in little memory.

A chunk is *missing* at a delay if it had not come by its media time + this listener's earliest transit so far + the delay.
Arrivals are kept for ten seconds and then folded into counts, so a crowd of ten thousand costs a hundred numbers a head.
Counting begins with the first live chunk and ends when the listener goes: what was not due by then is nobody's loss. A
broadcaster that begins a new run ends one stretch of listening and begins another, and so does a machine that slept. Only
what the source has really sent counts as an arrival; what others made up is counted apart.
"""

from typing import Final

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.events import ChunkReceived
from meshcast.protocol.units import SECOND, Micros, Sequence
from sim.metrics import Broadcast, Ear
from sim.process import NEVER
from sim.scenario import DELAYS_US

FOLD_US: Final = 10 * SECOND
"""What is younger may still come, or be shown late by a shorter way."""
PLAYED_MAX: Final = 512
PLAYED_KEPT: Final = 16
"""The end of what was played is enough to see that it only grows."""
LEAST_US: Final = DELAYS_US[0]
MOST_US: Final = DELAYS_US[-1]


class Hearing(Ear):
    """One listener's ear, with a short memory."""

    __slots__ = (
        "_base_us",
        "_broadcast",
        "_next",
        "_runs",
        "_since",
        "due",
        "forged",
        "missing",
        "played_forged",
    )

    def __init__(self, runs: dict[int, Broadcast]) -> None:
        """`runs` are the broadcaster's runs by number; more may come."""
        super().__init__()
        self._runs = runs
        self._broadcast = next(iter(runs.values()))
        self._base_us: Micros = NEVER
        self._next: Sequence = 0
        """The first that is not yet counted; 0 before a stretch begins."""
        self._since: Micros = 0
        """What was sent before does not begin a stretch."""
        self.due = 0
        """Chunks that were due and are counted."""
        self.missing = [0] * len(DELAYS_US)
        self.forged: list[ChunkReceived] = []
        """The first few that came and were not the source's."""
        self.played_forged = 0

    @property
    def has_heard(self) -> bool:
        """Has it heard anything at all?"""
        return bool(self._next or self.due)

    def hear(self, event: ChunkReceived, now: Micros) -> None:
        """Take in a chunk."""
        chunk = event.chunk
        sequence = chunk.sequence
        if sequence in self.arrivals and chunk.run == self._broadcast.run:
            return
        if chunk.run != self._broadcast.run:
            self._run_of(chunk, now)
        if not self._is_sent(self._broadcast, chunk):
            if not self._was_sent(chunk) and len(self.forged) < PLAYED_KEPT:
                self.forged.append(event)
            return
        if sequence < self._next:
            return
        self.arrivals[sequence] = now
        if not event.is_refill:
            transit_us = now - chunk.media_time_us
            self._base_us = min(self._base_us, transit_us)
            if not self._next and self._broadcast.sent_at[sequence] >= self._since:
                self._next = sequence

    def play(self, chunk: Chunk) -> None:
        """Take in what is handed to the player."""
        if not self._was_sent(chunk):
            self.played_forged += 1
        self.played.append(chunk.sequence)

    def conceal(self, sequence: Sequence, now: Micros) -> None:
        """Nothing is remembered of it: what was missing is counted by arrivals."""

    def fold(self, now: Micros) -> None:
        """Count what is older than ten seconds, and forget it."""
        if self._next:
            until = self._last_due(now - FOLD_US + MOST_US, MOST_US)
            self._count(until, now, self.missing)
            self.due += max(0, until + 1 - self._next)
            arrivals = self.arrivals
            for sequence in [one for one in arrivals if one <= until]:
                del arrivals[sequence]
            self._next = max(self._next, until + 1)
        if len(self.played) > PLAYED_MAX:
            del self.played[:-PLAYED_KEPT]

    def so_far(self, now: Micros) -> tuple[int, list[int]]:
        """Give chunks due and missing, of all that has had its four seconds by now."""
        missing = list(self.missing)
        if not self._next:
            return self.due, missing
        until = self._last_due(now, MOST_US)
        self._count(until, now, missing)
        return self.due + max(0, until + 1 - self._next), missing

    def end_stretch(self, now: Micros, *, again_at: Micros = NEVER) -> None:
        """Count what was due until now; listen again to what is sent from `again_at` on."""
        if self._next:
            until = self._last_due(now, LEAST_US)
            self._count(until, now, self.missing)
            self.due += max(0, until + 1 - self._next)
        self.arrivals.clear()
        self._base_us, self._next, self._since = NEVER, 0, again_at

    # ---- details

    def _last_due(self, now: Micros, delay_us: Micros) -> Sequence:
        """Give the last chunk of this run that is due at this delay by now."""
        last = (now - self._base_us - delay_us) // self._broadcast.chunk_us + 1
        return min(last, self._broadcast.newest)

    def _count(self, until: Sequence, now: Micros, missing: list[int]) -> None:
        """Add what is missing up to this chunk, at each delay at which it was due by now."""
        arrivals, chunk_us = self.arrivals, self._broadcast.chunk_us
        due_at = self._base_us + (self._next - 1) * chunk_us
        for sequence in range(self._next, until + 1):
            late_us = arrivals.get(sequence, NEVER) - due_at
            if late_us > LEAST_US:
                for number, delay_us in enumerate(DELAYS_US):
                    missing[number] += late_us > delay_us and due_at + delay_us <= now
            due_at += chunk_us

    def _run_of(self, chunk: Chunk, now: Micros) -> None:
        """Go over to a chunk's run, if that is a later one."""
        other = self._runs.get(chunk.run)
        if other is not None and other.run > self._broadcast.run and self._is_sent(other, chunk):
            self.end_stretch(now, again_at=0)
            self.played.clear()
            self._broadcast = other

    def _was_sent(self, chunk: Chunk) -> bool:
        """Tell whether this was sent in any run: one that is over is no forgery."""
        other = self._runs.get(chunk.run)
        return other is not None and self._is_sent(other, chunk)

    @staticmethod
    def _is_sent(broadcast: Broadcast, chunk: Chunk) -> bool:
        """Tell whether this is the very chunk that was sent under its number."""
        chunks = broadcast.chunks
        return chunk.sequence < len(chunks) and chunks[chunk.sequence] is chunk
