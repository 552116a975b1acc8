"""How long to wait for chunks, chosen by how late they really come: `--delay auto`.

Lateness is counted from the earliest transit, as playout itself counts. Wanted is the lateness that one chunk in a thousand
of the last minutes exceeded, and what one repair of a lost chunk takes on top: so a loss is mended before it is heard. What
was repaired counts as late as it came. A chunk that comes after its time raises the wish at once to what would have
sufficed, and that wears off slowly. Both ways the playout follows in small steps; when nothing at all is there to be played
it waits for what comes instead of passing over it, which is the other way to grow.
"""

from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.holes import REORDER_US
from meshcast.protocol.limits import (
    CHUNK_US_MAX,
    LENGTHEN_EVERY_US,
    PLAYOUT_DELAY_US_AUTO_MAX,
    PLAYOUT_DELAY_US_DEFAULT,
    PLAYOUT_DELAY_US_MIN,
    PLAYOUT_STEP_US,
    PULL_US_MIN,
    SHORTEN_EVERY_US,
)
from meshcast.protocol.units import MINUTE, SECOND, Micros

BIN_US: Final = 5_000
"""Latenesses are counted by bins of 5 ms."""
BINS: Final = PLAYOUT_DELAY_US_AUTO_MAX // BIN_US + 1
HALF_WINDOW_US: Final = 2 * MINUTE
"""Counted are between two and four minutes: 1,200 chunks of 100 ms at the least, so that one in a thousand is one."""
EXCEEDED_ONE_IN: Final = 1_000
EVIDENCE_CHUNKS_MIN: Final = 100
"""Ten seconds of 100 ms chunks; before that the delay only grows."""
WEARS_OFF_US_PER_SECOND: Final = PLAYOUT_STEP_US
"""A late chunk counts for less and less: by 10 ms a second."""


@dataclass(slots=True)
class Latenesses:
    """Counts of one stretch of time."""

    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    count: int = 0
    highest: int = 0
    """No bin above this one has any."""

    def add(self, lateness_us: Micros) -> None:
        """Count one; what is beyond the greatest delay is as late as can be counted."""
        number = min(max(0, lateness_us) // BIN_US, BINS - 1)
        self.bins[number] += 1
        self.count += 1
        self.highest = max(self.highest, number)


class DelayChooser:
    """Chooses the delay of one listener; who plays asks for `step_us` and follows it."""

    def __init__(self, start_us: Micros = PLAYOUT_DELAY_US_DEFAULT) -> None:
        """Want `start_us` while little is known."""
        self._start_us = start_us
        self._now = Latenesses()
        self._before = Latenesses()
        self._began_at: Micros | None = None
        self._repair_us: Micros = CHUNK_US_MAX
        self._late_us: Micros = 0
        self._late_at: Micros = 0
        self._settled_us: Micros | None = None
        """What the counts want; None when they have changed since."""
        self._changed_at: Micros | None = None

    def heard(self, lateness_us: Micros, chunk_us: Micros, rtt_us: Micros, now: Micros) -> None:
        """Take in how late a chunk came, and what a repair would take: the next chunk, and a round trip and a half."""
        if self._began_at is None:
            self._began_at = now
        if now - self._began_at >= HALF_WINDOW_US:
            self._before, self._now, self._began_at = self._now, Latenesses(), now
        self._now.add(lateness_us)
        self._repair_us = chunk_us + REORDER_US + max(PULL_US_MIN, rtt_us + rtt_us // 2)
        self._settled_us = None

    def came_late(self, lateness_us: Micros, now: Micros) -> None:
        """Take in that a chunk came after its time: so long would have sufficed, and a step for luck."""
        needed_us = lateness_us + PLAYOUT_STEP_US
        if lateness_us <= PLAYOUT_DELAY_US_AUTO_MAX and needed_us >= self._late_wish_us(now):
            self._late_us, self._late_at = needed_us, now

    def wanted_us(self, now: Micros) -> Micros:
        """Give the delay to aim at."""
        return min(max(self.settled_us, self._late_wish_us(now)), PLAYOUT_DELAY_US_AUTO_MAX)

    @property
    def settled_us(self) -> Micros:
        """Give the delay that the counts alone want, within its bounds."""
        if self._settled_us is None:
            self._settled_us = self._counted_us()
        return min(max(self._settled_us, PLAYOUT_DELAY_US_MIN), PLAYOUT_DELAY_US_AUTO_MAX)

    def step_us(self, delay_us: Micros, chunk_us: Micros, now: Micros) -> Micros:
        """Say by how much the chunk that is played now is to be longer or shorter; mostly 0."""
        since_us = now - self._changed_at if self._changed_at is not None else SHORTEN_EVERY_US
        wanted_us = self.wanted_us(now)
        step_us = 0
        if wanted_us >= delay_us + PLAYOUT_STEP_US and since_us >= LENGTHEN_EVERY_US:
            most_us = max(PLAYOUT_STEP_US, chunk_us // 5)
            step_us = min(most_us, wanted_us - delay_us) // PLAYOUT_STEP_US * PLAYOUT_STEP_US
        elif wanted_us <= delay_us - 2 * PLAYOUT_STEP_US and since_us >= SHORTEN_EVERY_US:
            step_us = -PLAYOUT_STEP_US
        if step_us:
            self._changed_at = now
        return step_us

    def _late_wish_us(self, now: Micros) -> Micros:
        """Give what is left of the wish that a late chunk has raised."""
        return self._late_us - (now - self._late_at) * WEARS_OFF_US_PER_SECOND // SECOND

    def _counted_us(self) -> Micros:
        """Give the lateness that one in a thousand exceeds, and a repair; while little is known, what it began with."""
        count = self._now.count + self._before.count
        if count < EVIDENCE_CHUNKS_MIN:
            return self._start_us
        left = count // EXCEEDED_ONE_IN
        for number in range(max(self._now.highest, self._before.highest), -1, -1):
            left -= self._now.bins[number] + self._before.bins[number]
            if left < 0:
                return (number + 1) * BIN_US + self._repair_us
        raise AssertionError("there are as many as were counted")
