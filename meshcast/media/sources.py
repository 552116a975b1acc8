"""Where sound comes from: a file, a URL, a pipe, the microphone. Always in real time, always in blocks of 20 ms.

Reading and decoding block, so they are done by a thread that fills a `Shelf` two seconds ahead; the event loop only
takes from it. The thread is a daemon and is never waited for: whoever leaves, leaves at once, and the thread follows
when the read that it hangs in returns.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Final

import trio

from meshcast.media import sentences
from meshcast.media.decoding import Reader
from meshcast.media.microphone import open_microphone
from meshcast.media.pacing import PAUSED, Block, ScriptedSource, Source
from meshcast.media.places import Kind, Place, place_of
from meshcast.media.shelf import FileSupply, LiveSupply, Shelf
from meshcast.protocol.errors import BadInputError, MeshcastError

__all__ = ["PAUSED", "Block", "Loop", "ScriptedSource", "Source", "open_loop", "open_source"]

PATIENCE_S: Final = 60.0
"""How long a source may be silent before it counts as gone."""


@asynccontextmanager
async def open_source(spec: str, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Source]:
    """Open a file, a URL, `-` (standard input) or `mic`.

    Raise `BadInputError` or `UnreachableError`, in one line that says what to do, if there is no sound to be had.
    """
    if spec == "mic":
        with open_microphone(patience_s) as microphone:
            yield microphone
        return
    place = await trio.to_thread.run_sync(place_of, spec, abandon_on_cancel=True)
    reader = await _open(place, patience_s)
    shelf = Shelf()
    threading.Thread(target=_fill, args=(shelf, reader), name="meshcast decoder", daemon=True).start()
    try:
        yield _paced(place, reader, shelf, patience_s)
    finally:
        shelf.close()


@asynccontextmanager
async def open_loop(spec: str) -> AsyncIterator["Loop"]:
    """Open a file that is played again and again; `BadInputError` if it is none."""
    place = await trio.to_thread.run_sync(place_of, spec, abandon_on_cancel=True)
    if place.kind is not Kind.FILE:
        raise BadInputError(f"{spec} is no file; what is played while the host is away must be one")
    loop = Loop(place)
    await loop.begin()
    try:
        yield loop
    finally:
        loop.close()


class Loop:
    """A file's blocks, from the beginning again whenever they end, at whatever pace they are taken."""

    def __init__(self, place: Place) -> None:
        self._place: Final = place
        self._shelf: Shelf | None = None

    async def begin(self) -> None:
        """Start from the beginning."""
        self.close()
        reader = await _open(self._place, PATIENCE_S)
        self._shelf = Shelf()
        threading.Thread(target=_fill, args=(self._shelf, reader), name="meshcast loop", daemon=True).start()
        await self._shelf.wait_for(1)

    async def take(self) -> Block:
        """Give the next block; a pause, if there is none even at the beginning."""
        for _ in range(2):
            if self._shelf is not None:
                await self._shelf.wait_for(1)
                with suppress(MeshcastError):
                    block = self._shelf.take()
                    if block is not None:
                        return block
            await self.begin()
        return PAUSED

    def close(self) -> None:
        """Let the file go."""
        if self._shelf is not None:
            self._shelf.close()


async def _open(place: Place, patience_s: float) -> Reader:
    """Open in a thread; only a pipe can hang there for good, for FFmpeg has its own patience with a URL."""
    with trio.move_on_after(patience_s if place.kind is Kind.PIPE else inf):
        return await trio.to_thread.run_sync(Reader, place, patience_s, abandon_on_cancel=True)
    raise sentences.stalled(place.name, patience_s)


def _paced(place: Place, reader: Reader, shelf: Shelf, patience_s: float) -> Source:
    """Make the source that takes from the shelf."""

    def ended_early() -> str | None:
        return reader.ended_early

    is_file = place.kind is Kind.FILE
    return Source(
        FileSupply(shelf, ended_early) if is_file else LiveSupply(shelf, ended_early),
        name=place.name,
        title=reader.facts.title,
        is_live=reader.facts.is_live,
        duration_s=reader.facts.duration_s,
        patience_s=inf if is_file else patience_s,
    )


def _fill(shelf: Shelf, reader: Reader) -> None:
    """Decode onto the shelf until nothing is left or nobody wants it; the thread's whole life."""
    error: MeshcastError | None = None
    try:
        for block in reader.blocks():
            if not shelf.put(block):
                break
    except MeshcastError as broken:
        error = broken
    finally:
        reader.close()
        shelf.end(error)
