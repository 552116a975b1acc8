"""What each peer on the stage had not received in time, at several delays at once, folded from its backlog as time goes on.

A chunk is in time at a delay if it came by its media time + this peer's earliest transit so far + the delay; that is
what playout at this delay would have needed, had sound begun at the earliest way there ever was (a stricter measure than
the peer's own playout, which keeps the base that it began with). Counting begins with the first chunk that is sent after
the peer was attached, and what was sent within the last seconds is not counted yet.
"""

from dataclasses import dataclass, field
from typing import Final

from bed.stage import Stage
from meshcast.protocol.limits import BACKLOG_US
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, Sequence

DELAYS_US: Final = (500 * MILLISECOND, SECOND, 2 * SECOND, 4 * SECOND)
RIPE_US: Final = 5 * SECOND
"""After this a chunk is in time or is not, at every delay: the longest, and a second of transit."""
FOLD_US_MAX: Final = 20 * SECOND
"""Fold at least so often: a backlog holds only the last half minute."""

assert DELAYS_US[-1] < RIPE_US
assert FOLD_US_MAX + RIPE_US < BACKLOG_US


@dataclass(slots=True)
class Score:
    """Chunks that were due, and how many of them had not come, for each of `DELAYS_US`."""

    due: int = 0
    missing: list[int] = field(default_factory=lambda: [0] * len(DELAYS_US))

    def missing_at(self, delay_us: Micros) -> int:
        """Give how many were missing at one of the delays."""
        return self.missing[DELAYS_US.index(delay_us)]

    def ppm(self, delay_us: Micros) -> float:
        """Give the missing of a million."""
        return 1e6 * self.missing_at(delay_us) / self.due if self.due else 0.0

    def add(self, other: "Score") -> None:
        """Add another's counts."""
        self.due += other.due
        self.missing = [one + more for one, more in zip(self.missing, other.missing, strict=True)]


class Ear:
    """One peer's."""

    def __init__(self, peer: PeerMachine) -> None:
        self._peer = peer
        self._base_us: Micros | None = None
        self._next: Sequence = peer.backlog.newest + 1

    def fold(self, until: Sequence) -> Score:
        """Count what has not been counted, up to and with this chunk."""
        score = Score()
        numbers = range(self._next, until + 1)
        held = [self._peer.backlog.get(number) for number in numbers]
        came = [one.arrived_at - one.chunk.media_time_us if one is not None else None for one in held]
        known = [transit for transit in (*came, self._base_us) if transit is not None]
        if known:
            self._base_us = min(known)
        for transit in came:
            late_us = None if transit is None or self._base_us is None else transit - self._base_us
            score.due += 1
            for number, delay_us in enumerate(DELAYS_US):
                score.missing[number] += late_us is None or late_us > delay_us
        self._next = max(self._next, until + 1)
        return score

    def skip(self, until: Sequence) -> None:
        """Leave out what has not been counted, up to and with this chunk."""
        self._next = max(self._next, until + 1)


class Ears:
    """Those of all peers on a stage that hear; who has gone is nobody's loss."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ears: dict[str, Ear] = {}

    def listen(self) -> None:
        """Begin to count for those who have come to hear since the last time; forget who has gone."""
        here = {one.name: one.peer for one in self._stage.peers()}
        self._ears = {name: ear for name, ear in self._ears.items() if name in here}
        for name, peer in here.items():
            if name not in self._ears and peer.uplink.parent is not None and peer.playout.is_audible:
                self._ears[name] = Ear(peer)

    def fold(self, until: Sequence | None = None) -> Score:
        """Count what is ripe, or what was sent up to a chunk that is."""
        self.listen()
        last = self.ripe if until is None else until
        total = Score()
        for ear in self._ears.values():
            total.add(ear.fold(last))
        return total

    def skip(self, until: Sequence) -> None:
        """Leave out for everybody what was sent up to and with this chunk."""
        for ear in self._ears.values():
            ear.skip(until)

    @property
    def newest(self) -> Sequence:
        """Give the chunk that the source sent last."""
        return self._stage.actors["source"].source.backlog.newest

    @property
    def ripe(self) -> Sequence:
        """Give the last chunk that is in time by now, or is not."""
        chunk_us = self._stage.actors["source"].source.programme.chunk_us
        return self.newest - RIPE_US // chunk_us
