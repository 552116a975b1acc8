"""A listener at home: it keeps to its uplink, and gives way when somebody else needs it. Real QUIC, virtual time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from meshcast.media.sound import PcmInt
from meshcast.protocol.events import RoundTrips
from meshcast.transport.fabric import Conditions

UPLINK_BPS = 400_000


async def test_what_leaves_the_house_never_exceeds_the_declared_uplink_though_all_refill_at_once(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    """Behind a line of just that rate, whose queue drops what has to wait for a quarter of a second: nothing is dropped."""
    async with open_stage(seed=3, is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=1)
        await trio.sleep(12)
        house = await stage.start_listener(
            "house", capacity=8, delay_us=12_000_000, is_paced=True, uplink_bps=UPLINK_BPS
        )
        stage.fabric.uplink(house.address[0], Conditions(rate_bytes_s=UPLINK_BPS // 8))
        await trio.sleep(6)
        places = house.peer.relay.capacity
        assert 2 <= places <= 4, "of eight that it would give"
        sent: list[int] = []
        stage.nursery.start_soon(_count_seconds, house, sent)
        children = [
            await stage.start_listener(f"child-{n}", capacity=0, delay_us=8_000_000) for n in range(places)
        ]
        await trio.sleep(14)
        assert max(sent) <= UPLINK_BPS // 8
        assert max(sent) > UPLINK_BPS // 8 * 6 // 10, "and it makes use of it"
        assert stage.fabric.lost == 0
        assert house.peer.household.held_back_chunks <= 2, "and these were asked for again"
        for child in children:
            assert child.peer.uplink.parent == house.peer.member.me
            assert child.peer.playout.is_audible
            assert child.peer.playout.missing == 0


async def test_when_somebody_in_the_house_uploads_a_film_children_are_led_away_and_miss_nothing(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=4, is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(0.5)
        house = await stage.start_listener("house", capacity=3, is_paced=True)
        await trio.sleep(1)
        # One of them gets the source's other place, until the next one who can serve comes; the others are the house's.
        kids = [await stage.start_listener(f"kid-{number}", capacity=0) for number in range(4)]
        await trio.sleep(2)
        other = await stage.start_listener("other", capacity=4)
        stage.fabric.uplink(house.address[0], Conditions(rate_bytes_s=100_000))
        stage.nursery.start_soon(_measure, house)
        await trio.sleep(6)
        fed_before = len(house.peer.relay.children)
        assert fed_before == 3
        assert house.peer.relay.capacity == 3, "nobody else needs the line"
        with _film(stage, house.address[0], bytes_s=88_000):
            await trio.sleep(22)
            assert house.peer.relay.capacity < fed_before
            assert len(house.peer.relay.children) < fed_before
        for kid in kids:
            assert kid.peer.uplink.state.is_hearing
            assert kid.peer.playout.missing == 0
        assert {kid.peer.uplink.parent for kid in kids} <= {house.peer.member.me, other.peer.member.me}


async def _count_seconds(actor: Any, sent: list[int]) -> None:
    """Note how much an actor sends in each second."""
    before = actor.links.totals().wire_bytes_sent
    while True:
        await trio.sleep(1)
        now = actor.links.totals().wire_bytes_sent
        sent.append(now - before)
        before = now


async def _measure(actor: Any) -> None:
    """Do what the listener's shell does once a second."""
    while True:
        await trio.sleep(1)
        links = actor.links
        actor.driver.feed(RoundTrips(tuple((peer, links.rtt_us(peer)) for peer in links.peers)))


@contextmanager
def _film(stage: Any, host: str, bytes_s: int) -> Iterator[None]:
    """Send from another program on the same line."""
    socket = stage.fabric.socket(host, 9_999)
    scope = trio.CancelScope()

    async def upload() -> None:
        with scope:
            while True:
                socket.send(bytes(1_200), ("10.9.9.9", 80))
                await trio.sleep(1_200 / bytes_s)

    stage.fabric.socket("10.9.9.9", 80)
    stage.nursery.start_soon(upload)
    yield
    scope.cancel()
    socket.close()
