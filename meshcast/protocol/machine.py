"""The shape of every machine: it is told what happened and when, and says what it wants done and when to wake it."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from meshcast.protocol.effects import Effect
from meshcast.protocol.events import Event
from meshcast.protocol.units import Micros


class Machine(Protocol):
    """A pure machine: no clock, no chance and no socket of its own."""

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in one event at `now` and return its consequences, in order."""
        ...

    def deadline(self) -> Micros | None:
        """When must `Tick` come, if nothing else happens before? May lie in the past: then at once."""
        ...


Dice: TypeAlias = Callable[[int], int]
"""`dice(n)`: a whole number in 0..n-1, from a seeded source that is passed in."""


def earliest(*deadlines: Micros | None) -> Micros | None:
    """Take the minimum of the deadlines there are."""
    first: Micros | None = None
    for one in deadlines:
        if one is not None and (first is None or one < first):
            first = one
    return first
