"""Between the thread that decodes and the event loop that plays: a bounded shelf, and who takes from it.

The thread fills the shelf to two seconds, then sleeps until half is gone, so that it wakes once a second and not for
every block. The loop never waits for the thread with the lock held for longer than a list operation takes.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from meshcast.media.pacing import PAUSED, Block
from meshcast.media.sound import BLOCK_S, BLOCKS_PER_SECOND, PcmInt
from meshcast.protocol.errors import MeshcastError

AHEAD_BLOCKS: Final = 2 * BLOCKS_PER_SECOND
"""Decoded ahead of time: a disk that spins up or a busy network is not heard."""

PREROLL_BLOCKS: Final = BLOCKS_PER_SECOND // 2
"""A live source starts, and resumes after a stall, with so much on the shelf, or it would stutter."""
PREROLL_S_MAX: Final = 1.0
"""A source that gives less than that within this time is played as it comes."""

LATE_S: Final = 0.5
"""A file that keeps everybody waiting for longer is not hurried after: the time is filled with pauses."""

assert PREROLL_BLOCKS < AHEAD_BLOCKS // 2


class Shelf:
    """At most `AHEAD_BLOCKS` blocks; `put` and `end` belong to the thread, everything else to the event loop."""

    def __init__(self) -> None:
        """Belong to the event loop that runs now."""
        self._changed: Final = threading.Condition()
        self._blocks: Final[deque[PcmInt]] = deque()
        self._is_ended = False
        self._is_closed = False
        self._error: MeshcastError | None = None
        self._wanted_blocks = 0
        self._filled = trio.Event()
        self._token: Final = trio.lowlevel.current_trio_token()

    def put(self, block: PcmInt) -> bool:
        """Add a block, waiting while the shelf is full; tell whether anybody still wants blocks."""
        with self._changed:
            if len(self._blocks) >= AHEAD_BLOCKS:
                self._changed.wait_for(lambda: self._is_closed or len(self._blocks) <= AHEAD_BLOCKS // 2)
            self._blocks.append(block)
            self._wake_if_wanted()
            return not self._is_closed

    def end(self, error: MeshcastError | None) -> None:
        """Say that nothing more comes, and why if it should have."""
        with self._changed:
            self._is_ended = True
            self._error = error
            self._wake_if_wanted()

    @property
    def level(self) -> int:
        """Tell how many blocks are there."""
        return len(self._blocks)

    @property
    def is_ended(self) -> bool:
        """Tell whether what is there is all that will be."""
        return self._is_ended

    def take(self) -> PcmInt | None:
        """Take the oldest block; nothing if the shelf is empty. Raise what ended it, once it is empty for good."""
        with self._changed:
            if self._blocks:
                block = self._blocks.popleft()
                if len(self._blocks) == AHEAD_BLOCKS // 2:
                    self._changed.notify()
                return block
            if self._error is not None:
                raise self._error
            return None

    async def wait_for(self, blocks: int) -> None:
        """Wait until so many blocks are there, or no more will come."""
        while True:
            with self._changed:
                if len(self._blocks) >= blocks or self._is_ended:
                    break
                self._wanted_blocks = blocks
                self._filled = trio.Event()
            await self._filled.wait()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Send the thread home."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _wake_if_wanted(self) -> None:
        """Wake the event loop if it waits for what is there now; it may be gone, and then nobody waits."""
        if self._wanted_blocks and (self._is_ended or len(self._blocks) >= self._wanted_blocks):
            self._wanted_blocks = 0
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._filled.set)


class FileSupply:
    """Blocks of a file: what is due is waited for, since a file always has it."""

    def __init__(self, shelf: Shelf, ended_early: Callable[[], str | None]) -> None:
        self._shelf: Final = shelf
        self._ended_early: Final = ended_early
        self._owed_pauses = 0

    @property
    def ended_early(self) -> str | None:
        """Say whether there was less than declared."""
        return self._ended_early()

    async def ready(self) -> None:
        """Wait for the first block."""
        await self._shelf.wait_for(1)

    async def take(self) -> Block | None:
        """Give the next block; if it kept us waiting for long, first the pauses that it cost."""
        if self._owed_pauses == 0 and self._shelf.level == 0:
            asked_at = trio.current_time()
            await self._shelf.wait_for(1)
            waited_s = trio.current_time() - asked_at
            self._owed_pauses = round(waited_s / BLOCK_S) if waited_s > LATE_S else 0
        if self._owed_pauses:
            self._owed_pauses -= 1
            return PAUSED
        return self._shelf.take()


class LiveSupply(FileSupply):
    """Blocks of a URL or a pipe: what is not there when it is due is a pause."""

    def __init__(self, shelf: Shelf, ended_early: Callable[[], str | None]) -> None:
        super().__init__(shelf, ended_early)
        self._is_refilling = False

    async def ready(self) -> None:
        """Wait for the first block, and for a short while for some more."""
        await self._shelf.wait_for(1)
        with trio.move_on_after(PREROLL_S_MAX):
            await self._shelf.wait_for(PREROLL_BLOCKS)

    async def take(self) -> Block | None:
        """Give what is there, and after a stall nothing before there is enough to go on with."""
        enough = PREROLL_BLOCKS if self._is_refilling else 1
        self._is_refilling = self._shelf.level < enough and not self._shelf.is_ended
        return PAUSED if self._is_refilling else self._shelf.take()
