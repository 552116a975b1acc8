"""What a tracker has kept: rows that a restart finds again, but for those of its last moments.

The product writes behind, in batches; what the last batch had not taken when the process was killed is lost.
"""

from collections import deque
from typing import Final

from meshcast.protocol.units import MILLISECOND, BroadcastId, Micros
from tracker.overlay.effects import Keep

BATCH_US: Final = 100 * MILLISECOND
"""The product's store writes a batch so often (`tracker.store.write_behind`)."""


class Shelf:
    """The rows of all broadcasts."""

    def __init__(self) -> None:
        self._rows: dict[BroadcastId, dict[bytes, bytes]] = {}
        self._fresh: deque[tuple[Micros, Keep]] = deque()

    def keep(self, change: Keep, now: Micros) -> None:
        """Take in a change; it is safe a batch later."""
        self._settle(now)
        self._fresh.append((now, change))

    def rows_after_crash(self, now: Micros) -> dict[BroadcastId, list[tuple[bytes, bytes]]]:
        """Give what a tracker that was killed at this moment left behind."""
        self._settle(now)
        self._fresh.clear()
        return {broadcast: list(rows.items()) for broadcast, rows in self._rows.items()}

    def _settle(self, now: Micros) -> None:
        """Write what is older than a batch."""
        while self._fresh and self._fresh[0][0] <= now - BATCH_US:
            change = self._fresh.popleft()[1]
            rows = self._rows.setdefault(change.broadcast, {})
            if change.row is None:
                rows.pop(change.key, None)
            else:
                rows[change.key] = change.row
