"""Manners towards the household: when delay rises on the uplink, less is offered, and more again when it is calm.

Somebody in the house uploads a film; the router's queue fills, and every packet that leaves here waits in it. Round trips to
several neighbours then rise together over their own minimum, as nothing far away could make them. That is LEDBAT's measure
(RFC 6817): delay over a base that is the least of the last ten minutes, and a target of 100 ms. LEDBAT slows one connection
down; here the bits are whole children, so the answer is slower and comes in steps: one place less every few seconds while
it lasts, one more for each half minute of calm. Between target and half of it nothing changes.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.limits import (
    COURTESY_CALM_US,
    COURTESY_PATIENCE_US,
    COURTESY_STEP_US,
    QUEUEING_US_TARGET,
)
from meshcast.protocol.units import MINUTE, Micros, PeerId

BASE_MINUTES: Final = 10


@dataclass(slots=True)
class Base:
    """The least round trip of one line in each of the last minutes (RFC 6817, 3.4.2)."""

    minutes: deque[tuple[int, Micros]] = field(default_factory=deque)

    def take(self, rtt_us: Micros, now: Micros) -> Micros:
        """Take in a round trip; give how much of it is over the least."""
        minute = now // MINUTE
        if self.minutes and self.minutes[-1][0] == minute:
            self.minutes[-1] = (minute, min(self.minutes[-1][1], rtt_us))
        else:
            self.minutes.append((minute, rtt_us))
        while self.minutes[0][0] <= minute - BASE_MINUTES:
            self.minutes.popleft()
        return rtt_us - min(least for _, least in self.minutes)


class Courtesy:
    """Of one household."""

    def __init__(self) -> None:
        self._bases: dict[PeerId, Base] = {}
        self.queueing_us: Micros = 0
        """By how much the round trips of most lines exceed their least."""
        self._limit: int | None = None
        """Places offered at most; None: as many as there are."""
        self._high_since: Micros | None = None
        self._calm_since: Micros | None = None
        self._step_at: Micros = 0

    def measured(self, round_trips: Iterable[tuple[PeerId, Micros]], now: Micros) -> None:
        """Take in the round trips of the lines that carry sound, about once a second."""
        measured = dict(round_trips)
        self._bases = {peer: self._bases.get(peer, Base()) for peer in measured}
        over = sorted(self._bases[peer].take(rtt_us, now) for peer, rtt_us in measured.items())
        # The lower median: more than half of the lines, and of two lines both, for one that is slow is its own affair.
        self.queueing_us = over[(len(over) - 1) // 2] if over else 0
        is_high, is_calm = self.queueing_us > QUEUEING_US_TARGET, self.queueing_us < QUEUEING_US_TARGET // 2
        self._high_since = (self._high_since or now) if is_high else None
        self._calm_since = (self._calm_since or now) if is_calm else None

    def places(self, most: int, children: int, now: Micros) -> int:
        """Say how many of `most` places to offer, with so many children now."""
        high_for = now - self._high_since if self._high_since is not None else 0
        calm_for = now - self._calm_since if self._calm_since is not None else 0
        if high_for >= COURTESY_PATIENCE_US and now >= self._step_at:
            limit = most if self._limit is None else min(self._limit, most)
            self._limit = max(0, min(limit, max(children, 1)) - 1)
            self._step_at = now + COURTESY_STEP_US
        elif self._limit is not None and calm_for >= COURTESY_CALM_US:
            self._limit += 1
            self._calm_since = now
            if self._limit >= most:
                self._limit = None
        return most if self._limit is None else min(self._limit, most)

    @property
    def is_yielding(self) -> bool:
        """Tell whether less is offered than there is room for."""
        return self._limit is not None
