"""A source gives one block every 20 ms, or says that it has none: `PAUSED`.

Slot n is due at t0 + n * 20 ms of trio's clock, whatever happened before, so that the programme's time stays the
world's time: a source that stalls for ten seconds gives 500 pauses and goes on where it stopped, and one that was late
catches up. t0 is when the first block is there, so that a slow start is no pause. What is due is asked of a `Supply`;
who has none in time says so, and how long that may last is the source's `patience_s`.
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from math import inf
from typing import Final, Literal, Protocol, TypeAlias

import trio

from meshcast.media import sentences
from meshcast.media.sound import BLOCK_S, PcmInt


class Slot(Enum):
    """What can be said of 20 ms besides their sound."""

    PAUSED = auto()
    """The source had nothing just now: a stalled URL, a silent pipe, a microphone that was late."""


PAUSED: Final = Slot.PAUSED
Block: TypeAlias = PcmInt | Literal[Slot.PAUSED]
"""20 ms: sound [960, 2], or `PAUSED`."""


class Supply(Protocol):
    """Where blocks come from, without any pace of its own."""

    async def ready(self) -> None:
        """Wait until the first block is there, or it is certain that none will be."""

    async def take(self) -> Block | None:
        """Give the block that is due now; nothing means the end."""

    @property
    def ended_early(self) -> str | None:
        """Say in one line that the end came too early, if it did; known once the end was given."""


class Source:
    """An async iterator of blocks in real time; one reader."""

    def __init__(
        self,
        supply: Supply,
        *,
        name: str,
        title: str | None = None,
        is_live: bool = False,
        duration_s: float | None = None,
        patience_s: float = inf,
    ) -> None:
        self.title: Final = title
        self.is_live: Final = is_live
        self.duration_s: Final = duration_s
        self._supply: Final = supply
        self._name: Final = name
        self._patience_s: Final = patience_s
        self._started_at: float | None = None
        self._slots = 0
        self._paused_in_a_row = 0

    @property
    def stalled_for_s(self) -> float:
        """Tell for how long the source has given nothing but pauses."""
        return self._paused_in_a_row * BLOCK_S

    @property
    def ended_early(self) -> str | None:
        """Say in one line that the source ended before it should have, if so; known after the last block."""
        return self._supply.ended_early

    async def ready(self) -> None:
        """Wait until the first block is there, or will never be."""
        await self._supply.ready()

    async def catch_up(self, began_at: float, group: int) -> None:
        """Be where somebody would be who began to read at `began_at` of trio's clock; what was missed is passed over.

        It goes on with the first of a group of so many blocks, so that both cut the programme into the same pieces.
        """
        await self._supply.ready()
        self._started_at = began_at
        while self._slots % group or began_at + (self._slots + group) * BLOCK_S <= trio.current_time():
            block = await self._supply.take()
            if block is None:
                return
            if block is PAUSED:
                await trio.sleep(BLOCK_S)
                continue
            self._slots += 1
            if self._slots % group == 0:
                await trio.lowlevel.checkpoint()

    def __aiter__(self) -> "Source":
        return self

    async def __anext__(self) -> Block:
        """Wait for the next slot and give what is due; `UnreachableError` after `patience_s` of pauses."""
        if self._started_at is None:
            await self._supply.ready()
            self._started_at = trio.current_time()
        await trio.sleep_until(self._started_at + self._slots * BLOCK_S)
        block = await self._supply.take()
        if block is None:
            raise StopAsyncIteration
        self._slots += 1
        self._paused_in_a_row = self._paused_in_a_row + 1 if block is PAUSED else 0
        if self.stalled_for_s > self._patience_s:
            raise sentences.stalled(self._name, self._patience_s)
        return block


class ScriptedSource(Source):
    """Plays a list of blocks and pauses: exact in virtual time, for no thread takes part."""

    def __init__(
        self,
        blocks: Iterable[Block],
        *,
        title: str | None = None,
        is_live: bool = False,
        duration_s: float | None = None,
        patience_s: float = inf,
        ended_early: str | None = None,
    ) -> None:
        super().__init__(
            _Script(iter(blocks), ended_early),
            name="the script",
            title=title,
            is_live=is_live,
            duration_s=duration_s,
            patience_s=patience_s,
        )


class _Script:
    """A supply that knows what comes."""

    def __init__(self, blocks: Iterator[Block], ended_early: str | None) -> None:
        self._blocks: Final = blocks
        self.ended_early: Final = ended_early

    async def ready(self) -> None:
        """Be ready at once."""

    async def take(self) -> Block | None:
        """Read on in the script."""
        return next(self._blocks, None)
