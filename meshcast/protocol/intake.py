"""Which chunks are taken in: of the present run, new, and signed. The rest is counted, and forgers are named."""

import enum
from dataclasses import dataclass

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.chunk import Chunk
from meshcast.protocol.limits import BACKLOG_US
from meshcast.protocol.sources import Sources
from meshcast.protocol.tally import Tally
from meshcast.protocol.units import Micros, Sequence


class Verdict(enum.Enum):
    """What a chunk is."""

    NEW = "new"
    KNOWN = "known"
    """The very bytes that are held already."""
    STRAY = "stray"
    FORGED = "forged"


@dataclass(slots=True)
class Intake:
    """Checks chunks before anything else sees them."""

    backlog: Backlog
    sources: Sources
    tally: Tally
    start: Sequence = 0
    """The newest chunk when the tracker placed this peer: what is a backlog older than that is a replay."""

    def judge(self, chunk: Chunk) -> Verdict:
        """Say what a chunk is; the signature is checked last, for it costs the most."""
        if not self.sources.knows(chunk) or chunk.sequence <= self.start - BACKLOG_US // chunk.duration_us:
            self.tally.strays += 1
            return Verdict.STRAY
        held = self.backlog.get(chunk.sequence)
        if held is not None and held.chunk.signed == chunk.signed:
            self.tally.duplicates += 1
            return Verdict.KNOWN
        if held is None and not self.backlog.is_new(chunk):
            self.tally.strays += 1
            return Verdict.STRAY
        if not self.sources.is_genuine(chunk):
            self.tally.forged += 1
            return Verdict.FORGED
        self.tally.verified += 1
        if held is None:
            return Verdict.NEW
        self._prefer_the_later(held, chunk)
        return Verdict.KNOWN

    def keep(self, chunk: Chunk, now: Micros, age_us: Micros) -> Held:
        """Put a new chunk into the backlog."""
        self.backlog.add(chunk, now, age_us)
        self.sources.seen(chunk)
        held = self.backlog.get(chunk.sequence)
        assert held is not None, "a chunk that is new is above the floor"
        return held

    def _prefer_the_later(self, held: Held, chunk: Chunk) -> None:
        """Keep what a later generation says under a number: the other is refused by whoever asks for it from now on."""
        if chunk.generation > held.chunk.generation:
            self.backlog.replace(chunk)
            self.sources.seen(chunk)
