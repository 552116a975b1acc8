"""What befalls hosts and processes, over real QUIC: slow lines, black-outs, moving addresses, machines that sleep."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from bed.actor import Actor, StageDriver
from bed.crowd import depths
from bed.stage import Stage
from meshcast.protocol.effects import Effect, Refill, SendChunk
from meshcast.protocol.events import ChunkReceived, Event, RefillReceived
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from meshcast.transport.fabric import BLACK_HOLE, Conditions

WINDOW_BYTES_MAX = 131_072


@dataclass
class Witness:
    """A peer, and what came to it: when, how old, and whether it was asked for as a backlog."""

    machine: PeerMachine
    came: list[tuple[Micros, int, bool]] = field(default_factory=list)
    forwarded: int = 0

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        if isinstance(event, ChunkReceived):
            self.came.append((now, event.chunk.sequence, False))
        if isinstance(event, RefillReceived):
            self.came += [(now, part.chunk.sequence, True) for part in event.parts]
        effects = self.machine.handle(event, now)
        self.forwarded += sum(isinstance(one, SendChunk) for one in effects)
        self.forwarded += sum(len(one.chunks) for one in effects if isinstance(one, Refill))
        return effects

    def deadline(self) -> Micros | None:
        return self.machine.deadline()


def witness(member: Membership) -> Witness:
    return Witness(PeerMachine(member))


async def open_family(stage: Stage, *names: str, capacity: int = 2, source_capacity: int = 2) -> list[Actor]:
    """Start a tracker, a source, and peers one after the other."""
    await stage.start_tracker()
    await stage.start_source(capacity=source_capacity)
    await trio.sleep(0.5)
    made = []
    for name in names:
        made.append(await stage.start_peer(name, capacity=capacity))
        await trio.sleep(0.5)
    await trio.sleep(3)
    return made


async def test_a_child_whose_line_is_too_narrow_misses_chunks_that_are_counted_and_nobody_else_does(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=3) as stage:
        slow, *others = await open_family(stage, "slow", "one", "two", "three")
        source = stage.actors["source"]
        stage.fabric.downlink(slow.address[0], Conditions(rate_bytes_s=3_000))
        for _ in range(40):  # long enough to fill the least window, of four seconds of sound
            await trio.sleep(0.5)
            for line in source.links._links.values():
                pending = line.sending.channel.quic._datagrams_pending
                assert len(pending) <= 8, "nothing queues"
                assert line.sending.channel.quic._loss.bytes_in_flight <= WINDOW_BYTES_MAX
        assert slow.peer.playout.missing > 0
        assert [one.peer.playout.missing for one in others] == [0, 0, 0]
        totals = [one.links.totals() for one in stage.actors.values()]
        assert sum(one.datagrams_dropped + one.blobs_refused for one in totals) > 0
        assert sum(one.driver.dropped_chunks for one in stage.actors.values()) > 0
        stage.fabric.downlink(slow.address[0], None)
        await trio.sleep(5)
        missing = slow.peer.playout.missing
        await trio.sleep(5)
        assert slow.peer.uplink.state.is_hearing
        assert slow.peer.playout.missing == missing, "it recovers at once when there is room again"


async def test_the_first_chunk_after_a_gap_tells_how_far_behind_a_child_is(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    """Its number names all that did not come, and `have` what of it the parent can give."""
    async with open_stage(seed=3) as stage:
        await stage.start_tracker()
        source = await stage.start_source()
        await trio.sleep(0.5)
        child = await stage.start_peer("child", delay_us=4 * SECOND)
        await trio.sleep(3)
        path = source.address[0], child.address[0]
        stage.fabric.between(*path, BLACK_HOLE)
        await trio.sleep(1)
        behind = source.source.backlog.newest - child.peer.backlog.newest
        assert behind >= 9
        stage.fabric.between(*path, None)
        await trio.sleep(1.5)
        newest = source.source.backlog.newest
        assert all(number in child.peer.backlog for number in range(newest - behind - 15, newest - 1))
        await trio.sleep(5)
        assert child.peer.playout.missing == 0


async def test_a_child_that_acknowledges_nothing_is_given_up_and_helped_by_those_it_was_told_of(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    """Its way up to one parent is dead, and it would go on hearing until the window is full."""
    async with open_stage(seed=4) as stage:
        await open_family(stage, "one", "two", "three", "four", "five", "six")
        child = next(one for one in stage.peers() if depths(stage)[one.name] == 2)
        parent = next(one for one in stage.peers() if one.key == child.peer.uplink.parent)
        stage.fabric.between(child.address[0], parent.address[0], BLACK_HOLE)
        began = trio.current_time()
        while child.key in parent.peer.relay.children:
            await trio.sleep(0.05)
            assert trio.current_time() - began < 3.5, "a packet is acknowledged within 3 s, or it is over"
        await trio.sleep(2)
        assert child.peer.uplink.state.is_hearing
        assert child.peer.uplink.parent != parent.key
        assert child.peer.playout.missing == 0


async def test_after_a_blackout_nothing_comes_that_was_not_asked_for(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=5) as stage:
        await stage.start_tracker()
        source = await stage.start_source()
        await trio.sleep(0.5)
        actor = await stage.start_peer("child", machine=witness)
        await trio.sleep(5)
        child = actor.driver.machine
        stage.fabric.weather(BLACK_HOLE)
        await trio.sleep(2)
        stage.fabric.weather(Conditions(delay_us=10 * MILLISECOND))
        healed, newest = StageDriver.now(), source.source.backlog.newest
        child.came.clear()
        await trio.sleep(3)
        assert child.machine.uplink.state.is_hearing
        stale = [one for one in child.came if one[1] < newest - 2 and not one[2]]
        pulled = child.machine.uplink.pulls
        assert len(stale) <= 4, (stale, pulled)
        first = min(at for at, number, _ in child.came if number > newest)
        assert first - healed <= 700 * MILLISECOND


async def test_a_child_that_a_nat_moves_is_found_by_its_ping_and_misses_nothing(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=6) as stage:
        await open_family(stage, "one", "two", "three", "four")
        for one in list(stage.peers()):
            stage.rebind(one.name)
            await trio.sleep(3)
        assert len(depths(stage)) == 4
        assert [one.peer.playout.missing for one in stage.peers()] == [0] * 4


async def test_a_lone_child_that_a_nat_moves_is_found_by_its_ping(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=6) as stage:
        (child,) = await open_family(stage, "child")
        source = stage.actors["source"]
        for _ in range(3):
            stage.rebind("child")
            await trio.sleep(3)
            assert source.links.address(child.peer.member.me) == child.address
        assert child.peer.playout.missing == 0


async def test_a_machine_that_slept_for_a_minute_is_back_in_the_live_stream_without_a_flood(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=7) as stage:
        await open_family(stage, "one", "two")
        sleeper = await stage.start_peer("sleeper", machine=witness)
        await trio.sleep(3)
        machine = sleeper.driver.machine
        stage.suspend("sleeper")
        await trio.sleep(60)
        machine.came.clear()
        stage.wake("sleeper")
        await trio.sleep(3)
        live = stage.actors["source"].source.backlog.newest
        assert machine.machine.uplink.state.is_hearing
        assert machine.machine.backlog.newest >= live - 2
        assert machine.machine.playout.next_sequence >= live - 13, "what it plays is live"
        assert len(machine.came) <= 30 + 16, "three seconds of chunks, and the backlog of its delay"


async def test_a_relay_that_stood_still_floods_nobody_with_what_its_kernel_kept(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=8) as stage:
        await stage.start_tracker()
        await stage.start_source(capacity=1)
        await trio.sleep(0.5)
        relay = await stage.start_peer("relay", machine=witness)
        await trio.sleep(0.5)
        children = [await stage.start_peer(f"child-{number}", capacity=2) for number in range(3)]
        await trio.sleep(4)
        machine = relay.driver.machine
        assert len(machine.machine.relay.children) == 3
        stage.freeze("relay")
        await trio.sleep(20)
        assert [one.peer.playout.missing for one in children] == [0, 0, 0]
        before = sum(one.peer.tally.duplicates for one in children)
        machine.forwarded = 0
        stage.thaw("relay")
        await trio.sleep(3)
        assert machine.machine.uplink.state.is_hearing
        assert machine.forwarded <= 16
        assert sum(one.peer.tally.duplicates for one in children) == before
        assert [one.peer.playout.missing for one in children] == [0, 0, 0]


async def test_a_parent_that_was_left_for_nothing_is_a_false_alarm(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    async with open_stage(seed=9) as stage:
        one, *_ = await open_family(stage, "one", "two", "three")
        source = stage.actors["source"]
        assert one.peer.uplink.parent == source.source.member.me
        path = source.address[0], one.address[0]
        stage.fabric.between(*path, BLACK_HOLE)
        await trio.sleep(0.38)
        assert one.peer.status().false_alarms == 0
        stage.fabric.between(*path, None)
        await trio.sleep(1)
        assert one.peer.status().false_alarms == 1
        assert one.peer.playout.missing == 0
