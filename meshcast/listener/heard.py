"""What a listener heard: counted as it is handed to the player, for the report."""

from dataclasses import dataclass, field

from meshcast.protocol.chunk import Flag
from meshcast.protocol.effects import Bridge, Conceal, Play
from meshcast.protocol.units import MILLISECOND, Micros

DELAYS_MAX = 1_000_000
"""Chunks whose delay is remembered: a day and more."""


@dataclass(slots=True)
class Heard:
    """Counts from the first sound on."""

    played_us: Micros = 0
    concealed_us: Micros = 0
    concealed_chunks: int = 0
    longest_gap_us: Micros = 0
    forged_chunks: int = 0
    """Chunks that were played though nobody had signed them: audited here once more, and always 0."""
    standby_us: Micros = 0
    """Of what was played: the standby programme, while the host was away."""
    delays_us: list[Micros] = field(default_factory=list)
    _gap_us: Micros = 0

    def play(self, effect: Play, *, is_genuine: bool) -> None:
        """Count a chunk that was there when it was due."""
        self.forged_chunks += not is_genuine
        self.played_us += effect.chunk.duration_us
        if effect.chunk.flags & Flag.STANDBY:
            self.standby_us += effect.chunk.duration_us
        self._gap_us = 0
        if len(self.delays_us) < DELAYS_MAX:
            self.delays_us.append(effect.age_us)

    def conceal(self, effect: Conceal) -> None:
        """Count a chunk that was not."""
        self.concealed_chunks += 1
        self._invent(effect.duration_us)

    def bridge(self, effect: Bridge) -> None:
        """Count what was invented while nothing was missing yet."""
        self._invent(effect.duration_us)

    def _invent(self, duration_us: Micros) -> None:
        """Count sound that nobody sent."""
        self.concealed_us += duration_us
        self._gap_us += duration_us
        self.longest_gap_us = max(self.longest_gap_us, self._gap_us)

    @property
    def ratio(self) -> float:
        """The share of the programme that was heard after the first sound; 0 before."""
        total_us = self.played_us + self.concealed_us
        return self.played_us / total_us if total_us else 0.0

    def delay_ms(self, percentile: int) -> float | None:
        """How far behind the source sound was handed to the player."""
        if not self.delays_us:
            return None
        order = sorted(self.delays_us)
        return round(order[min(len(order) - 1, len(order) * percentile // 100)] / MILLISECOND, 1)
