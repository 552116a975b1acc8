"""Who was last heard when.

All leases of one kind are equally long, so that the order in which peers were heard is the order in which they expire:
a list for each kind, moved to its end at each sign of life, O(1). Peers restored from a snapshot, which have not been
heard at all, get the longer lease of grace.
"""

import enum
from array import array
from typing import Final

from meshcast.protocol.machine import earliest
from meshcast.protocol.units import Micros
from tracker.overlay.chains import Chains
from tracker.overlay.columns import END, growth, longer


class Lease(enum.IntEnum):
    """Which lease a peer has."""

    HEARD = 0
    GRACE = 1


NONE: Final = 255
_HEARD: Final = int(Lease.HEARD)
"""A plain number, which columns are read by faster than by members of an enum."""


class Leases:
    """The time of the last sign of life, for nodes by number."""

    def __init__(self, *, heard_us: Micros, grace_us: Micros) -> None:
        """Begin with nobody; a lease ends so long after the last sign of life, or after `touch(…, GRACE)`."""
        self._length_us: Final = (heard_us, grace_us)
        self._lanes: Final = Chains()
        self._lanes.grow(len(Lease), 0)
        self._heard_us = array("q")
        self._kind = bytearray()
        self._latest_us: Micros = 0

    def touch(self, node: int, now: Micros, kind: int = _HEARD) -> None:
        """Begin a peer's lease, a `Lease`, anew at `now`."""
        if node >= len(self._kind):
            self._grow(node + 1 - len(self._kind))
        # Lists stay in order even if a driver's clock should step back.
        if now < self._latest_us:  # noqa: PLR1730 - a call takes longer
            now = self._latest_us
        self._latest_us = self._heard_us[node] = now
        lanes = self._lanes
        before = self._kind[node]
        if before != NONE:
            lanes.remove(before, node)
        self._kind[node] = kind
        lanes.append(kind, node)

    def drop(self, node: int) -> None:
        """Forget a peer that left."""
        if node < len(self._kind) and self._kind[node] != NONE:
            self._lanes.remove(self._kind[node], node)
            self._kind[node] = NONE

    def heard_us(self, node: int) -> Micros | None:
        """Tell when a peer was last heard, in the driver's time; None if never, or not since a restart."""
        is_heard = node < len(self._kind) and self._kind[node] == _HEARD
        return self._heard_us[node] if is_heard else None

    def expired(self, now: Micros) -> list[int]:
        """Give those whose lease has ended, in that order within a kind; they stay until dropped or heard."""
        over: list[int] = []
        for kind in Lease:
            # Not a list of all: most have been heard.
            node = self._lanes.first[kind]
            while node != END and self._heard_us[node] + self._length_us[kind] <= now:
                over.append(node)
                node = self._lanes.next[node]
        return over

    def deadline(self) -> Micros | None:
        """When does the next lease end?"""
        return earliest(*(self._end(kind) for kind in Lease))

    def _end(self, kind: Lease) -> Micros | None:
        first = self._lanes.first[kind]
        return None if first == END else self._heard_us[first] + self._length_us[kind]

    def _grow(self, missing: int) -> None:
        more = growth(len(self._kind), missing)
        self._lanes.grow(0, more)
        self._heard_us = longer(self._heard_us, more)
        self._kind = longer(self._kind, more, NONE)
