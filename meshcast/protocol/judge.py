"""Is my parent worth keeping? Withholding and delaying are judged by what others have.

A parent is left for over 5 % loss on its own link (chunks that it had and did not bring) in a window of 5 s, or when a
standby is 300 ms ahead in two beats, 5 s apart. Ages in hop headers are not believed for this: a parent writes them.
"""

from dataclasses import dataclass

from meshcast.protocol.limits import BEAT_EVERY_US, EXCESS_US_MAX, JUDGE_US, LOSS_PER_MILLE_MAX
from meshcast.protocol.standbys import Standby
from meshcast.protocol.units import Micros, Sequence

CHUNKS_MIN = 20
"""Fewer chunks than this in a window prove nothing."""
LAGGING_BEATS_MAX = 2
LAGGING_APART_US = BEAT_EVERY_US // 2
"""Beats closer together than this count once: some are sent on a change."""


@dataclass(slots=True)
class Judge:
    """Counts what one parent brought and what it did not."""

    since: Micros
    brought: int = 0
    withheld: int = 0
    _lag_at: Micros | None = None

    def verdict(self, now: Micros) -> bool:
        """At the end of a window: is the loss too great? Begins the next window."""
        total = self.brought + self.withheld
        is_bad = total >= CHUNKS_MIN and self.withheld * 1000 > LOSS_PER_MILLE_MAX * total
        self.since, self.brought, self.withheld = now, 0, 0
        return is_bad

    def deadline(self) -> Micros:
        """When does the window end?"""
        return self.since + JUDGE_US

    def compare(self, standby: Standby, newest: Sequence, chunk_us: Micros, now: Micros) -> bool:
        """Take in a standby's beat: has it been well ahead for long enough to go over to it?"""
        if (standby.newest - newest) * chunk_us <= EXCESS_US_MAX:
            standby.lagging_beats = 0
            return False
        if standby.lagging_beats == 0 or self._lag_at is None or now - self._lag_at >= LAGGING_APART_US:
            standby.lagging_beats += 1
            self._lag_at = now
        return standby.lagging_beats >= LAGGING_BEATS_MAX
