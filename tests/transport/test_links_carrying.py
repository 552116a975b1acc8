"""What links between peers carry: frames, datagrams and blobs, each as it was sent, and within bounds."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import MILLISECOND
from meshcast.transport import limits
from meshcast.transport.link_events import FrameReceived, LinkUp


async def test_frames_arrive_whole_and_in_order_both_ways(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    sizes = [1, 2, 1_100, 5_000, 3, limits.FRAME_BYTES_MAX]
    for number, size in enumerate(sizes):
        assert left.links.send(right.id, bytes([number]) * size)
        assert right.links.send(left.id, bytes([100 + number]) * size)
    await trio.sleep(3)
    assert right.frames == [bytes([number]) * size for number, size in enumerate(sizes)]
    assert left.frames == [bytes([100 + number]) * size for number, size in enumerate(sizes)]


async def test_what_was_sent_in_the_callback_of_link_up_is_the_first_to_arrive(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.react = lambda event: isinstance(event, LinkUp) and left.links.send(event.peer, b"hello") and None
    right.react = lambda event: (
        isinstance(event, LinkUp) and right.links.send(event.peer, b"welcome") and None
    )
    left.links.dial(right.id, right.address)
    await trio.sleep(1)
    assert (left.frames, right.frames) == ([b"welcome"], [b"hello"])
    assert right.when(FrameReceived) == right.when(LinkUp), "proof and first frame share a packet"


@pytest.mark.parametrize("size", [0, limits.FRAME_BYTES_MAX + 1])
async def test_a_frame_that_no_receiver_may_take_is_a_bug_of_the_sender(
    autojump_clock: MockClock, street: Any, size: int
) -> None:
    left, right = await street.linked("left", "right")
    with pytest.raises(LocalProtocolError):
        left.links.send(right.id, bytes(size))
    assert left.links.is_up(right.id)


async def test_datagrams_arrive_as_they_are_sent_up_to_their_limit(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    assert left.links.send_datagram(right.id, bytes(limits.DATAGRAM_BYTES_MAX))
    assert right.links.send_datagram(left.id, b"x")
    assert not left.links.send_datagram(right.id, bytes(limits.DATAGRAM_BYTES_MAX + 1))
    await trio.sleep(1)
    assert [len(data) for data in right.datagrams] == [limits.DATAGRAM_BYTES_MAX]
    assert left.datagrams == [b"x"]
    counters = left.links.counters(right.id)
    assert (counters.datagrams_sent, counters.datagram_bytes_sent, counters.datagrams_dropped) == (
        1,
        1_100,
        1,
    )


async def test_a_burst_of_repairs_leaves_at_once(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    for number in range(limits.DATAGRAMS_PENDING_MAX):
        assert left.links.send_datagram(right.id, bytes([number]) * 500)
    await trio.sleep(0.1)
    assert [data[0] for data in right.datagrams] == list(range(limits.DATAGRAMS_PENDING_MAX))


async def test_blobs_arrive_whole_beside_frames(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    blobs = [bytes([number]) * (30_000 + number) for number in range(limits.BLOBS_MAX)]
    for blob in blobs:
        assert left.links.send_blob(right.id, blob)
        assert left.links.send(right.id, blob[:1])
    await trio.sleep(3)
    assert sorted(right.blobs) == blobs
    assert right.frames == [blob[:1] for blob in blobs]


async def test_no_more_blobs_are_taken_than_may_be_on_their_way_and_again_when_they_have_arrived(
    autojump_clock: MockClock,
    street: Any,
) -> None:
    left, right = await street.linked("left", "right")
    assert left.links.send_blob(right.id, bytes(200_000))
    assert not left.links.send_blob(right.id, bytes(100_000))
    assert left.links.counters(right.id).blobs_refused == 1
    await trio.sleep(3)
    assert left.links.send_blob(right.id, bytes(limits.BLOB_BYTES_MAX))
    await trio.sleep(3)
    for _ in range(limits.BLOBS_MAX):
        assert left.links.send_blob(right.id, b"x")
    assert not left.links.send_blob(right.id, b"x")
    await trio.sleep(3)
    assert [len(blob) for blob in right.blobs] == [200_000, limits.BLOB_BYTES_MAX] + [1] * limits.BLOBS_MAX


async def test_a_thousand_blobs_go_through_a_few_streams(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    sent = 0
    while sent < 1_000:
        while sent < 1_000 and left.links.send_blob(right.id, sent.to_bytes(4, "big")):
            sent += 1
        await trio.sleep(0.06)
    await trio.sleep(1)
    assert sorted(right.blobs) == [number.to_bytes(4, "big") for number in range(1_000)]


async def test_without_a_link_nothing_is_sent_and_nothing_is_known(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    links = left.links
    assert not links.send(right.id, b"x")
    assert not links.send_datagram(right.id, b"x")
    assert not links.send_blob(right.id, b"x")
    links.ping(right.id)
    links.hang_up(right.id)
    assert (links.is_up(right.id), links.address(right.id), links.rtt_us(right.id)) == (False, None, 0)
    assert links.counters(right.id).wire_bytes_sent == 0
    await trio.sleep(1)
    assert not left.told


async def test_the_round_trip_is_measured_and_late_acknowledgements_do_not_lengthen_it(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    for _ in range(200):
        left.links.send_datagram(right.id, bytes(300))
        await trio.sleep(0.04)
    assert left.links.rtt_us(right.id) == pytest.approx(50 * MILLISECOND, rel=0.1)


async def test_acknowledgements_of_chunks_are_few_and_nothing_is_sent_twice(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    before, sent_before = right.links.totals().wire_bytes_sent, left.links.totals().wire_bytes_sent
    for _ in range(250):
        assert left.links.send_datagram(right.id, bytes(300))
        await trio.sleep(0.04)
    packets = (right.links.totals().wire_bytes_sent - before) / 35
    assert packets < 110, "one for every three chunks or so"
    assert left.links.totals().wire_bytes_sent - sent_before < 250 * 340, "no probe, no retransmission"
    assert len(right.datagrams) == 250
