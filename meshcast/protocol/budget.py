"""A neighbour's budget: so many chunks a second, and a burst (a token bucket), against amplification."""

from dataclasses import dataclass

from meshcast.protocol.limits import PULL_CHUNKS_BURST, PULL_CHUNKS_PER_SECOND
from meshcast.protocol.units import SECOND, Micros


@dataclass(slots=True)
class Budget:
    """What one neighbour may still draw."""

    level_us: Micros = PULL_CHUNKS_BURST * SECOND // PULL_CHUNKS_PER_SECOND
    """Chunks that may be drawn, each as the time in which one is earned."""
    at: Micros = 0

    def draw(self, now: Micros) -> bool:
        """Take one chunk, if there is one left."""
        full_us = PULL_CHUNKS_BURST * SECOND // PULL_CHUNKS_PER_SECOND
        self.level_us = min(full_us, self.level_us + max(0, now - self.at))
        self.at = now
        one_us = SECOND // PULL_CHUNKS_PER_SECOND
        if self.level_us < one_us:
            return False
        self.level_us -= one_us
        return True
