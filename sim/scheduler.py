"""Virtual time: what is due, in order of time and, within one instant, in the order in which it was asked for.

Nothing is ever cancelled: whoever asks to be called looks, when the call comes, whether it still matters. A heap of tuples
that differ in their serial never compares the calls themselves, so ties are broken the same way in every process.
"""

import heapq
from collections.abc import Callable
from typing import Any, TypeAlias

from meshcast.protocol.units import Micros

Act: TypeAlias = Callable[..., object]


_push = heapq.heappush


class Scheduler:
    """A heap of (time, serial, call)."""

    __slots__ = ("_heap", "_serial", "now")

    def __init__(self) -> None:
        self.now: Micros = 0
        self._heap: list[tuple[Micros, int, Act, tuple[Any, ...]]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def called(self) -> int:
        """How many calls have been made."""
        return self._serial - len(self._heap)

    def at(self, when: Micros, act: Act, *arguments: Any) -> None:
        """Call `act(*arguments)` at `when`, or at once if that is past."""
        self._serial = serial = self._serial + 1
        now = self.now
        _push(self._heap, (when if when > now else now, serial, act, arguments))  # noqa: FURB136 - called most

    def run_until(self, until: Micros) -> None:
        """Make every call that is due up to and including `until`, and let time be `until`."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= until:
            self.now, _, act, arguments = pop(heap)
            act(*arguments)
        self.now = max(self.now, until)
