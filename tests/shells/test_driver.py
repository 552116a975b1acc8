"""One machine under trio: effects become actions, what links tell becomes events, and deadlines become ticks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from meshcast.driver import TICKS_MAX, Driver
from meshcast.protocol.chunk import Chunk, Flag, Hop, Kind, sign_chunk
from meshcast.protocol.effects import (
    Conceal,
    Dial,
    Ended,
    Failed,
    HangUp,
    Play,
    Probe,
    Refill,
    Send,
    SendChunk,
    SendDatagram,
)
from meshcast.protocol.events import (
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    ProgrammeEnded,
    Received,
    RefillReceived,
    Stop,
    Tick,
)
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import DATAGRAMS_BURST, MESSAGES_BURST, MESSAGES_PER_SECOND
from meshcast.protocol.messages import Bye, Detach, Leave, Why
from meshcast.protocol.tickets import pack
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, Micros, PeerId
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import Links, open_links

SOURCE = Identity.from_seed(b"s" * 32)
DELAY_US = 10 * MILLISECOND


def chunk(sequence: int) -> Chunk:
    return sign_chunk(
        SOURCE,
        BroadcastId(SOURCE.peer_id),
        source_index=0,
        run=1,
        generation=1,
        sequence=sequence,
        media_time_us=0,
        duration_us=20 * MILLISECOND,
        flags=Flag.NONE,
        packets=(b"packet",),
    )


@dataclass
class Scripted:
    """A machine that remembers what happened, answers as it is told, and wakes at the times that it is given."""

    happened: list[tuple[Micros, Event]] = field(default_factory=list)
    answers: dict[type[Event], list[object]] = field(default_factory=dict)
    wakes: list[Micros] = field(default_factory=list)

    def handle(self, event: Event, now: Micros) -> Sequence[object]:
        self.happened.append((now, event))
        self.wakes = [one for one in self.wakes if one > now]
        return self.answers.get(type(event), [])

    def deadline(self) -> Micros | None:
        return min(self.wakes, default=None)

    def all(self, *kinds: type[Event]) -> list[Event]:
        return [event for _, event in self.happened if isinstance(event, kinds)]


@dataclass
class End:
    """A machine with its driver and its links."""

    machine: Scripted
    driver: Driver
    links: Links
    performed: list[object]
    key: PeerId

    def do(self, *effects: object) -> None:
        for effect in effects:
            self.driver.carry_out(effect)


@asynccontextmanager
async def ends(*names: str) -> AsyncIterator[list[End]]:
    """Open machines on one fabric; the first has a link to each of the others."""
    fabric = Fabric(1, Conditions(delay_us=DELAY_US))
    async with trio.open_nursery() as nursery:
        opened: list[End] = []

        async def run(name: str, number: int, task_status: trio.TaskStatus[End]) -> None:
            identity = Identity.from_seed(name.encode().ljust(32))
            machine, performed = Scripted(), list[object]()
            driver = Driver(machine, performed.append)
            socket = fabric.socket(f"10.0.0.{number}", 4433)
            async with open_links(identity, socket, driver.link_event) as links:
                driver.connect(links)
                task_status.started(End(machine, driver, links, performed, identity.peer_id))
                await driver.run()

        for number, name in enumerate(names, 1):
            end: End = await nursery.start(run, name, number)
            opened.append(end)
        first, *others = opened
        first.do(*(Dial(one.key, (one.links.own_address,)) for one in others))
        await trio.sleep(0.2)
        yield opened
        nursery.cancel_scope.cancel()


# ---- links


async def test_both_ends_are_told_of_a_link_and_who_dialled(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        assert left.machine.all(Connected) == [Connected(right.key, ("10.0.0.2", 4433), dialled=True)]
        assert right.machine.all(Connected) == [Connected(left.key, ("10.0.0.1", 4433), dialled=False)]


async def test_a_dial_that_comes_to_nothing_is_a_disconnection_that_says_why(
    autojump_clock: MockClock,
) -> None:
    async with ends("left") as (left,):
        stranger = PeerId(bytes(32))
        left.do(Dial(stranger, (("10.0.0.9", 1),)))
        await trio.sleep(5)
        assert left.machine.all(Disconnected) == [Disconnected(stranger, "no answer within 3 s")]


async def test_a_wrong_key_is_told_as_such(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        expected = Identity.from_seed(b"another".ljust(32)).peer_id
        left.do(Dial(expected, (right.links.own_address,)))
        await trio.sleep(5)
        (gone,) = left.machine.all(Disconnected)
        assert isinstance(gone, Disconnected)
        assert (gone.peer, gone.is_wrong_key) == (expected, True)


async def test_hanging_up_comes_after_what_was_sent_before(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        left.do(Send(right.key, Bye(Why.LEAVING)), HangUp(right.key, "enough"))
        await trio.sleep(1)
        assert right.machine.all(Received, Disconnected) == [
            Received(left.key, Bye(Why.LEAVING)),
            Disconnected(left.key, "enough"),
        ]


# ---- what is carried


async def test_messages_come_as_they_were_sent_reliably_or_now_or_never(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        left.do(Send(right.key, Detach(7)), Send(right.key, Detach(8)), Probe(right.key))
        await trio.sleep(1)
        left.do(SendDatagram(right.key, Detach(9)))
        await trio.sleep(1)
        assert right.machine.all(Received) == [Received(left.key, Detach(n)) for n in (7, 8, 9)]


async def test_a_chunk_comes_with_its_hop_header_and_the_round_trip(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        hop = Hop(0b101, 1234)
        left.do(SendChunk(right.key, hop, chunk(5)))
        await trio.sleep(1)
        (got,) = right.machine.all(ChunkReceived)
        assert isinstance(got, ChunkReceived)
        assert (got.peer, got.hop, got.chunk, got.is_refill) == (left.key, hop, chunk(5), False)
        assert got.rtt_us == pytest.approx(2 * DELAY_US, rel=0.2)


async def test_a_refill_comes_whole_and_in_order(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        left.do(Refill(right.key, tuple((Hop(0, number), chunk(number)) for number in range(1, 6))))
        await trio.sleep(1)
        (whole,) = right.machine.all(RefillReceived)
        assert isinstance(whole, RefillReceived)
        got = whole.parts
        assert [(one.hop.age_us, one.chunk.sequence) for one in got] == [(n, n) for n in range(1, 6)]
        assert all(one.is_refill for one in got)


async def test_chunks_that_a_link_cannot_take_are_dropped_and_counted(autojump_clock: MockClock) -> None:
    async with ends("left") as (left,):
        nobody = PeerId(bytes(32))
        left.do(SendChunk(nobody, Hop(0, 0), chunk(1)))
        left.do(Refill(nobody, ((Hop(0, 0), chunk(1)), (Hop(0, 0), chunk(2)))))
        left.do(Send(nobody, Leave()), SendDatagram(nobody, Leave()), Probe(nobody), HangUp(nobody, ""))
        assert left.driver.dropped_chunks == 3


async def test_what_is_not_for_a_link_is_performed_in_order(autojump_clock: MockClock) -> None:
    async with ends("left") as (left,):
        wanted = [Play(chunk(1), 5), Conceal(2, 20_000), Ended(), Failed("no more")]
        left.machine.answers[ProgrammeEnded] = list(wanted)
        left.driver.feed(ProgrammeEnded())
        assert left.performed == wanted


async def test_a_machine_is_asked_to_stop_as_it_is_told_everything_else(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        left.machine.answers[Stop] = [Send(right.key, Leave())]
        left.driver.stop()
        await trio.sleep(1)
        assert right.machine.all(Received) == [Received(left.key, Leave())]


# ---- hostile bytes


@pytest.mark.parametrize(
    "data", [b"\xc0", b"\xc1", b"garbage", pack([]), pack([34]), pack([34, -1]), pack({})]
)
@pytest.mark.parametrize("way", ["frame", "datagram", "chunk", "blob"])
async def test_bytes_that_are_no_message_end_the_link_that_they_came_from_and_touch_nothing_else(
    autojump_clock: MockClock, way: str, data: bytes
) -> None:
    async with ends("right", "crook", "friend") as (right, crook, friend):
        match way:
            case "frame":
                assert crook.links.send(right.key, data)
            case "datagram":
                assert crook.links.send_datagram(right.key, bytes([Kind.MESSAGE]) + data)
            case "chunk":
                assert crook.links.send_datagram(right.key, bytes([Kind.CHUNK]) + data)
            case _:
                assert crook.links.send_blob(right.key, bytes([Kind.REFILL, 1]) + data)
        await trio.sleep(1)
        (gone,) = right.machine.all(Disconnected)
        assert isinstance(gone, Disconnected)
        assert gone.peer == crook.key
        assert gone.detail.startswith("protocol error: ")
        assert right.machine.all(Received, ChunkReceived) == []
        assert [one.detail for one in crook.machine.all(Disconnected) if isinstance(one, Disconnected)] != []
        friend.do(Send(right.key, Leave()))
        await trio.sleep(1)
        assert right.machine.all(Received) == [Received(friend.key, Leave())]


async def test_a_flood_of_messages_ends_the_link_that_it_came_from_and_touches_nothing_else(
    autojump_clock: MockClock,
) -> None:
    async with ends("right", "crook", "friend") as (right, crook, friend):
        for _ in range(2 * MESSAGES_BURST):
            crook.do(Send(right.key, Leave()))
        await trio.sleep(1)
        assert len(right.machine.all(Received)) == MESSAGES_BURST
        (gone,) = right.machine.all(Disconnected)
        assert gone == Disconnected(
            crook.key, f"protocol error: more than {MESSAGES_PER_SECOND} messages a second"
        )
        assert right.links.peers == [friend.key]
        crook.do(Dial(right.key, (right.links.own_address,)))
        await trio.sleep(1)
        assert sorted(right.links.peers) == sorted([crook.key, friend.key]), "and it may come back"


async def test_a_flood_of_datagrams_is_not_looked_at(autojump_clock: MockClock) -> None:
    async with ends("right", "crook") as (right, crook):
        for _ in range(4 * DATAGRAMS_BURST // 8):
            for _ in range(8):
                crook.do(SendDatagram(right.key, Leave()))
            await trio.sleep(0.001)
        await trio.sleep(1)
        received = len(right.machine.all(Received))
        assert DATAGRAMS_BURST <= received < 2 * DATAGRAMS_BURST
        assert right.links.is_up(crook.key)


async def test_what_a_later_version_may_say_is_passed_over(autojump_clock: MockClock) -> None:
    async with ends("left", "right") as (left, right):
        assert left.links.send(right.key, pack([999, "news"]))
        assert left.links.send_datagram(right.key, b"\x63news")
        assert left.links.send_blob(right.key, b"\x63news")
        left.do(Send(right.key, Leave()))
        await trio.sleep(1)
        assert right.machine.all(Received, ChunkReceived, Disconnected) == [Received(left.key, Leave())]


# ---- time


async def test_ticks_come_exactly_when_they_are_asked_for(autojump_clock: MockClock) -> None:
    async with ends("left") as (left,):
        start = Driver.now()
        left.machine.wakes = [start + SECOND, start + SECOND + 1, start + HOUR]
        left.driver.feed(ProgrammeEnded())
        await trio.sleep(2 * 3600)
        ticks = [now - start for now, event in left.machine.happened if isinstance(event, Tick)]
        assert ticks == [SECOND, SECOND + 1, HOUR]


async def test_an_event_may_bring_the_deadline_forward_or_put_it_off(autojump_clock: MockClock) -> None:
    async with ends("left") as (left,):
        start = Driver.now()
        for wakes in ([start + HOUR], [start + SECOND]):
            left.machine.wakes = wakes
            left.driver.feed(ProgrammeEnded())
        await trio.sleep(0.5)
        left.machine.wakes = [start + 3 * SECOND]
        left.driver.feed(ProgrammeEnded())
        await trio.sleep(10)
        assert [now - start for now, event in left.machine.happened if isinstance(event, Tick)] == [
            3 * SECOND
        ]


async def test_what_need_not_be_done_at_once_is_done_along_with_the_next_event(
    autojump_clock: MockClock,
) -> None:
    async with ends("left") as (left,), trio.open_nursery() as nursery:
        start, done = Driver.now(), list[Micros]()

        async def wait(seconds: float) -> None:
            await left.driver.event_after(trio.current_time() + seconds)
            done.append(Driver.now() - start)

        nursery.start_soon(wait, 1.0)
        left.machine.wakes = [start + one * SECOND // 10 for one in (3, 9, 12, 30)]
        left.driver.feed(ProgrammeEnded())
        await trio.sleep(2.0)
        assert done == [1_200 * MILLISECOND]
        with trio.move_on_after(0.5):
            await left.driver.event_after(trio.current_time())
        assert trio.current_time() * SECOND == pytest.approx(start + 2_500 * MILLISECOND), "nothing happened"


async def test_a_machine_without_a_deadline_sleeps(autojump_clock: MockClock) -> None:
    async with ends("left") as (left,):
        await trio.sleep(3600)
        assert left.machine.happened == []


async def test_time_is_whole_microseconds(autojump_clock: MockClock) -> None:
    before = Driver.now()
    await trio.sleep(1.2345678)
    assert Driver.now() - before == 1_234_568
    assert type(before) is int


class Stuck(Scripted):
    """A machine that asks for the past, whatever it is told."""

    def deadline(self) -> Micros | None:
        return -2 * SECOND


async def test_a_machine_that_asks_for_the_past_for_ever_is_a_bug_and_is_found_out(
    autojump_clock: MockClock,
) -> None:
    machine = Stuck()
    driver = Driver(machine, lambda _: None)
    with pytest.raises(AssertionError, match="Stuck asks for the past again and again"):
        await driver.run()
    assert len(machine.happened) == TICKS_MAX - 1
