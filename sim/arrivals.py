"""When listeners come: the waves and the curve of a scenario, as times that both fidelities share.

A *wave* is drawn: its listeners come at times spread evenly by chance over its stretch. A *curve* is followed: between two
of its points the count grows or shrinks along a straight line, one listener at a time, at times that are worked out and not
drawn. Whoever leaves by itself meanwhile is replaced (`sim.sessions`), so that the count stays on the curve.

Everything is drawn once, in arrays, and whoever wants one time after another reads from these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshcast.protocol.units import Micros
from sim.chance import generator
from sim.scenario import Curve, Scenario, Wave

Times: TypeAlias = npt.NDArray[np.int64]
"""Microseconds of simulated time, or lengths in them."""
Steps: TypeAlias = npt.NDArray[np.int8]
"""+1: one comes. -1: one of those who are there goes."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How the crowd grows and shrinks by itself: one entry a listener, in order of time."""

    at_us: Times
    steps: Steps


def changes(scenario: Scenario, seed: int | str) -> Changes:
    """Work out when one more comes (+1), or one of the crowd goes because the curve falls (-1)."""
    waves = [_wave(wave, seed, number) for number, wave in enumerate(scenario.waves)]
    parts = [(at, np.ones(len(at), np.int8)) for at in waves]
    if scenario.curve is not None:
        parts += _along(scenario.curve)
    at_us = np.concatenate([np.empty(0, np.int64), *(at for at, _ in parts)])
    steps = np.concatenate([np.empty(0, np.int8), *(steps for _, steps in parts)])
    # Stable, so that those who come in one microsecond come in the order of the scenario.
    order = np.argsort(at_us, kind="stable")
    return Changes(at_us[order], steps[order])


def arrival_times(scenario: Scenario, seed: int | str) -> Times:
    """Give when each of the listeners comes that replaces nobody, in order."""
    found = changes(scenario, seed)
    return found.at_us[found.steps > 0]


def count_at(curve: Curve, at: Micros) -> int:
    """Give how many listeners a curve wants at a moment; after its last point the count stays."""
    before_at, before = 0, 0
    for point_at, count in curve.points:
        if at < point_at:
            step = 1 if count > before else -1
            return before + step * (abs(count - before) * (at - before_at) // (point_at - before_at))
        before_at, before = point_at, count
    return before


class Arrivals:
    """The listeners of the waves one after another, and what the curve wants meanwhile."""

    def __init__(self, scenario: Scenario, seed: int | str) -> None:
        self._scenario = scenario
        self._seed = seed

    def __iter__(self) -> Iterator[Micros]:
        """Give the times at which the waves' listeners come, in order."""
        waves = [_wave(wave, self._seed, number) for number, wave in enumerate(self._scenario.waves)]
        times = np.concatenate([np.empty(0, np.int64), *waves])
        times.sort()
        return map(int, times)

    def changes(self) -> Iterator[tuple[Micros, int]]:
        """Give when one comes (+1) or goes (-1) because of waves and curve, in order."""
        found = changes(self._scenario, self._seed)
        return zip(map(int, found.at_us), map(int, found.steps), strict=True)

    def due(self, now: Micros, count: int) -> int:
        """Tell how many are to come now (or to go, if negative), with `count` of the curve's listeners there."""
        curve = self._scenario.curve
        return 0 if curve is None else count_at(curve, now) - count


def _wave(wave: Wave, seed: int | str, number: int) -> Times:
    """Draw when the listeners of one wave come, in order."""
    drawn = generator(seed, f"wave {number}").random(wave.peers)
    times = wave.at_us + np.floor(drawn * max(1, wave.over_us)).astype(np.int64)
    times.sort()
    return times


def _along(curve: Curve) -> Iterator[tuple[Times, Steps]]:
    """Follow straight lines between counts, one listener at a time."""
    before_at, before = 0, 0
    for at, count in curve.points:
        apart = abs(count - before)
        # Rounded up, so that nobody of this stretch comes before it begins.
        at_us = before_at - (before_at - at) * np.arange(1, apart + 1, dtype=np.int64) // max(1, apart)
        yield at_us, np.full(apart, 1 if count > before else -1, np.int8)
        before_at, before = at, count
