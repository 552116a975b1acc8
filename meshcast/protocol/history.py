"""What a joiner with a long delay lacks of the past: a refill holds some seconds, and its sound begins before them.

Whoever has chosen a delay of 30 s begins with what was sent 30 s ago; the Accept's refill, 96 KiB at most, reaches back ten.
The rest is pulled, what is due first coming first, in portions that a neighbour's budget allows; what a portion did not bring is
asked for again with the next, from a standby if it brought nothing at all. Nothing is asked for that could not be played.
"""

from dataclasses import dataclass, field

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.holes import ranges
from meshcast.protocol.limits import (
    HISTORY_CHUNKS,
    HISTORY_EVERY_US,
    HISTORY_FRUITLESS_MAX,
    RANGES_MAX,
)
from meshcast.protocol.messages import Pull
from meshcast.protocol.playout import Playout
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.units import Micros, PeerId, Sequence


@dataclass(slots=True)
class History:
    """Of one joiner."""

    backlog: Backlog
    playout: Playout
    standbys: Standbys
    _last: Sequence = 0
    """The newest chunk before the first live one, or that the first parent had; 0 when there is nothing to ask for."""
    _again_at: Micros = 0
    _fruitless: int = 0
    """Portions in a row that brought nothing."""
    _asked: dict[Sequence, None] = field(default_factory=dict)

    def begin(self, newest: Sequence, now: Micros) -> None:
        """Take in that a parent has been found for the first time, and what it had."""
        self._last, self._again_at = newest, now

    def heard_first(self, sequence: Sequence) -> None:
        """Take in with which live chunk sound came: what was sent between the Accept and it may have been lost."""
        if self._last:
            self._last = max(self._last, sequence - 1)

    def tick(self, parent: PeerId | None, now: Micros) -> list[Effect]:
        """Ask for the next portion, when it is time to and the refill has told when each chunk is due."""
        if not self._last or now < self._again_at:
            return []
        first = self.playout.first_in_time(now)
        if first is None:
            return []
        missing = [one for one in range(first, self._last + 1) if one not in self.backlog][:HISTORY_CHUNKS]
        has_brought = any(one in self.backlog for one in self._asked)
        self._fruitless = 0 if has_brought or not self._asked else self._fruitless + 1
        if not missing or self._fruitless >= HISTORY_FRUITLESS_MAX:
            self._last = 0
            return []
        self._asked = dict.fromkeys(missing)
        self._again_at = now + HISTORY_EVERY_US
        order = [*([parent] if parent is not None else []), *self.standbys.warm()]
        if not order:
            return []
        return [Send(order[self._fruitless % len(order)], Pull(ranges(missing)[:RANGES_MAX]))]

    def deadline(self) -> Micros | None:
        """When is the next portion due? Until the refill has come nobody knows."""
        return self._again_at if self._last and self.playout.is_timed else None

    def clear(self) -> None:
        """Forget it: another run has begun, or sound begins anew elsewhere."""
        self._last = 0
        self._asked.clear()
