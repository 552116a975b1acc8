"""Writing behind: the tracker never waits for its disk.

Changes are taken at once and written in batches by one thread at a time. Only the latest change of a peer waits, so
that the line is never longer than there are peers that changed; beyond a limit changes of still others are dropped and
counted, which costs a restarted tracker no more than hearing of those peers from themselves. A disk that fails does not stop
the tracker: what could not be written waits and is tried again, and `trouble` says why.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

import trio

from meshcast.protocol.errors import BadInputError
from tracker.store.contents import Change, Store

EVERY_S: Final = 0.1
"""A batch costs a commit however small it is; ten a second lose at most a tenth of a second to a crash."""
RETRY_S: Final = 1.0
"""A full disk is tried again so often."""
BATCH_MAX: Final = 20_000
"""0.3 s of work at 14 us a row: what a close may have to wait for."""
PENDING_MAX: Final = 2_000_000
"""Twice the greatest crowd: about 0.5 GB of changes while a disk is full."""


class WriteBehind:
    """A line of changes before a store."""

    def __init__(self, store: Store, *, pending_max: int = PENDING_MAX) -> None:
        self._store: Final = store
        self._pending_max: Final = pending_max
        # The latest change of each peer, in the order in which peers first changed.
        self._pending: dict[tuple[bytes, bytes], Change] = {}
        self._turn: Final = trio.Lock()
        self.dropped = 0
        """Changes that were given up because too many waited."""
        self.trouble: str | None = None
        """Why the store cannot be written at present, in one line."""

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, change: Change) -> None:
        """Have a change written soon; it never blocks."""
        peer = (change.broadcast, change.key)
        if len(self._pending) >= self._pending_max and peer not in self._pending:
            self.dropped += 1
        else:
            self._pending[peer] = change

    async def run(self) -> None:
        """Write until cancelled, and then what is left; `BadInputError` if that cannot be written."""
        try:
            while True:
                await trio.sleep(EVERY_S if self.trouble is None else RETRY_S)
                try:
                    await self.flush()
                except BadInputError as error:
                    self.trouble = str(error)
        finally:
            with trio.CancelScope(shield=True):
                await self.flush()

    async def flush(self) -> None:
        """Write all that waits; `BadInputError` if the store cannot, and then it still waits."""
        while self._pending:
            async with self._turn:
                with self._batch() as batch:
                    await trio.to_thread.run_sync(self._store.write, batch)
        self.trouble = None

    @contextmanager
    def _batch(self) -> Iterator[list[Change]]:
        """Take a batch out of the line; one that is not written goes back, behind nothing newer."""
        batch = list(islice(self._pending.values(), BATCH_MAX))
        for change in batch:
            del self._pending[change.broadcast, change.key]
        try:
            yield batch
        except BaseException:
            older = {(change.broadcast, change.key): change for change in batch}
            self._pending = older | self._pending
            raise
