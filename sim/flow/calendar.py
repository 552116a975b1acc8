"""Virtual time for hundreds of millions of calls: what comes later is piled up by slots of time.

The order is `sim.scheduler`'s: by time and, within one instant, as asked for. A pile costs an append where a heap of a
million departures costs twenty comparisons; when its slot comes it is sorted at once, and a small heap beside it takes
what is asked for within the slot.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from meshcast.protocol.units import Micros

SLOT_BITS: Final = 15
SLOT_US: Final[Micros] = 1 << SLOT_BITS
"""A slot: about 33 ms."""

Act: TypeAlias = Callable[..., object]
Entry: TypeAlias = tuple[Micros, int, Act, tuple[Any, ...]]


class Calendar:
    """Piles of (time, serial, call), one for each slot of time; the current one is in order, last call first."""

    __slots__ = ("_called", "_heap", "_piles", "_serial", "_slot", "_sorted", "now")

    def __init__(self) -> None:
        self.now: Micros = 0
        self._slot = 0
        self._heap: list[Entry] = []
        self._sorted: list[Entry] = []
        self._piles: dict[int, list[Entry]] = {}
        self._serial = 0
        self._called = 0

    @property
    def called(self) -> int:
        """How many calls have been made."""
        return self._called

    def at(self, when: Micros, act: Act, *arguments: Any) -> None:
        """Call `act(*arguments)` at `when`, or at once if that is past."""
        self._serial = serial = self._serial + 1
        now = self.now
        if when < now:  # noqa: PLR1730 - a call takes longer
            when = now
        slot = when >> SLOT_BITS
        if slot <= self._slot:
            heapq.heappush(self._heap, (when, serial, act, arguments))
            return
        pile = self._piles.get(slot)
        if pile is None:
            self._piles[slot] = [(when, serial, act, arguments)]
        else:
            pile.append((when, serial, act, arguments))

    def run_until(self, until: Micros) -> None:
        """Make every call that is due up to and including `until`, and let time be `until`."""
        last = until >> SLOT_BITS
        pop, heap = heapq.heappop, self._heap
        while True:
            in_order = self._sorted
            while in_order or heap:
                is_new = not in_order or (heap and heap[0] < in_order[-1])
                following = heap[0] if is_new else in_order[-1]
                when = following[0]
                if when > until:
                    break
                if is_new:
                    pop(heap)
                else:
                    in_order.pop()
                self.now = when
                self._called += 1
                following[2](*following[3])
            if self._slot >= last:
                break
            self._slot += 1
            pile = self._piles.pop(self._slot, None)
            if pile is not None:
                pile.sort(reverse=True)
                self._sorted = pile
        self.now = max(self.now, until)
