"""What is asked for by number: missing chunks, from the parent first; and, when nothing comes at all, the next ones.

Borrowing keeps a stalled peer supplied without its leaving the parent: it pulls from its standbys, who park what they
have not got yet and push it on arrival.
"""

from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.holes import Holes, ranges
from meshcast.protocol.limits import BORROW_AFTER_US, BORROW_EVERY_US, PULL_TRIES_MAX, RANGES_MAX
from meshcast.protocol.messages import Pull
from meshcast.protocol.repair import RTT_UNKNOWN_US
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.units import Micros, PeerId

BORROW_CHUNKS: Final = 8
"""Chunks asked for at once: what a stall of 0.8 s misses."""


@dataclass(slots=True)
class Pulls:
    """Those of one peer."""

    backlog: Backlog
    standbys: Standbys
    holes: Holes = field(default_factory=Holes)
    rtt_us: Micros = RTT_UNKNOWN_US
    """To the parent: tries are so far apart."""
    heard_at: Micros = 0
    """When the parent last brought something that it had not brought before."""
    _borrow_at: Micros = 0

    def tick(self, parent: PeerId | None, now: Micros) -> list[Effect]:
        """Ask for what is due."""
        effects = self._borrow(now)
        return effects + self._missing(parent, now) if self.holes else effects

    def _borrow(self, now: Micros) -> list[Effect]:
        """Pull what comes next from the standbys, if nothing has come for a while."""
        due = self.borrow_due
        if due is None or now < due:
            return []
        self._borrow_at = now + BORROW_EVERY_US
        first = self.backlog.newest + 1
        wish = Pull(((first, first + BORROW_CHUNKS - 1),))
        return [Send(peer, wish) for peer in self.standbys.warm()]

    @property
    def borrow_due(self) -> Micros | None:
        """When is it time to borrow? Before the first chunk nobody knows what comes next.

        A parent that brings what was borrowed already has not stalled: on a way that is much longer than the standbys'
        one would borrow for ever.
        """
        if not self.standbys.all or not self.backlog.newest:
            return None
        return max(self.backlog.newest_at + BORROW_AFTER_US, self.heard_at + BORROW_AFTER_US, self._borrow_at)

    def _missing(self, parent: PeerId | None, now: Micros) -> list[Effect]:
        """Ask for missing chunks: first the parent, then a standby, and with the last try all of them at once.

        Two tries fail for one lost chunk in 600 at 2 % loss: so seldom a second copy costs nothing, and what is lost for
        good becomes rarer by another factor of 25 for each who is asked.
        """
        self.holes.drop_below(self.backlog.floor)
        warm = self.standbys.warm()
        order = warm if parent is None else [parent, *warm]
        effects: list[Effect] = []
        for tries, sequences in self.holes.due(now, self.rtt_us).items():
            is_last = tries == PULL_TRIES_MAX - 1
            asked = order if is_last else order[tries % len(order) :][:1] if order else []
            wish = Pull(ranges(sequences)[:RANGES_MAX])
            effects += [Send(peer, wish) for peer in asked]
        return effects
