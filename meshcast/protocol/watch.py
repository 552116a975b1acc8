"""Is my parent there? It is, as long as it brings new chunks: beats, and chunks known before, prove nothing."""

from dataclasses import dataclass, field

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.doubts import Doubts
from meshcast.protocol.limits import CHUNK_US_MAX, STALLED_EVERY_US, STALLED_FRESH_US, silence_us
from meshcast.protocol.units import Micros, Sequence

JITTER_SHARE = 16
"""Weight of a new deviation in the running estimate (RFC 3550, 6.4.1)."""


@dataclass(slots=True)
class Watch:
    """Watches one parent, from the moment of its Accept."""

    heard_at: Micros
    newest: Sequence
    """The newest chunk that this parent has brought, or said that it had when it accepted."""
    chunk_us: Micros = CHUNK_US_MAX
    doubts: Doubts = field(default_factory=Doubts)
    jitter_us: Micros = 0
    transit_us: Micros | None = None
    stalled_at: Micros | None = None
    """When the parent last said that nothing comes to it either."""
    stalled_since: Micros | None = None
    silence_us: Micros = field(init=False)
    """How long the parent may be silent."""

    def __post_init__(self) -> None:
        self._set_silence(self.heard_at)

    def heard(self, chunk: Chunk, now: Micros, *, live: bool) -> None:
        """Take in a chunk from this parent; only a live one says something about jitter."""
        if chunk.sequence <= self.newest:
            return
        self.newest, self.heard_at, self.chunk_us = chunk.sequence, now, chunk.duration_us
        self.stalled_at = self.stalled_since = None
        if live:
            transit_us = now - chunk.media_time_us
            if self.transit_us is not None:
                self.jitter_us += (abs(transit_us - self.transit_us) - self.jitter_us) // JITTER_SHARE
            self.transit_us = transit_us
        self._set_silence(now)

    def stalled(self, now: Micros) -> None:
        """Take in the parent's word that nothing comes to it either."""
        self.stalled_at = now
        if self.stalled_since is None:
            self.stalled_since = now

    @property
    def excused_until(self) -> Micros:
        """Until when does the parent's word that it is stalled hold? 0 if it has not said so."""
        return 0 if self.stalled_at is None else self.stalled_at + STALLED_FRESH_US

    def is_excused(self, now: Micros) -> bool:
        """Has the parent said lately that it is stalled?"""
        return now < self.excused_until

    def deadline(self) -> Micros:
        """When is the parent given up, unless it says that it is stalled?"""
        return max(self.heard_at + self.silence_us, self.excused_until)

    def _set_silence(self, now: Micros) -> None:
        """Work out how long the parent may be silent."""
        self.silence_us = silence_us(self.chunk_us, self.jitter_us, is_wary=self.doubts.is_wary(now))

    def notice_from(self) -> Micros:
        """From when on are one's own children told? At half of the threshold: at the threshold half of them leave."""
        return self.heard_at + max(self.silence_us // 2, STALLED_EVERY_US)
