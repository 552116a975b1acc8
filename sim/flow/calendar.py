"""Virtual time for hundreds of millions of happenings: what comes later is piled up by slots of time.

The order is `sim.scheduler`'s: by time and, within one instant, as asked for. A pile costs an append where a heap of a
million departures costs twenty comparisons; when its slot comes it is put in order at once, and a small heap beside it
takes what is asked for within the slot. There are piles for the slots of the current block of time, used again in each;
what comes in a later block lies on one pile for all of it, and is dealt out when the block begins.

What is to happen is a few numbers and the actor to whom it happens: kept in columns, millions of them are no objects that
wait all over the memory.
"""

import heapq
from array import array
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from meshcast.protocol.units import Micros
from tracker.overlay.columns import longer

SLOT_BITS: Final = 13
SLOT_US: Final[Micros] = 1 << SLOT_BITS
"""A slot: about 8 ms, less than most ways take: so what is asked for seldom lies in the slot in which it is."""
FIELDS: Final = 7
"""Numbers for each happening: when, to whom and which kind, four that its kind gives a meaning, and which thing."""
KIND_BITS: Final = 8
"""So wide is the number of a kind; the actor's seat is beside it."""
KIND_MASK: Final = (1 << KIND_BITS) - 1
BLOCK_BITS: Final = 9
"""A block: 512 slots, about 4 s; most of what happens is asked for less than a second before."""
SLOT_MASK: Final = (1 << BLOCK_BITS) - 1
PILE_MIN: Final = 8
"""Room on a pile when it is begun."""
CALL: Final = 0

_push: Final = heapq.heappush
_pop: Final = heapq.heappop


class Actor:
    """Somebody to whom things happen in their time."""

    def __init__(self, calendar: "Calendar") -> None:
        """Take a seat: what waits names its actor by that number."""
        self.seat: Final = calendar.enrol(self)

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen: one of the actor's own kinds, with the numbers and the thing that were asked for."""
        raise NotImplementedError


class Caller(Actor):
    """Makes any call, for what is rare."""

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Call."""
        act, arguments = thing
        act(*arguments)


class Pile:
    """What happens in one slot, or in one later block, as asked for."""

    __slots__ = ("numbers", "size", "things")

    def __init__(self) -> None:
        self.numbers = array("q", [0] * (FIELDS * PILE_MIN))
        """`FIELDS` for each."""
        self.things: Final[list[Any]] = []
        """Most of what happens has none; the others have the number of theirs, counted from 1."""
        self.size = 0

    def add(self, when: Micros, act: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Put something on top; `act` is the actor's seat and the kind."""
        at = FIELDS * self.size
        if at == len(self.numbers):
            self.numbers = longer(self.numbers, at)
        self.numbers[at], self.numbers[at + 1] = when, act
        self.numbers[at + 2], self.numbers[at + 3], self.numbers[at + 4], self.numbers[at + 5] = a, b, c, d
        if thing is None:
            self.numbers[at + 6] = 0
        else:
            self.things.append(thing)
            self.numbers[at + 6] = len(self.things)
        self.size += 1

    def take(self, number: int) -> Any:
        """Give the thing of this number, and let go of it: it is freed while it is still at hand."""
        if not number:
            return None
        thing = self.things[number - 1]
        self.things[number - 1] = None
        return thing

    def deal_out(self, piles: "list[Pile]") -> None:
        """Put everything on the piles of the slots where it belongs, in the order in which it was asked for."""
        numbers = self.numbers
        for position in range(self.size):
            at = FIELDS * position
            when = numbers[at]
            piles[when >> SLOT_BITS & SLOT_MASK].add(
                when,
                numbers[at + 1],
                numbers[at + 2],
                numbers[at + 3],
                numbers[at + 4],
                numbers[at + 5],
                self.take(numbers[at + 6]),
            )

    def order(self) -> "array[int]":
        """Give the positions in the order of time; those of one instant stay as they were asked for."""
        if self.size < 2:
            return array("q", [0] * self.size)
        when = np.frombuffer(self.numbers, np.int64)[: FIELDS * self.size : FIELDS]
        return array("q", when.argsort(kind="stable").astype(np.int64).tobytes())

    def clear(self) -> None:
        """Let go of everything."""
        if self.things:
            self.things.clear()
        self.size = 0


class Calendar:
    """Piles, one for each slot and each later block of time, and what is due in the current slot."""

    __slots__ = (
        "_actors",
        "_blocks",
        "_caller",
        "_heap",
        "_next",
        "_open",
        "_opened",
        "_order",
        "_serial",
        "_slot",
        "_slots",
        "now",
    )

    def __init__(self) -> None:
        self.now: Micros = 0
        self._actors: Final[list[Actor]] = []
        """By seat."""
        self._slot = 0
        self._heap: list[tuple[Micros, int, Actor, int, int, int, int, int, Any]] = []
        self._slots: Final = [Pile() for _ in range(SLOT_MASK + 1)]
        """For each slot of the current block what happens in it."""
        self._blocks: Final[dict[int, Pile]] = {}
        """For each later block what happens in it."""
        self._open = self._slots[0]
        """The pile of the current slot,"""
        self._order = array("q")
        """its positions in order of time,"""
        self._next = 0
        """and how many of these are done."""
        self._serial = 0
        """How much has been put into the heap."""
        self._opened = 0
        """How much was on piles whose slot has come."""
        self._caller: Final = Caller(self)

    def enrol(self, actor: Actor) -> int:
        """Give a seat to somebody to whom things are going to happen."""
        self._actors.append(actor)
        return len(self._actors) - 1

    @property
    def called(self) -> int:
        """How much has happened."""
        return self._serial - len(self._heap) + self._opened - (len(self._order) - self._next)

    def at(
        self,
        when: Micros,
        actor: Actor,
        kind: int,
        a: int = 0,
        b: int = 0,
        c: int = 0,
        d: int = 0,
        thing: Any = None,
    ) -> None:
        """Let something happen to an actor at `when`, or at once if that is past."""
        slot, now = when >> SLOT_BITS, self.now
        if slot <= self._slot:
            self._serial += 1
            due = when if when > now else now  # noqa: FURB136 - done often
            _push(self._heap, (due, self._serial, actor, kind, a, b, c, d, thing))
            return
        block = slot >> BLOCK_BITS
        pile: Pile | None
        if block == self._slot >> BLOCK_BITS:
            pile = self._slots[slot & SLOT_MASK]
        else:
            pile = self._blocks.get(block)
            if pile is None:
                pile = self._blocks[block] = Pile()
        pile.add(when, actor.seat << KIND_BITS | kind, a, b, c, d, thing)

    def call(self, when: Micros, act: Callable[..., object], *arguments: Any) -> None:
        """Call `act(*arguments)` at `when`, or at once if that is past."""
        self.at(when, self._caller, CALL, 0, 0, 0, 0, (act, arguments))

    def run_until(self, until: Micros) -> None:
        """Let all happen that is due up to and including `until`, and let time be `until`."""
        last = until >> SLOT_BITS
        while self._slot < last:
            self._run_slot((self._slot + 1 << SLOT_BITS) - 1)
            self._open_next()
        self._run_slot(until)
        self.now = max(self.now, until)

    def _run_slot(self, until: Micros) -> None:
        """Let happen what is due in the current slot by then, and what that asks for in it."""
        pile, heap, order = self._open, self._heap, self._order
        count, numbers = len(order), pile.numbers
        while True:
            if self._next < count:
                position = order[self._next]
                when = numbers[FIELDS * position]
            else:
                position, when = 0, until + 1
            # Of one instant, what is on the pile was asked for before what is in the heap.
            if heap and heap[0][0] <= until and heap[0][0] < when:
                self._run_first()
                continue
            if when > until:
                return
            self._next += 1
            self.now = when
            at = FIELDS * position + 1
            act = numbers[at]
            actor = self._actors[act >> KIND_BITS]
            actor.happen(
                act & KIND_MASK,
                numbers[at + 1],
                numbers[at + 2],
                numbers[at + 3],
                numbers[at + 4],
                pile.take(numbers[at + 5]),
            )

    def _run_first(self) -> None:
        """Let the first thing in the heap happen."""
        self.now, _, actor, kind, a, b, c, d, thing = _pop(self._heap)
        actor.happen(kind, a, b, c, d, thing)

    def _open_next(self) -> None:
        """Go on to the next slot, and put its pile in order."""
        self._open.clear()
        self._slot += 1
        slot = self._slot & SLOT_MASK
        if not slot:
            coming = self._blocks.pop(self._slot >> BLOCK_BITS, None)
            if coming is not None:
                coming.deal_out(self._slots)
        pile = self._open = self._slots[slot]
        self._order = pile.order()
        self._opened += pile.size
        self._next = 0
