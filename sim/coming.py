"""When listeners come and how long they stay, drawn from a scenario's laws."""

import math
from collections.abc import Iterator
from random import Random

from meshcast.protocol.units import SECOND, Micros
from sim.scenario import Curve, Law, Scenario, Sessions


def changes(scenario: Scenario, chance: Random) -> list[tuple[Micros, int]]:
    """Give when the crowd becomes one greater (+1) or smaller (-1), in order of time."""
    drawn: list[tuple[Micros, int]] = []
    for wave in scenario.waves:
        drawn += [(wave.at_us + chance.randrange(max(1, wave.over_us)), 1) for _ in range(wave.peers)]
    if scenario.curve is not None:
        drawn += _along(scenario.curve)
    return sorted(drawn)


def session_us(sessions: Sessions, chance: Random) -> Micros | None:
    """Draw how long one listener stays; None: until the end."""
    match sessions.law:
        case Law.FOREVER:
            return None
        case Law.LOG_NORMAL:
            return round(sessions.median_us * math.exp(chance.gauss(0.0, sessions.sigma)))
        case Law.EXPONENTIAL:
            return round(chance.expovariate(math.log(2.0)) * sessions.median_us)
        case Law.PARETO:
            least_us = sessions.median_us / math.pow(2.0, 1.0 / sessions.alpha)
            return min(round(least_us * chance.paretovariate(sessions.alpha)), 10**9 * SECOND)
        case Law.TRACE:
            return chance.choice(sessions.trace_us)


def _along(curve: Curve) -> Iterator[tuple[Micros, int]]:
    """Follow straight lines between counts, one listener at a time."""
    before_at, before = 0, 0
    for at, count in curve.points:
        step = 1 if count > before else -1
        apart = abs(count - before)
        for number in range(apart):
            yield before_at + (at - before_at) * (number + 1) // apart, step
        before_at, before = at, count
