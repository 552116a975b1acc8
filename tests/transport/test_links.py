"""Links between peers that keep the protocol: how they come up, what they carry, how they end."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import MILLISECOND
from meshcast.transport import limits
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.fabric import Conditions
from meshcast.transport.link_events import FrameReceived, LinkDown, LinkEvent, LinkUp
from meshcast.transport.links import open_links
from meshcast.transport.reasons import DownReason

# Coming up


async def test_both_ends_learn_the_others_proved_key_and_who_dialled(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    assert left.ups == [LinkUp(right.id, right.address, dialled=True)]
    assert right.ups == [LinkUp(left.id, left.address, dialled=False)]


async def test_a_link_is_up_after_one_round_trip_and_at_the_acceptor_after_half_more(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    start = trio.current_time()
    left.links.dial(right.id, right.address)
    await trio.sleep(1)
    assert left.when(LinkUp) - start == pytest.approx(0.050, abs=0.002)
    assert right.when(LinkUp) - start == pytest.approx(0.075, abs=0.002)


async def test_dialling_twice_or_with_a_link_yields_nothing_new(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    for _ in range(3):
        left.links.dial(right.id, right.address)
    await trio.sleep(1)
    left.links.dial(right.id, right.address)
    left.links.dial(right.id, ("10.9.9.9", 1))
    await trio.sleep(5)
    assert len(left.told) == len(right.told) == 1
    assert left.connections == right.connections == 1


async def test_whoever_does_not_answer_is_unreachable_after_three_seconds(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    start = trio.current_time()
    left.links.dial(right.id, ("10.9.9.9", 1))
    await trio.sleep(10)
    assert left.downs == [LinkDown(right.id, DownReason.UNREACHABLE, "no answer within 3 s", ("10.9.9.9", 1))]
    assert left.when(LinkDown) - start == pytest.approx(3.0, abs=0.01)
    assert left.connections == 0


async def test_of_several_addresses_the_first_that_proves_the_key_wins_and_the_others_are_not_heard_of(
    autojump_clock: MockClock,
    street: Any,
) -> None:
    left, right, other = [await street.peer(name) for name in ("left", "right", "other")]
    for address in (("10.9.9.9", 1), other.address, right.address, ("10.9.9.9", 2)):
        left.links.dial(right.id, address)
    await trio.sleep(10)
    assert left.told[0][1] == LinkUp(right.id, right.address, dialled=True)
    assert len(left.told) == len(right.told) == 1
    assert not other.told
    assert left.connections == right.connections == 1
    assert other.connections == 0


async def test_of_several_addresses_only_the_last_failure_is_told(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right, other = [await street.peer(name) for name in ("left", "right", "other")]
    left.links.dial(right.id, other.address)
    await trio.sleep(0.01)
    left.links.dial(right.id, ("10.9.9.9", 1))
    await trio.sleep(10)
    assert [down.address for down in left.downs] == [("10.9.9.9", 1)]


async def test_somebody_else_at_the_address_is_a_wrong_key_and_hears_of_nobody(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right, other = [await street.peer(name) for name in ("left", "right", "other")]
    left.links.dial(right.id, other.address)
    await trio.sleep(1)
    assert [(down.peer, down.reason, down.address) for down in left.downs] == [
        (right.id, DownReason.WRONG_KEY, other.address)
    ]
    assert not left.ups
    assert not other.told


@pytest.mark.parametrize("address", [("example.org", 4433), ("10.0.0.9", 0), ("10.0.0.9", 70_000), ("", 1)])
async def test_an_address_that_cannot_work_is_unreachable_and_never_an_error(
    autojump_clock: MockClock, street: Any, address: tuple[str, int]
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.links.dial(right.id, address)
    await trio.sleep(0.1)
    assert [(down.peer, down.reason) for down in left.downs] == [(right.id, DownReason.UNREACHABLE)]


async def test_nobody_dials_itself(autojump_clock: MockClock, street: Any) -> None:
    left = await street.peer("left")
    left.links.dial(left.id, left.address)
    await trio.sleep(5)
    assert [(down.peer, down.reason) for down in left.downs] == [(left.id, DownReason.UNREACHABLE)]
    assert not left.ups


async def test_eighty_peers_that_dial_at_once_all_get_in_though_addresses_must_be_proved(
    autojump_clock: MockClock, street: Any
) -> None:
    hub = await street.peer("hub")
    crowd = [await street.peer(f"peer {number}") for number in range(80)]
    for peer in crowd:
        peer.links.dial(hub.id, hub.address)
    await trio.sleep(2)
    assert len(hub.ups) == 80
    assert all(len(peer.ups) == 1 for peer in crowd)
    assert hub.links._endpoint.in_progress == 0


# Carrying


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


# Ending


async def test_hanging_up_lets_what_was_sent_arrive_first(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    left.links.send(right.id, b"last words " * 500)
    left.links.send_blob(right.id, bytes(20_000))
    left.links.hang_up(right.id, "that is all")
    assert not left.links.is_up(right.id)
    assert not left.links.send(right.id, b"too late")
    await trio.sleep(2)
    assert [(down.reason, down.detail) for down in left.downs] == [(DownReason.HUNG_UP, "that is all")]
    assert right.frames == [b"last words " * 500]
    assert [len(blob) for blob in right.blobs] == [20_000]
    assert right.told[-1][1] == LinkDown(left.id, DownReason.CLOSED, "that is all", left.address)
    assert left.connections == right.connections == 0


async def test_after_hanging_up_nothing_more_of_that_peer_is_told(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    right.links.send(left.id, b"on its way")
    left.links.send(right.id, b"x")
    left.links.hang_up(right.id)
    await trio.sleep(2)
    assert not left.frames
    assert len(left.downs) == 1


async def test_hanging_up_ends_dials_too(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.links.dial(right.id, right.address)
    left.links.hang_up(right.id, "changed my mind")
    await trio.sleep(5)
    assert [down.reason for down in left.downs] == [DownReason.HUNG_UP]
    assert not left.ups
    assert not right.told


async def test_dialling_again_right_after_hanging_up_is_down_and_then_up(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    left.links.send(right.id, b"bye")
    left.links.hang_up(right.id)
    left.links.dial(right.id, right.address)
    await trio.sleep(2)
    assert [type(event) for _, event in left.told] == [LinkUp, LinkDown, LinkUp]
    assert left.links.is_up(right.id)
    assert right.links.is_up(left.id)
    assert right.frames == [b"bye"]
    assert left.connections == right.connections == 1


async def test_a_peer_that_leaves_is_noticed_at_once(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    start = trio.current_time()
    right.scope.cancel()
    await trio.sleep(1)
    assert [down.reason for down in left.downs] == [DownReason.CLOSED]
    assert left.when(LinkDown) - start == pytest.approx(0.025, abs=0.001)


async def test_leaving_says_last_words_and_takes_no_longer_than_they_need(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    right.links.send(left.id, b"I am off")
    start = trio.current_time()
    right.scope.cancel()
    await right.stopped.wait()
    assert trio.current_time() - start == pytest.approx(0.050, abs=0.002)
    await trio.sleep(0.1)
    assert left.frames == [b"I am off"]
    assert not right.downs, "whoever leaves is told nothing more"


async def test_leaving_waits_for_the_dead_no_longer_than_its_limit(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    street.fabric.kill(left.address)
    right.links.send(left.id, b"anybody?")
    await trio.sleep(0.1)
    start = trio.current_time()
    right.scope.cancel()
    await right.stopped.wait()
    assert trio.current_time() - start == pytest.approx(limits.FAREWELL_S_MAX, abs=0.01)


async def test_the_socket_is_free_after_leaving(autojump_clock: MockClock, street: Any) -> None:
    left, _ = await street.linked("left", "right")
    left.scope.cancel()
    await left.stopped.wait()
    street.fabric.socket(*left.address).close()


# Callbacks


async def test_a_callback_may_do_anything_and_is_never_called_inside_itself(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right, third = await street.linked("left", "right", "third")

    def react(event: LinkEvent) -> None:
        if isinstance(event, FrameReceived):
            left.links.send(third.id, event.data)
            left.links.hang_up(right.id, "enough")
            left.links.dial(right.id, right.address)
            left.links.dial(left.id, left.address)

    left.react = react
    right.links.send(left.id, b"first")
    right.links.send(left.id, b"second, never told")
    await trio.sleep(2)
    assert left.frames == [b"first"]
    assert third.frames == [b"first"]
    kinds = [type(event) for _, event in left.told[2:]]
    assert kinds == [FrameReceived, LinkDown, LinkDown, LinkUp]


async def test_an_error_in_a_callback_is_nobody_elses_and_ends_the_task(
    autojump_clock: MockClock, street: Any
) -> None:
    left = await street.peer("left")

    def fail(event: LinkEvent) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        async with open_links(left.identity, street.socket(), fail) as links:
            links.dial(left.id, left.address)
            await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(ZeroDivisionError)


# On the real network


async def test_the_same_holds_over_udp(make_peer: Callable[..., Any]) -> None:
    left, right = (
        make_peer("left", UdpSocket.bind("127.0.0.1", 0)),
        make_peer("right", UdpSocket.bind("127.0.0.1", 0)),
    )
    heard = trio.Event()

    def react(event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            right.links.send(left.id, b"hello")
            right.links.send_blob(left.id, bytes(100_000))
            right.links.send_datagram(left.id, b"chunk")
        elif len(left.told) == 4:
            heard.set()

    right.react = left.react = react
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(left.run)
            await nursery.start(right.run)
            left.links.dial(right.id, right.address)
            await heard.wait()
            right.scope.cancel()
            await right.stopped.wait()
            left.scope.cancel()
    assert left.frames == [b"hello"]
    assert left.blobs == [bytes(100_000)]
    assert left.datagrams == [b"chunk"]
    assert right.links.totals().wire_bytes_sent > 100_000


async def test_a_link_works_over_a_bad_path(autojump_clock: MockClock, street: Any) -> None:
    bad = Conditions(
        25 * MILLISECOND, jitter_us=20 * MILLISECOND, loss=0.05, duplication=0.02, reordering=0.05,
        reordering_us=30 * MILLISECOND,
    )  # fmt: skip
    left, right = await street.linked("left", "right")
    street.fabric.between("10.0.0.1", "10.0.0.2", bad)
    street.fabric.between("10.0.0.2", "10.0.0.1", bad)
    frames = [number.to_bytes(2, "big") * 50 for number in range(600)]
    blobs = [bytes([number]) * 3_000 for number in range(20)]
    for number, frame in enumerate(frames):
        assert left.links.send(right.id, frame)
        assert left.links.send_datagram(right.id, frame)
        if number % 30 == 0:
            assert left.links.send_blob(right.id, blobs[number // 30])
        await trio.sleep(0.04)
    await trio.sleep(3)
    assert right.frames == frames
    assert sorted(right.blobs) == blobs
    assert 500 < len(right.datagrams) < 600
    assert not left.downs
