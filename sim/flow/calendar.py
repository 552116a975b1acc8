"""Virtual time for hundreds of millions of calls: what comes later is piled up by slots of time.

The order is `sim.scheduler`'s: by time and, within one instant, as asked for. A pile costs an append where a heap of a
million departures costs twenty comparisons; when its slot comes it is sorted at once, and a small heap beside it takes
what is asked for within the slot. Sorting keeps the order of those of one instant, so only the heap need number them.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, TypeAlias

from meshcast.protocol.units import Micros

SLOT_BITS: Final = 13
SLOT_US: Final[Micros] = 1 << SLOT_BITS
"""A slot: about 8 ms, less than most ways take: so what is asked for seldom lies in the slot in which it is."""

Act: TypeAlias = Callable[..., object]
Entry: TypeAlias = tuple[Micros, Act, tuple[Any, ...]]

_when: Final = itemgetter(0)
_push: Final = heapq.heappush
_pop: Final = heapq.heappop


class Calendar:
    """Piles of (time, call), one for each slot of time; the current one is in order, last call first."""

    __slots__ = ("_heap", "_opened", "_piles", "_serial", "_slot", "_sorted", "now")

    def __init__(self) -> None:
        self.now: Micros = 0
        self._slot = 0
        self._heap: list[tuple[Micros, int, Act, tuple[Any, ...]]] = []
        self._sorted: list[Entry] = []
        self._piles: defaultdict[int, list[Entry]] = defaultdict(list)
        self._serial = 0
        """How many calls have been put into the heap."""
        self._opened = 0
        """How many were on piles whose slot has come."""

    @property
    def called(self) -> int:
        """How many calls have been made."""
        return self._serial - len(self._heap) + self._opened - len(self._sorted)

    def at(self, when: Micros, act: Act, arguments: tuple[Any, ...] = ()) -> None:
        """Call `act(*arguments)` at `when`, or at once if that is past."""
        slot = when >> SLOT_BITS
        if slot > self._slot:
            self._piles[slot].append((when, act, arguments))
            return
        self._serial = serial = self._serial + 1
        now = self.now
        _push(self._heap, (when if when > now else now, serial, act, arguments))  # noqa: FURB136 - called most

    def run_until(self, until: Micros) -> None:
        """Make every call that is due up to and including `until`, and let time be `until`."""
        last = until >> SLOT_BITS
        while self._slot < last:
            self._run_slot((self._slot + 1 << SLOT_BITS) - 1)
            self._open_next()
        self._run_slot(until)
        self.now = max(self.now, until)

    def _run_slot(self, until: Micros) -> None:
        """Make the calls of the current slot that are due by then, and those that they ask for in it."""
        in_order, heap = self._sorted, self._heap
        while (in_order and in_order[-1][0] <= until) or (heap and heap[0][0] <= until):
            # Of one instant, those on the pile were asked for before those in the heap.
            if heap and (not in_order or heap[0][0] < in_order[-1][0]):
                self.now, _, act, arguments = _pop(heap)
            else:
                self.now, act, arguments = in_order.pop()
            act(*arguments)

    def _open_next(self) -> None:
        """Go on to the next slot, and put its pile in order."""
        self._slot += 1
        pile = self._piles.pop(self._slot, None)
        if pile is not None:
            # Backwards twice: those of one instant stay in the order in which they were asked for.
            pile.reverse()
            pile.sort(key=_when, reverse=True)
            self._opened += len(pile)
            self._sorted = pile
