"""Links that are up, and since when nobody has needed them: the idle are closed, and there is a bound."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.effects import Effect, HangUp
from meshcast.protocol.limits import LINKS_MAX
from meshcast.protocol.units import SECOND, Micros, PeerId

IDLE_US: Final = 10 * SECOND
"""A link that nobody has needed for so long is closed."""


@dataclass(slots=True)
class Acquaintances:
    """The links of one machine, but for the tracker's."""

    since: dict[PeerId, Micros] = field(default_factory=dict)
    _sweep_at: Micros | None = None

    def met(self, peer: PeerId, now: Micros) -> bool:
        """Take in that a link is up; tell whether there is room for it."""
        if len(self.since) >= LINKS_MAX and peer not in self.since:
            return False
        self.since[peer] = now
        self._sweep_at = now + IDLE_US if self._sweep_at is None else self._sweep_at
        return True

    def gone(self, peer: PeerId) -> None:
        """Take in that a link is down."""
        self.since.pop(peer, None)

    def sweep(self, needs: Callable[[], dict[PeerId, None]], now: Micros) -> list[Effect]:
        """Close links that nobody has needed for a while; `needs` is asked only when it is time to."""
        if self._sweep_at is None or now < self._sweep_at:
            return []
        effects: list[Effect] = []
        needed = needs()
        for peer, since in list(self.since.items()):
            if peer in needed:
                self.since[peer] = now
            elif now - since >= IDLE_US:
                effects.append(HangUp(peer, "not needed"))
        self._sweep_at = now + IDLE_US if self.since else None
        return effects

    def deadline(self) -> Micros | None:
        """When is the next sweep?"""
        return self._sweep_at

    def part(self) -> list[Effect]:
        """Close them all."""
        return [HangUp(peer, "leaving") for peer in self.since]
