"""How copies of chunks leave for a neighbour: one as a datagram, many on short streams, and no stream larger than is read.

A datagram is lost or there at once, which is right for a live chunk; but a link does not hold many of them back, so that a
backlog goes on a stream.
"""

from typing import Final

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.budget import Budget
from meshcast.protocol.chunk import HOP_BYTES, Chunk, Hop
from meshcast.protocol.effects import Effect, Refill, SendChunk
from meshcast.protocol.limits import DATAGRAM_BYTES_MAX, REFILL_BYTES_MAX, REFILL_CHUNKS_MAX
from meshcast.protocol.units import Micros, PeerId, Sequence

REFILL_HEAD_BYTES: Final = 1
REFILL_OVERHEAD_BYTES: Final = HOP_BYTES + 2


def copies_of(backlog: Backlog, chunks: list[Held], now: Micros) -> list[tuple[Hop, Chunk]]:
    """Put the same hop header before each chunk for all who are given it now."""
    return [(backlog.hop(held, now), held.chunk) for held in chunks]


def give(peer: PeerId, hop: Hop, chunk: Chunk) -> Effect:
    """Send a chunk as a datagram, or on a short stream if it is too large for one."""
    if len(chunk.signed) + HOP_BYTES <= DATAGRAM_BYTES_MAX:
        return SendChunk(peer, hop, chunk)
    return Refill(peer, ((hop, chunk),))


def streams(chunks: list[tuple[Hop, Chunk]]) -> list[list[tuple[Hop, Chunk]]]:
    """Divide chunks into what one short stream may hold each."""
    parts: list[list[tuple[Hop, Chunk]]] = []
    room = 0
    for hop, chunk in chunks:
        size = len(chunk.signed) + REFILL_OVERHEAD_BYTES
        if size > room:
            parts.append([])
            room = REFILL_BYTES_MAX - REFILL_HEAD_BYTES
        parts[-1].append((hop, chunk))
        room -= size
    return parts


def newest_that_fit(
    backlog: Backlog, after: Sequence, wanted_us: Micros, budget: Budget, now: Micros
) -> list[tuple[Hop, Chunk]]:
    """Give what came after a chunk, oldest first: at most `wanted_us` of it, one short stream, and what the budget bears.

    Where that is not all it is the newest, and in one row: what is missing before it is played soonest, or not at all.
    """
    count = min(wanted_us // backlog.chunk_us + 1, REFILL_CHUNKS_MAX)
    copies: list[tuple[Hop, Chunk]] = []
    size = REFILL_HEAD_BYTES
    for held in reversed(list(backlog.after(after, count))):
        size += len(held.chunk.signed) + REFILL_OVERHEAD_BYTES
        if size > REFILL_BYTES_MAX or not budget.draw(now):
            break
        copies.append((backlog.hop(held, now), held.chunk))
    copies.reverse()
    return copies
