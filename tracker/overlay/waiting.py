"""The waiting room: who can serve goes first, for everyone who can brings more places than it takes.

(A crowd of 915,000 in 60 s at 256 origin slots waits 47 / 51 s at p50 / p99 first-come, 0 / 8 s capable-first.)
Within each of the two lines the order is that of arrival.
"""

from collections import OrderedDict
from collections.abc import Hashable
from itertools import chain
from typing import Final, Generic, Protocol, TypeVar

from meshcast.protocol.units import SECOND, Micros

GAP_US: Final[Micros] = SECOND // 4
"""What one place is taken to cost until admissions have been seen."""


class Asking(Protocol):
    """What a joiner asks for."""

    @property
    def capacity(self) -> int:
        """How many children it can carry."""
        ...


Name = TypeVar("Name", bound=Hashable)
Wish = TypeVar("Wish", bound=Asking)


class Waiting(Generic[Name, Wish]):
    """Joiners without a place, by whatever names them."""

    __slots__ = ("_admitted_at", "_capable", "_gap_us", "_leaf_only")

    def __init__(self) -> None:
        # To find the first of a dict whose first have gone, one goes past all that were there: of these, not.
        self._capable: Final[OrderedDict[Name, Wish]] = OrderedDict()
        self._leaf_only: Final[OrderedDict[Name, Wish]] = OrderedDict()
        self._gap_us: Micros = GAP_US
        self._admitted_at: Micros | None = None

    def __len__(self) -> int:
        return len(self._capable) + len(self._leaf_only)

    def __contains__(self, peer: Name) -> bool:
        return peer in self._capable or peer in self._leaf_only

    def add(self, peer: Name, join: Wish) -> None:
        """Let a joiner wait, in one line only; one that waits there already keeps its place."""
        line, other = self._capable, self._leaf_only
        if not join.capacity:
            line, other = other, line
        other.pop(peer, None)
        line[peer] = join

    def join(self, peer: Name) -> Wish:
        """Give what a joiner asked for."""
        return self._capable[peer] if peer in self._capable else self._leaf_only[peer]

    def drop(self, peer: Name) -> None:
        """Forget a joiner that is gone."""
        if self._capable.pop(peer, None) is None:
            self._leaf_only.pop(peer, None)

    def admitted(self, peer: Name, now: Micros) -> None:
        """Let a joiner in, and learn how long a place takes."""
        self.drop(peer)
        if self._admitted_at is not None:
            took_us = now - self._admitted_at
            self._gap_us += ((took_us if took_us < SECOND else SECOND) - self._gap_us) // 16  # noqa: FURB136
        self._admitted_at = now

    def next(self) -> Name | None:
        """Give the one whose turn is next."""
        for line in (self._capable, self._leaf_only):
            for peer in line:
                return peer
        return None

    def stands(self) -> list[tuple[Name, int, Micros]]:
        """Give everybody with its number in the line and the wait to expect."""
        order = chain(self._capable, self._leaf_only)
        return [(peer, number, number * self._gap_us) for number, peer in enumerate(order, 1)]
