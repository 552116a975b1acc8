"""How long listeners stay and how they go, drawn once for both fidelities.

The *n*-th listener that comes, whatever for, takes the *n*-th length and the *n*-th way to go. So both fidelities give the
same listeners the same lives, whether they draw one at a time or a million at once: the streams of numpy yield the same
numbers in pieces as in one go. Lengths are whole milliseconds, which leaves out the last bits in which processors may
differ.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.arrivals import Times
from sim.chance import generator
from sim.scenario import Law, Scenario, Sessions

FOREVER_US: Final[Micros] = 1 << 60
"""The length of a session that does not end: later than every run, and safe to add to a time."""
LENGTH_US_MAX: Final[Micros] = 10**9 * SECOND
"""Heavy tails end somewhere: thirty years."""
PIECE: Final = 1024
"""Lengths that are drawn at once for whoever takes them one by one."""


class Stays:
    """The lives of the listeners of one run, in the order in which they come."""

    def __init__(self, scenario: Scenario, seed: int | str) -> None:
        self._sessions = scenario.sessions
        self._lengths = generator(seed, "session lengths")
        self._endings = generator(seed, "endings")
        self._piece: list[tuple[Micros, bool]] = []

    def take(self, count: int) -> tuple[Times, npt.NDArray[np.bool_]]:
        """Give the lengths of the next listeners' sessions, and whether each ends in a crash."""
        crashes = self._endings.random(count) < self._sessions.crashing
        return _lengths(self._sessions, self._lengths, count), crashes

    def draw(self) -> tuple[Micros | None, bool]:
        """Give the length of the next listener's session (None: to the end), and whether it ends in a crash."""
        if not self._piece:
            lengths, crashes = self.take(PIECE)
            self._piece = list(zip(lengths.tolist(), crashes.tolist(), strict=True))[::-1]
        length_us, is_crash = self._piece.pop()
        return (None if length_us == FOREVER_US else length_us), is_crash


def session_lengths(scenario: Scenario, seed: int | str, count: int) -> Times:
    """Give how long the first `count` listeners stay; `FOREVER_US`: to the end."""
    return Stays(scenario, seed).take(count)[0]


def _lengths(sessions: Sessions, chance: np.random.Generator, count: int) -> Times:
    """Draw lengths by a law; each law's parameter is its median."""
    match sessions.law:
        case Law.FOREVER:
            return np.full(count, FOREVER_US, np.int64)
        case Law.TRACE:
            places = np.floor(chance.random(count) * len(sessions.trace_us)).astype(np.int64)
            return np.array(sessions.trace_us, np.int64)[places]
        case Law.LOG_NORMAL:
            drawn = sessions.median_us * np.exp(sessions.sigma * chance.standard_normal(count))
        case Law.EXPONENTIAL:
            drawn = sessions.median_us / math.log(2.0) * chance.standard_exponential(count)
        case Law.PARETO:
            least_us = sessions.median_us / math.pow(2.0, 1.0 / sessions.alpha)
            drawn = least_us * np.power(1.0 - chance.random(count), -1.0 / sessions.alpha)
    whole_ms = np.rint(np.minimum(drawn, LENGTH_US_MAX) / MILLISECOND).astype(np.int64)
    return np.asarray(whole_ms * MILLISECOND, np.int64)
