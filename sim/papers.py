"""The papers of a world: the key of each name, what the broadcast key signs, and what a machine must know to take part.

All of them follow from the seed. Signatures are real, and each is worked out once for the whole process.
"""

import functools
from typing import Final

from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.membership import Membership
from meshcast.protocol.tickets import Delegation, Role, sign_delegation
from meshcast.protocol.units import HOUR, SECOND, BroadcastId, Micros, PeerId
from sim.chance import stream
from sim.host import Host

WALL_US: Final = 1_700_000_000 * SECOND
"""Unix time when a world begins."""

remembered: Final = functools.lru_cache(maxsize=1 << 18)(verify)
"""`verify`, with each answer worked out once for a process."""


class Papers:
    """Identities and what is signed for them, in the world of one seed."""

    def __init__(self, seed: int | str) -> None:
        self._seed: Final = seed
        self._broadcast: Final = self.identity("broadcast")

    def identity(self, name: str) -> Identity:
        """Give the identity of this name."""
        return Identity.from_seed(stream(self._seed, f"key of {name}").randbytes(32))

    def delegation(self, source: PeerId, run: int) -> Delegation:
        """Give the broadcast key's word for the source of a run."""
        return sign_delegation(
            self._broadcast,
            index=0,
            source=source,
            run=run,
            generation=run,
            not_after_s=(WALL_US + 24 * HOUR) // SECOND,
        )

    def mandate(self, spare: PeerId) -> Mandate:
        """Let a spare sign for itself with the broadcast key."""
        return Mandate(self._broadcast, spare)

    def member(
        self,
        name: str,
        identity: Identity,
        tracker: Host,
        role: Role,
        capacity: int,
        landmarks: tuple[Micros, ...],
        wall_offset_us: Micros = WALL_US,
    ) -> Membership:
        """Give a machine its place in the world."""
        return Membership(
            identity,
            BroadcastId(self._broadcast.peer_id),
            tracker.key,
            (tracker.address,),
            role,
            capacity,
            stream(self._seed, f"dice of {name}").randrange,
            wall_offset_us,
            landmarks=landmarks,
            verify=remembered,
        )
