"""How chunks leave: as datagrams or on short streams, and never more than the other side reads."""

from typing import Any

from meshcast.protocol.effects import Refill
from meshcast.protocol.limits import BURST_CHUNKS_MAX, REFILL_BYTES_MAX
from meshcast.protocol.units import SECOND
from meshcast.protocol.wire import decode_refill, encode_refill
from tests.protocol.sayings import chunks, refilled
from tests.protocol.server import NOW, Server


def test_a_chunk_too_large_for_a_datagram_goes_on_a_short_stream(crew: Any, server: Server) -> None:
    server.adopt("ann")
    large = crew.chunk(31, packets=(b"x" * 600,) * 2)
    server.backlog.add(large, NOW, 0)
    held = server.backlog.get(31)
    assert held is not None
    assert refilled(server.relay.forward([held], None, NOW)) == [31]


def test_many_chunks_at_once_go_on_a_short_stream_and_few_as_datagrams(server: Server) -> None:
    """A link holds few datagrams back: of a backlog passed on as a burst half was lost."""
    server.enlist("ann")
    few = server.pull("ann", (1, BURST_CHUNKS_MAX))
    assert len(chunks(few)) == BURST_CHUNKS_MAX
    assert refilled(few) == []
    many = server.pull("ann", (1, BURST_CHUNKS_MAX + 1))
    assert chunks(many) == []
    assert refilled(many) == list(range(1, BURST_CHUNKS_MAX + 2))


def test_a_refill_is_never_larger_than_a_child_will_read(crew: Any) -> None:
    """One byte too many was possible, and the child would have hung up on its parent."""
    bytes_each = REFILL_BYTES_MAX // 96
    packet = bytes_each - 7 - 2 - 26 - 64 - 2
    server = Server(crew, chunks=0)
    for sequence in range(1, 121):
        server.backlog.add(crew.chunk(sequence, packets=(b"x" * packet,)), NOW, 0)
    effects = server.adopt("ann", wanted_us=30 * SECOND)
    (refill,) = [one for one in effects if isinstance(one, Refill)]
    data = encode_refill(list(refill.chunks))
    assert len(refill.chunks) == 95
    assert len(data) <= REFILL_BYTES_MAX
    assert decode_refill(data) == list(refill.chunks)
