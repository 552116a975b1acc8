"""Links between peers that keep the protocol: how they come up, what callbacks may do, and that it holds on real paths."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.units import MILLISECOND
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
