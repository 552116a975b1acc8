"""The pitfalls 1 to 5 of `test_pitfalls`: what the stock library holds for a peer without end, and what bounds it here."""

import ast
from pathlib import Path
from typing import Any

import trio
from aioquic.quic.connection import QuicConnection
from trio.testing import MockClock

from meshcast.transport import limits
from meshcast.transport.connection import MeshConnection
from meshcast.transport.reasons import DownReason
from tests.transport.stock_and_ours import Pair, ours, stock

PACKAGE = Path(__file__).parents[2] / "meshcast"


def stream_frame(stream_id: int, offset: int, data: bytes) -> bytes:
    """Write a STREAM frame with offset and length (RFC 9000, section 19.8)."""
    return bytes([0x0E, stream_id]) + (offset | 0xC0 << 56).to_bytes(8, "big") + bytes([len(data)]) + data


def held_for_streams(quic: QuicConnection) -> int:
    return sum(len(stream.receiver._buffer) for stream in quic._streams.values())


def inflate(pair: Pair, packets: int) -> int:
    """Put one byte at the end of whatever window is open, again and again; give what the acceptor holds for it."""
    held = 0
    pair.dialler._get_or_create_stream_for_send(2)
    for _ in range(packets):
        stream = pair.acceptor._streams.get(2)
        window = pair.acceptor._local_max_stream_data_uni if stream is None else stream.max_stream_data_local
        offset = min(window, pair.acceptor._local_max_data.value) - 1
        pair.inject(stream_frame(2, offset, b"z"))
        held = max(held, held_for_streams(pair.acceptor))
        for _ in range(3):
            pair.step()
    return held


def test_1_few_packets_make_the_stock_connection_hold_megabytes_and_ours_one_window() -> None:
    assert inflate(stock(), 5) >= 16 * 1024 * 1024, "it doubles with each packet"
    pair = ours()
    assert inflate(pair, 40) <= limits.STREAM_WINDOW_BYTES
    assert pair.acceptor._close_event is None, "and a peer that keeps to its window has done no wrong"


def test_2_resetting_a_blocked_stream_kills_the_stock_connection_and_we_never_reset_nor_block() -> None:
    pair = stock()
    ids = []
    for _ in range(140):
        ids.append(pair.acceptor.get_next_available_stream_id(is_unidirectional=True))
        pair.acceptor.send_stream_data(ids[-1], b"chunk", end_stream=True)
    pair.acceptor.reset_stream(ids[-1], 7)
    for _ in range(40):
        pair.now += 0.02
        pair._deliver(pair.dialler, pair.acceptor.datagrams_to_send(pair.now))
    assert pair.dialler._close_event is not None
    # What `super()` does in an override of ours is called by nobody either.
    calls = {
        node.attr
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Call)
    }
    assert not {"reset_stream", "stop_stream"} & calls
    assert ours().acceptor._remote_max_streams_uni == limits.BLOBS_MAX, "as many as we ever have under way"


async def test_2_as_many_blobs_as_may_be_open_are_under_way_and_not_one_more(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    sent = [left.links.send_blob(right.id, b"blob") for _ in range(3 * limits.BLOBS_MAX)]
    assert sent.count(True) == limits.BLOBS_MAX
    (channel,) = left.links._endpoint._channels
    assert not channel.quic._streams_blocked_uni
    await trio.sleep(1)
    assert len(right.blobs) == limits.BLOBS_MAX


def test_3_the_stock_queue_of_datagrams_grows_and_jams_and_ours_does_neither() -> None:
    pair = stock()
    for _ in range(1_000):
        pair.acceptor.send_datagram_frame(bytes(500))
    pair.step(lose=pair.acceptor)
    assert len(pair.acceptor._datagrams_pending) > 900
    pair = stock()
    pair.acceptor.send_datagram_frame(bytes(1_200))
    pair.acceptor.send_datagram_frame(b"behind it")
    for _ in range(200):
        pair.step()
    assert len(pair.acceptor._datagrams_pending) == 2, "for ever, and nobody is told"
    quic = ours().acceptor
    assert isinstance(quic, MeshConnection)
    assert quic.has_room_for(limits.DATAGRAM_BYTES_MAX)
    for _ in range(1_000):
        if quic.has_room_for(500):
            quic.queue_datagram(bytes(500), 101.0)
    assert len(quic._datagrams_pending) <= limits.DATAGRAMS_PENDING_MAX
    quic._datagrams_pending.clear()
    quic._remote_max_datagram_frame_size = None
    assert not quic.has_room_for(1), "whoever takes no datagrams is sent none"


async def test_3_a_datagram_that_is_too_long_is_dropped_and_those_behind_it_arrive(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    for size in (limits.DATAGRAM_BYTES_MAX + 1, 1_200, 60_000):
        assert not left.links.send_datagram(right.id, bytes(size))
    assert left.links.send_datagram(right.id, b"behind them")
    await trio.sleep(0.1)
    assert right.datagrams == [b"behind them"]


async def test_4_a_child_that_does_not_listen_costs_a_bounded_amount_and_then_its_link(
    autojump_clock: MockClock, street: Any
) -> None:
    pair = stock()
    for _ in range(2_000):
        pair.acceptor.send_stream_data(
            pair.acceptor.get_next_available_stream_id(is_unidirectional=True), bytes(500), end_stream=True
        )
        pair.step(lose=pair.acceptor, seconds=0.0001)
    assert len(pair.acceptor._streams) >= 2_000, "the stock library calls nobody back"
    parent, child = await street.linked("parent", "child")
    (channel,) = parent.links._endpoint._channels
    street.fabric.kill(child.address)
    held = 0
    for _ in range(2_000):
        parent.links.send_datagram(child.id, bytes(1_000))
        parent.links.send_blob(child.id, bytes(20_000))
        parent.links.send(child.id, bytes(1_000))
        if parent.links.is_up(child.id):
            held = max(held, waiting_bytes(channel.quic))
        await trio.sleep(0.01)
    most = limits.BACKLOG_BYTES_MAX + limits.BLOBS_BYTES_MAX + limits.DATAGRAMS_PENDING_MAX * 1_100
    assert 0 < held <= most
    assert [down.reason for down in parent.downs] == [DownReason.SILENT]


def waiting_bytes(quic: MeshConnection) -> int:
    streams = sum(len(stream.sender._buffer) for stream in quic._streams.values())
    return streams + sum(map(len, quic._datagrams_pending))


def test_5_a_peer_opens_nine_streams_and_a_tenth_is_an_offence() -> None:
    def opened(pair: Pair) -> int:
        for number in range(100):
            pair.inject(stream_frame(2 + 4 * number, 0, b"z") if number < 15 else b"\x01")
        return sum(stream_id % 4 == 2 for stream_id in pair.acceptor._streams)

    assert opened(stock()) == 15
    pair = ours()
    assert opened(pair) == limits.BLOBS_MAX
    assert pair.acceptor._close_event is not None
    assert len(pair.acceptor._streams) <= limits.BLOBS_MAX + 1
