"""A link is one, whoever dialled, however often, and however the two dials crossed."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from meshcast.protocol.units import MILLISECOND
from meshcast.transport.fabric import Conditions
from meshcast.transport.link_events import LinkDown, LinkUp
from meshcast.transport.reasons import DownReason


async def test_two_dials_that_cross_become_one_link_over_one_connection(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.links.dial(right.id, right.address)
    right.links.dial(left.id, left.address)
    await trio.sleep(2)
    assert [type(event) for _, event in left.told] == [LinkUp]
    assert [type(event) for _, event in right.told] == [LinkUp]
    assert left.connections == right.connections == 1
    left.links.send(right.id, b"there")
    right.links.send(left.id, b"back")
    await trio.sleep(1)
    assert (left.frames, right.frames) == ([b"back"], [b"there"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    delays_us=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    later_ms=st.integers(0, 700),
    loss=st.sampled_from([0.0, 0.0, 0.1, 0.2]),
    seed=st.integers(0, 1_000),
    gap_ms=st.integers(1, 50),
)
def test_however_two_dials_cross_every_frame_arrives_once_and_in_order(
    make_street: Callable[..., Any],
    delays_us: tuple[int, int],
    later_ms: int,
    loss: float,
    seed: int,
    gap_ms: int,
) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            street = make_street(nursery, seed)
            left, right = await street.peer("left"), await street.peer("right")
            there, back = (Conditions(delay * MILLISECOND, loss=loss) for delay in delays_us)
            street.fabric.between("10.0.0.1", "10.0.0.2", there)
            street.fabric.between("10.0.0.2", "10.0.0.1", back)

            async def talk(speaker: Any, other: Any, wait: float) -> None:
                await trio.sleep(wait)
                speaker.links.dial(other.id, other.address)
                for number in range(40):
                    while not speaker.links.send(other.id, number.to_bytes(1, "big")):
                        if speaker.downs:
                            return
                        await trio.sleep(0.007)
                    await trio.sleep(gap_ms / 1_000)

            nursery.start_soon(talk, left, right, 0)
            nursery.start_soon(talk, right, left, later_ms / 1_000)
            await trio.sleep(9)
            for peer in (left, right):
                if peer.downs:
                    assert loss, "without loss nothing falls"
                    continue
                assert len(peer.ups) == 1
                assert peer.connections == 1
            for peer in (left, right):
                assert peer.frames == [number.to_bytes(1, "big") for number in range(len(peer.frames))]
                assert len(peer.frames) == 40 or left.downs or right.downs
            nursery.cancel_scope.cancel()

    trio.run(run, clock=MockClock(autojump_threshold=0))


async def test_a_dial_that_succeeds_after_the_other_sides_did_is_dropped_unseen(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.links.dial(right.id, right.address)
    await trio.sleep(0.06)
    right.links.dial(left.id, left.address)
    await trio.sleep(5)
    assert len(left.told) == len(right.told) == 1
    assert left.connections == right.connections == 1


async def test_a_process_that_begins_anew_under_its_old_key_replaces_its_old_link(
    autojump_clock: MockClock, street: Any, make_peer: Callable[..., Any]
) -> None:
    child, parent = await street.linked("child", "parent")
    street.fabric.kill(child.address)
    again = make_peer("child", street.socket())
    await street.nursery.start(again.run)
    again.links.dial(parent.id, parent.address)
    await trio.sleep(0.3)
    kinds = [(type(event), getattr(event, "reason", None)) for _, event in parent.told]
    assert kinds == [(LinkUp, None), (LinkDown, DownReason.CLOSED), (LinkUp, None)]
    assert parent.links.address(child.id) == again.address
    again.links.send(parent.id, b"here I am")
    await trio.sleep(5)
    assert parent.frames == [b"here I am"]
    assert len(parent.told) == 4


async def test_a_restarted_peer_that_now_dials_whom_it_was_dialled_by_replaces_the_old_link_too(
    autojump_clock: MockClock, street: Any, make_peer: Callable[..., Any]
) -> None:
    parent, child = await street.linked("parent", "child")
    await trio.sleep(10)
    street.fabric.kill(child.address)
    again = make_peer("child", street.socket())
    await street.nursery.start(again.run)
    again.links.dial(parent.id, parent.address)
    await trio.sleep(0.3)
    assert [type(event) for _, event in parent.told] == [LinkUp, LinkDown, LinkUp]
    assert parent.ups[-1].dialled is False


@pytest.mark.parametrize("moment", [0.051, 0.06, 0.08, 0.1, 0.15])
async def test_a_death_while_two_lines_become_one_is_one_death(
    autojump_clock: MockClock, street: Any, moment: float
) -> None:
    left, right = await street.peer("left"), await street.peer("right")
    left.links.dial(right.id, right.address)
    right.links.dial(left.id, left.address)
    await trio.sleep(moment)
    street.fabric.kill(right.address)
    await trio.sleep(20)
    assert [type(event) for _, event in left.told] == [LinkUp, LinkDown]
    assert left.connections == 0
