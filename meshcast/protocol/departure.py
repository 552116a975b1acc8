"""Going politely: the children are told at once, and fed until somebody else has accepted them.

A Bye sends a child to its standbys, and on a good day the next parent's Accept is there within a round trip. On a bad one
(the standbys are full, or gone) it takes as long as any repair, and a listener that has chosen a short delay would hear it.
So whoever goes on its own accord goes on forwarding meanwhile: chunks may come from anybody with a link, and to the child
it is a change of parents in which nothing is missing. It ends when the last child has said Detach, or after
`HANDOVER_US_MAX`.
"""

from dataclasses import dataclass

from meshcast.protocol.effects import Effect
from meshcast.protocol.limits import HANDOVER_US_MAX
from meshcast.protocol.relay import Relay
from meshcast.protocol.units import Micros


@dataclass(slots=True)
class Departure:
    """Of one peer; it has not begun until `begin`."""

    relay: Relay
    until: Micros | None = None
    """When it goes, whoever still hears from it."""

    @property
    def has_begun(self) -> bool:
        """Tell whether this peer is about to go."""
        return self.until is not None

    def begin(self, now: Micros) -> list[Effect]:
        """Take leave of children and of those for whom this peer stood by; take nobody in any more."""
        self.until = now + HANDOVER_US_MAX
        return self.relay.take_leave()

    def is_over(self, now: Micros) -> bool:
        """Tell whether nobody is left who needs this peer, or has been waited for long enough."""
        return self.until is not None and (not self.relay.children or now >= self.until)
