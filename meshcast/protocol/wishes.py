"""What neighbours ask for by number: what is here is given, what is not yet here is waited for; both within bounds.

A stalled peer pulls the chunks that come next from those who stand by for it (`pulls`). They have mostly not got them either:
the wish is parked, and the chunk pushed as soon as it arrives, unless that is too late.
"""

from dataclasses import dataclass, field

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.budget import Budget
from meshcast.protocol.limits import PARKED_MAX, PARKED_US
from meshcast.protocol.messages import Pull
from meshcast.protocol.units import Micros, PeerId, Sequence


@dataclass(slots=True)
class Wishes:
    """Those of all whom one relay serves."""

    backlog: Backlog
    parked: dict[PeerId, dict[Sequence, Micros]] = field(default_factory=dict)
    """Chunks that somebody waits for, and until when each is of use to it."""
    budgets: dict[PeerId, Budget] = field(default_factory=dict)
    """What each may still draw beyond the live stream."""

    def pull(self, peer: PeerId, ask: Pull, now: Micros) -> list[Held]:
        """Give the wanted chunks that are here, as far as the budget goes, and park the wish for those that are not."""
        budget = self.budget(peer, now)
        parked = self.parked.setdefault(peer, {})
        drop_late(parked, now)
        found: list[Held] = []
        for first, last in ask.ranges:
            for sequence in range(max(first, self.backlog.floor + 1), min(last, first + PARKED_MAX) + 1):
                held = self.backlog.get(sequence)
                if held is None:
                    if len(parked) < PARKED_MAX:
                        parked[sequence] = now + PARKED_US
                elif budget.draw(now):
                    found.append(held)
        return found

    def budget(self, peer: PeerId, now: Micros) -> Budget:
        """Give what a neighbour may draw; whoever has drawn nothing yet begins with a whole burst."""
        return self.budgets.setdefault(peer, Budget(at=now))

    def expire(self, now: Micros) -> None:
        """Forget wishes that have waited too long."""
        for wanted in self.parked.values():
            drop_late(wanted, now)

    def gone(self, peer: PeerId) -> None:
        """Forget a neighbour whose link is down."""
        self.parked.pop(peer, None)
        self.budgets.pop(peer, None)


def drop_late(wanted: dict[Sequence, Micros], now: Micros) -> None:
    """Drop the wishes of one neighbour whose time is over."""
    for sequence in [one for one, until in wanted.items() if until < now]:
        del wanted[sequence]
