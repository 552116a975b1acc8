"""Where sound comes from: a file, a URL, a pipe, the microphone. Always in real time, always in blocks of 20 ms.

Reading and decoding block, so they are done by a thread that fills a `Shelf` two seconds ahead; the event loop only
takes from it. The thread is a daemon and is never waited for: whoever leaves, leaves at once, and the thread follows
when the read that it hangs in returns.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Final

import trio

from meshcast.media import sentences
from meshcast.media.decoding import Reader
from meshcast.media.microphone import open_microphone
from meshcast.media.pacing import PAUSED, Block, ScriptedSource, Source
from meshcast.media.places import Kind, Place, place_of
from meshcast.media.shelf import FileSupply, LiveSupply, Shelf
from meshcast.protocol.errors import MeshcastError

__all__ = ["PAUSED", "Block", "ScriptedSource", "Source", "open_source"]

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
