"""How links between peers end: last words arrive, nothing comes after, and whoever is gone is noticed."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.transport import limits
from meshcast.transport.link_events import LinkDown, LinkUp
from meshcast.transport.reasons import DownReason


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
