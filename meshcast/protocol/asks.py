"""Requests to be adopted that are under way: each with a counter of its own, and good for one second."""

from dataclasses import dataclass, field

from meshcast.protocol.limits import ACCEPT_AGE_US_MAX
from meshcast.protocol.machine import earliest
from meshcast.protocol.units import Micros, PeerId


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    peer: PeerId
    at: Micros

    def is_answered_in_time(self, now: Micros) -> bool:
        """Tell whether an answer still counts: whoever gives it later may have raised its rank since."""
        return now - self.at <= ACCEPT_AGE_US_MAX


@dataclass(slots=True)
class Asks:
    """Those of one peer."""

    counter: int = 0
    """How often it has asked: its version of where it hangs."""
    when_up: dict[PeerId, None] = field(default_factory=dict)
    """Whom to ask as soon as the link is up."""
    has_slept: bool = False
    """What came while this machine slept is of no use to anybody, but for what is still to be played."""
    _under_way: dict[int, Asked] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(self, peer: PeerId, now: Micros) -> int:
        """Enter a request; give its counter."""
        self.counter += 1
        self._under_way[self.counter] = Asked(peer, now)
        return self.counter

    def take(self, counter: int, peer: PeerId) -> Asked | None:
        """Take back the request that this peer answers; nobody answers for another."""
        asked = self._under_way.get(counter)
        return self._under_way.pop(counter) if asked is not None and asked.peer == peer else None

    def gone(self, peer: PeerId) -> None:
        """Drop what was asked of a peer whose link is gone."""
        self.when_up.pop(peer, None)
        self._under_way = {counter: one for counter, one in self._under_way.items() if one.peer != peer}

    def expire(self, now: Micros) -> None:
        """Drop what has not been answered in time."""
        for counter in [one for one, asked in self._under_way.items() if not asked.is_answered_in_time(now)]:
            del self._under_way[counter]

    def clear(self) -> None:
        """Drop everything: whoever else was asked, or is being dialled to be asked, is not needed any more."""
        self._under_way.clear()
        self.when_up.clear()
        self.has_slept = False

    @property
    def peers(self) -> list[PeerId]:
        """Give whom something is asked of, or will be."""
        return [*self.when_up, *(asked.peer for asked in self._under_way.values())]

    def deadline(self) -> Micros | None:
        """When is the next one too old?"""
        return earliest(*(asked.at + ACCEPT_AGE_US_MAX + 1 for asked in self._under_way.values()))
