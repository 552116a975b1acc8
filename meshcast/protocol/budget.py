"""Budgets: so much a second, and a burst (a token bucket); for one neighbour, or for everybody in a network.

A budget bounds what somebody else can make this side do: send chunks, check signatures, place joiners, begin handshakes.
What is beyond it is dropped, waits or ends a link; which of them, whoever draws decides.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from meshcast.protocol.limits import PULL_CHUNKS_BURST, PULL_CHUNKS_PER_SECOND
from meshcast.protocol.units import SECOND, Micros

Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class Budget:
    """What one neighbour may still draw; by default chunks beyond the live stream, against amplification."""

    at: Micros = 0
    per_second: int = PULL_CHUNKS_PER_SECOND
    burst: int = PULL_CHUNKS_BURST
    level_us: Micros = field(init=False)
    """What may be drawn, each as the time in which one is earned."""

    def __post_init__(self) -> None:
        """Begin with a whole burst."""
        self.level_us = self._full_us

    def draw(self, now: Micros, count: int = 1) -> bool:
        """Take so many, if they are there; all or none."""
        self._earn(now)
        wanted_us = count * (SECOND // self.per_second)
        if self.level_us < wanted_us:
            return False
        self.level_us -= wanted_us
        return True

    def next_at(self, now: Micros) -> Micros:
        """Say when one may be drawn: now, or later."""
        self._earn(now)
        return now + max(0, SECOND // self.per_second - self.level_us)

    @property
    def _full_us(self) -> Micros:
        return self.burst * SECOND // self.per_second

    def _earn(self, now: Micros) -> None:
        self.level_us = min(self._full_us, self.level_us + max(0, now - self.at))
        self.at = now


class Budgets(Generic[Name]):
    """One budget for each of many; those who drew longest ago are forgotten first, and begin with a whole burst."""

    def __init__(self, *, per_second: int, burst: int, names_max: int) -> None:
        self._per_second: Final = per_second
        self._burst: Final = burst
        self._names_max: Final = names_max
        self._of: Final[dict[Name, Budget]] = {}

    def __len__(self) -> int:
        return len(self._of)

    def draw(self, name: Name, now: Micros, count: int = 1) -> bool:
        """Take so many of somebody's budget, if they are there."""
        return self._budget(name, now).draw(now, count)

    def next_at(self, name: Name, now: Micros) -> Micros:
        """Say when somebody may draw one."""
        return self._budget(name, now).next_at(now)

    def forget(self, name: Name) -> None:
        """Let go of somebody who is gone."""
        self._of.pop(name, None)

    def _budget(self, name: Name, now: Micros) -> Budget:
        budget = self._of.pop(name, None) or Budget(now, self._per_second, self._burst)
        self._of[name] = budget
        if len(self._of) > self._names_max:
            del self._of[next(iter(self._of))]
        return budget
