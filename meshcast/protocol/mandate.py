"""The broadcast key at hand: what lets this process speak, and speak on when it takes over.

A spare can only be the source of the run that there is, and cannot know which that will be: so it signs when it takes over,
and the broadcast key stays in its memory for as long as it lives.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.identity import Identity
from meshcast.protocol.tickets import Delegation, envelope, pack, sign_delegation
from meshcast.protocol.units import SECOND, Micros, PeerId

DELEGATION_S: Final = 7 * 24 * 3600
"""How long one source may speak without being started again."""
INDEX: Final = 0
"""One source speaks at a time, so that all are of one index; two of one generation are ordered by their keys."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """Signs delegations for one process."""

    broadcast: Identity
    source: PeerId

    def introduction(self, wall_us: Micros) -> bytes:
        """Prove to a tracker that this process may stand by; nobody can speak with it, for it is of generation 0."""
        not_after_s = wall_us // SECOND + DELEGATION_S
        one = sign_delegation(
            self.broadcast, index=INDEX, source=self.source, run=0, generation=0, not_after_s=not_after_s
        )
        return pack(envelope(one))

    def begin(self, run: int, wall_us: Micros) -> Delegation:
        """Let this process speak in a run of its own, instead of whoever spoke before: generations are Unix time."""
        return self.go_on(run, wall_us // SECOND - 1, wall_us)

    def go_on(self, run: int, after: int, wall_us: Micros) -> Delegation:
        """Let this process speak in a run that goes on, in the next generation; no clock decides who is the later."""
        return sign_delegation(
            self.broadcast,
            index=INDEX,
            source=self.source,
            run=run,
            generation=after + 1,
            not_after_s=wall_us // SECOND + DELEGATION_S,
        )
