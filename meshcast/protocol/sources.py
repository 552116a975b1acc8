"""Whose chunks are good: delegations of the broadcast key. The highest generation wins for good."""

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.identity import Verify
from meshcast.protocol.tickets import Delegation
from meshcast.protocol.units import BroadcastId, Micros


class Sources:
    """The newest generation of delegations that this peer knows, by source index."""

    def __init__(self, broadcast: BroadcastId, verify: Verify) -> None:
        self._broadcast = broadcast
        self._verify = verify
        self._known: dict[int, Delegation] = {}
        self.generation = 0

    @property
    def delegations(self) -> tuple[Delegation, ...]:
        """What to tell a newcomer."""
        return tuple(self._known.values())

    def learn(self, delegations: tuple[Delegation, ...], wall_us: Micros) -> bool:
        """Take in delegations; tell whether a new generation has begun (then what was heard before is of the past)."""
        superseded = False
        for one in delegations:
            known = self._known.get(one.index)
            if one.generation < self.generation or (known is not None and one.generation == known.generation):
                continue
            if not one.is_valid(self._broadcast, wall_us, self._verify):
                continue
            if one.generation > self.generation:
                superseded = bool(self._known)
                self._known.clear()
                self.generation = one.generation
            self._known[one.index] = one
        return superseded

    def knows(self, chunk: Chunk) -> bool:
        """Tell whether a chunk claims to be of the present run and of a source that may speak."""
        one = self._known.get(chunk.source_index)
        return one is not None and chunk.run == one.run and chunk.generation == one.generation

    def is_genuine(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is signed by the source that it names."""
        one = self._known.get(chunk.source_index)
        return one is not None and chunk.is_signed_by(one.key, self._broadcast, self._verify)
