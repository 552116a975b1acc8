"""Virtual time for hundreds of millions of calls: what is due within one slot is a heap, what comes later is a pile.

The order is `sim.scheduler`'s: by time and, within one instant, as asked for. A pile costs an append where a heap of a
million departures costs twenty comparisons.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from meshcast.protocol.units import MILLISECOND, Micros

SLOT_US: Final[Micros] = 32 * MILLISECOND

Act: TypeAlias = Callable[..., object]
Entry: TypeAlias = tuple[Micros, int, Act, tuple[Any, ...]]


class Calendar:
    """Piles of (time, serial, call), one for each slot of time; the current one is a heap."""

    __slots__ = ("_called", "_heap", "_piles", "_serial", "_slot", "now")

    def __init__(self) -> None:
        self.now: Micros = 0
        self._slot = 0
        self._heap: list[Entry] = []
        self._piles: dict[int, list[Entry]] = {}
        self._serial = 0
        self._called = 0

    @property
    def called(self) -> int:
        """How many calls have been made."""
        return self._called

    def at(self, when: Micros, act: Act, *arguments: Any) -> None:
        """Call `act(*arguments)` at `when`, or at once if that is past."""
        self._serial += 1
        when = max(when, self.now)
        slot = when // SLOT_US
        entry = (when, self._serial, act, arguments)
        if slot <= self._slot:
            heapq.heappush(self._heap, entry)
        elif slot in self._piles:
            self._piles[slot].append(entry)
        else:
            self._piles[slot] = [entry]

    def run_until(self, until: Micros) -> None:
        """Make every call that is due up to and including `until`, and let time be `until`."""
        last = until // SLOT_US
        pop = heapq.heappop
        while True:
            heap = self._heap
            while heap and heap[0][0] <= until:
                self.now, _, act, arguments = pop(heap)
                self._called += 1
                act(*arguments)
            if self._slot >= last:
                break
            self._slot += 1
            pile = self._piles.pop(self._slot, None)
            if pile is not None:
                heapq.heapify(pile)
                self._heap = pile
        self.now = max(self.now, until)
