"""What goes out: the host's sound, or the standby programme while the host is away.

The host is away while its source has given nothing for `AWAY_AFTER_S`, once it has ended or failed, and when somebody says so
(`turn`). It changes only between chunks, so that a chunk is of one or of the other, and is marked. The pace is the host's for
as long as there is one; who is gone for good is replaced by a clock.
"""

from math import inf
from typing import Final, Protocol

import trio

from meshcast.media.pacing import PAUSED, Block, Source
from meshcast.protocol.errors import UnreachableError

AWAY_AFTER_S: Final = 2.0
"""Longer than a network's hiccup; shorter than a listener's patience with silence."""


class Programme(Protocol):
    """Something that can be played for as long as need be (`media.sources.Loop`)."""

    async def take(self) -> Block:
        """Give the next 20 ms."""


class _Nobody:
    """A supply with nothing in it, that never ends."""

    ended_early: str | None = None

    async def ready(self) -> None:
        """Be ready at once."""

    async def take(self) -> Block | None:
        """Have nothing."""
        return PAUSED


class Desk:
    """Chooses, chunk by chunk, who is heard; without a standby programme always the host, to its end."""

    def __init__(self, host: Source, standby: Programme | None, blocks_per_chunk: int) -> None:
        self._host = host
        self._standby: Final = standby
        self._blocks_per_chunk: Final = blocks_per_chunk
        self._is_told_away = False
        self.is_away = False
        """The standby programme is heard."""
        self.gone = trio.Event()
        """The host's source has come to its end, whatever that was."""
        self._blocks = 0

    def turn(self) -> None:
        """Let the host go away, or come back, from the next chunk on."""
        self._is_told_away = not self._is_told_away

    def welcome(self, host: Source) -> None:
        """Let a host come back whose source had ended; its first block is there (`Source.ready`)."""
        self._host, self.gone = host, trio.Event()

    def __aiter__(self) -> "Desk":
        return self

    async def __anext__(self) -> tuple[Block, bool]:
        """Give the next block, and whether it is of the standby programme; `UnreachableError` if there is none of that."""
        block = await self._next()
        if self._blocks % self._blocks_per_chunk == 0:
            self.is_away = self._standby is not None and self._must_be_away
        self._blocks += 1
        if self.is_away and self._standby is not None:
            return await self._standby.take(), True
        return block, False

    async def _next(self) -> Block:
        """Wait for the next block of the host."""
        try:
            return await anext(self._host)
        except (StopAsyncIteration, UnreachableError):
            if self._standby is None:
                raise
        self.gone.set()
        self._host = Source(_Nobody(), name="nobody", patience_s=inf)
        return await anext(self._host)

    @property
    def _must_be_away(self) -> bool:
        """Is there nothing to be heard of the host?"""
        return self._is_told_away or self.gone.is_set() or self._host.stalled_for_s >= AWAY_AFTER_S
