"""Whose chunks are good: delegations of the broadcast key. The highest generation wins for good.

A later generation of *another* run begins anew: numbers and time start again, and what was heard is of the past. One of
the *same* run goes on with it (a spare has taken over): numbers and time continue, and what its predecessors sent before it
began to speak is as good as ever. Where it began is not said by anybody: it is the first chunk of it that this peer has
seen, and from that one on nothing of a predecessor counts. Two of one generation and index are ordered by their keys, so
that everybody ends with the same one.
"""

import enum
from typing import Final

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.identity import Verify
from meshcast.protocol.limits import DELEGATIONS_MAX
from meshcast.protocol.tickets import Delegation
from meshcast.protocol.units import BroadcastId, Micros, PeerId, Sequence


class Turn(enum.Enum):
    """What has become of the programme, now that a delegation is known."""

    NONE = "none"
    """Nothing: whoever spoke speaks."""
    CONTINUED = "continued"
    """Another speaks, in the same run."""
    BEGUN_ANEW = "begun anew"
    """Another run has begun."""


class Sources:
    """The newest generation of delegations that this peer knows, by index, and its predecessors of the same run."""

    def __init__(self, broadcast: BroadcastId, verify: Verify) -> None:
        self._broadcast: Final = broadcast
        self._verify: Final = verify
        self._known: dict[tuple[int, int], Delegation] = {}
        """By generation and index."""
        self._first: dict[int, Sequence] = {}
        """The lowest number of each generation that was seen here, and was genuine."""
        self.generation = 0

    @property
    def delegations(self) -> tuple[Delegation, ...]:
        """What to tell a newcomer: who speaks first, then who spoke before, the latest first."""
        newest_first = sorted(self._known.items(), key=lambda one: (-one[0][0], one[0][1]))
        return tuple(one for _, one in newest_first)[:DELEGATIONS_MAX]

    def is_superseded(self, key: PeerId) -> bool:
        """Tell whether this key has spoken in this run, and another has taken over from it."""
        spoke = [one.generation for one in self._known.values() if one.key == key]
        return bool(spoke) and max(spoke) < self.generation

    def learn(self, delegations: tuple[Delegation, ...], wall_us: Micros) -> Turn:
        """Take in delegations; tell what becomes of the programme by them."""
        turn = Turn.NONE
        for one in delegations:
            known = self._known.get((one.generation, one.index))
            if known is not None and not (one.key > known.key and one.generation == self.generation):
                continue
            if one.generation < self.generation and one.run not in self._runs:
                continue
            if not one.is_valid(self._broadcast, wall_us, self._verify):
                continue
            now = self._enter(one, known)
            turn = turn if turn is Turn.BEGUN_ANEW or now is Turn.NONE else now
        return turn

    def knows(self, chunk: Chunk) -> bool:
        """Tell whether a chunk claims to be of the present run and of a source that may speak, or might when it did."""
        one = self._known.get((chunk.generation, chunk.source_index))
        if one is None or chunk.run != one.run:
            return False
        return chunk.generation == self.generation or self._is_before_the_turn(chunk)

    def is_genuine(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is signed by the source that it names."""
        one = self._known.get((chunk.generation, chunk.source_index))
        return one is not None and chunk.is_signed_by(one.key, self._broadcast, self._verify)

    def seen(self, chunk: Chunk) -> None:
        """Take in that a genuine chunk is here: from its number on, nothing of an earlier generation counts."""
        first = self._first.get(chunk.generation)
        if first is None or chunk.sequence < first:
            self._first[chunk.generation] = chunk.sequence

    @property
    def _runs(self) -> list[int]:
        """Give the runs of the present generation: one, unless the broadcast key has signed nonsense."""
        return [one.run for one in self._known.values() if one.generation == self.generation]

    def _enter(self, one: Delegation, known: Delegation | None) -> Turn:
        """Enter a delegation that is good."""
        if one.generation < self.generation:
            self._known[one.generation, one.index] = one
            self._forget_the_oldest()
            return Turn.NONE
        is_later = one.generation > self.generation
        if not is_later and known is None:
            self._known[one.generation, one.index] = one
            return Turn.NONE
        was_known = bool(self._known)
        goes_on = one.run in self._runs
        if not goes_on:
            self._known.clear()
            self._first.clear()
        if not is_later:
            self._first.pop(one.generation, None)
        self.generation = one.generation
        self._known[one.generation, one.index] = one
        self._forget_the_oldest()
        if not was_known:
            return Turn.NONE
        return Turn.CONTINUED if goes_on else Turn.BEGUN_ANEW

    def _forget_the_oldest(self) -> None:
        """Keep no more than a message holds: whoever spoke before these is older than any backlog."""
        while len(self._known) > DELEGATIONS_MAX:
            oldest = min(self._known)
            del self._known[oldest]
            self._first.pop(oldest[0], None)

    def _is_before_the_turn(self, chunk: Chunk) -> bool:
        """Tell whether every later generation that was seen here began after this chunk, and one was."""
        firsts = [first for generation, first in self._first.items() if generation > chunk.generation]
        return bool(firsts) and chunk.sequence < min(firsts)
