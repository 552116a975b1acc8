"""What a machine's clock shows: an origin of its own, a drift, and no progress while its lid is closed.

A monotonic clock counts from wherever it likes, runs some parts per million fast or slow, and stands still in a suspended
machine. Machines see nothing else; the world's time is the simulator's alone.
"""

from typing import Final

from meshcast.protocol.units import Micros

MILLION: Final = 1_000_000
DRIFT_PPM_MAX: Final = 100
"""Crystals are sold at up to 50 parts per million, and age; NTP's own bound is 500 (RFC 5905, 4)."""


class Clock:
    """One machine's monotonic clock."""

    __slots__ = ("_drift_ppm", "_offset_us")

    def __init__(self, offset_us: Micros = 0, drift_ppm: int = 0) -> None:
        self._offset_us = offset_us
        self._drift_ppm = drift_ppm

    def shows(self, now: Micros) -> Micros:
        """Say what it shows at a moment of the world's time."""
        return now + self._offset_us + now * self._drift_ppm // MILLION

    def comes_at(self, shown: Micros) -> Micros:
        """Say when, in the world's time, it shows this, or first shows something later."""
        when = (shown - self._offset_us) * MILLION // (MILLION + self._drift_ppm)
        while self.shows(when) < shown:
            when += 1
        while self.shows(when - 1) >= shown:
            when -= 1
        return when

    def stand_still(self, duration_us: Micros) -> None:
        """Take in that the machine was suspended for so long."""
        self._offset_us -= duration_us
