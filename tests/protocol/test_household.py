"""What a peer sends in all never exceeds its uplink; live chunks come first, and what must wait is sent when there is room."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Hop
from meshcast.protocol.effects import Effect, Refill, SendChunk
from meshcast.protocol.events import RoundTrips
from meshcast.protocol.household import Household, size_of
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import (
    COURTESY_STEP_US,
    DATAGRAM_BYTES_MAX,
    HOUSEHOLD_BURST_US,
    HOUSEHOLD_CHILD_BYTES,
    HOUSEHOLD_LIVE_PERCENT,
    HOUSEHOLD_QUEUE_MAX,
    HOUSEHOLD_SOUND_PERCENT,
    PACKET_OVERHEAD_BYTES,
)
from meshcast.protocol.messages import Join, Report
from meshcast.protocol.relay import Child, Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

CHUNK_US = 100 * MILLISECOND
NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")


class House:
    """A household with some children, and all that left it."""

    def __init__(self, crew: Any, uplink_bps: int | None, children: int, capacity: int = 4) -> None:
        member = crew.member("me", capacity=capacity)
        self.crew = crew
        self.backlog = Backlog()
        self.relay = Relay(
            member,
            Standing(member.me, Role.LISTENER),
            self.backlog,
            Sources(crew.broadcast, verify),
            lambda: (),
        )
        self.children = [crew.id(name) for name in NAMES[:children]]
        for child in self.children:
            self.relay.children[child] = Child(1, is_emergency=False)
        self.household = Household(self.relay, self.backlog, uplink_bps)
        self.sent: list[tuple[Micros, Any, int, int]] = []
        """When, to whom, which chunk, and its bytes."""
        self.now: Micros = 50 * SECOND

    def chunk(self, sequence: int, size: int = 800) -> Any:
        return self.crew.chunk(sequence, packets=(b"s" * size,))

    def live(self, sequence: int, size: int = 800) -> None:
        """Let the next chunk come, and go to all children."""
        chunk = self.chunk(sequence, size)
        self.backlog.add(chunk, self.now, 0)
        self.send([SendChunk(child, Hop(0, 0), chunk) for child in self.children])

    def send(self, effects: list[Effect]) -> None:
        for effect in self.household.pass_on(effects, self.now):
            match effect:
                case SendChunk(to, _, chunk):
                    self.sent.append((self.now, to, chunk.sequence, size_of(chunk)))
                case Refill(to, chunks):
                    self.sent += [(self.now, to, chunk.sequence, size_of(chunk)) for _, chunk in chunks]
                case _:
                    raise AssertionError(effect)

    def wait(self, duration_us: Micros) -> None:
        """Let time pass; what waits is sent when there is room."""
        until = self.now + duration_us
        while (due := self.household.deadline(self.now)) is not None and due <= until:
            assert due > self.now, "what could have been sent was"
            self.now = due
            self.send([])
        self.now = until

    def most_bytes(self, span_us: Micros) -> int:
        """Give the most that left within any span."""
        return max(
            (
                sum(size for at, _, _, size in self.sent if start <= at < start + span_us)
                for start, *_ in self.sent
            ),
            default=0,
        )


steps = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(1, 60)), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(50_000, 3_000_000), st.integers(0, 6))
def test_whatever_is_asked_for_no_span_of_time_sees_more_than_the_uplink_and_a_short_burst(
    crew: Any, steps: list[tuple[int, int, int]], uplink_bps: int, children: int
) -> None:
    house, newest = House(crew, uplink_bps, children), 0
    for what, wait_ms, count in steps:
        if what or not newest or not house.children:
            newest += 1
            house.live(newest)
        else:
            first = max(1, newest - count)
            chunks = tuple((Hop(0, 0), house.chunk(one)) for one in range(first, newest))
            house.send([Refill(house.children[count % children], chunks)] if chunks else [])
        house.wait(wait_ms * MILLISECOND)
    rate = house.household.rate_bytes_s
    assert rate * 8 * 100 <= uplink_bps * HOUSEHOLD_SOUND_PERCENT
    round_bytes = children * HOUSEHOLD_CHILD_BYTES // 10 * 9 // 8 + DATAGRAM_BYTES_MAX + PACKET_OVERHEAD_BYTES
    for span_us in (100 * MILLISECOND, SECOND, 5 * SECOND):
        burst = max(rate * HOUSEHOLD_BURST_US // SECOND, round_bytes)
        assert house.most_bytes(span_us) <= rate * span_us // SECOND + burst


class Meticulous(Household):
    """Reckons each copy by itself."""

    def _fits(self, effects: list[Effect], now: Micros) -> bool:
        return False


@settings(deadline=None, max_examples=60)
@given(
    rounds=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 1_000)), min_size=1, max_size=30),
    uplink_bps=st.one_of(st.none(), st.integers(50_000, 2_000_000)),
    children=st.integers(0, 6),
)
def test_a_round_that_is_reckoned_at_once_is_reckoned_as_each_copy_would_be(
    crew: Any, rounds: list[tuple[int, int]], uplink_bps: int | None, children: int
) -> None:
    one, other = House(crew, uplink_bps, children), House(crew, uplink_bps, children)
    other.household.__class__ = Meticulous
    for sequence, (wait_ms, size) in enumerate(rounds, 1):
        for house in (one, other):
            house.live(sequence, size)
            house.wait(wait_ms * MILLISECOND)
        assert one.sent == other.sent
        assert one.household.held_back_chunks == other.household.held_back_chunks
        assert one.household._level(one.now) == other.household._level(other.now)


def test_a_refill_does_not_hold_live_chunks_back(crew: Any) -> None:
    house = House(crew, 400_000, 3)
    for sequence in range(1, 101):
        house.live(sequence)
        house.wait(CHUNK_US)
    house.send([Refill(house.children[0], tuple((Hop(0, 0), house.chunk(one)) for one in range(1, 100)))])
    asked_at = house.now
    for sequence in range(101, 501):
        house.live(sequence)
        house.wait(CHUNK_US)
    assert house.household.held_back_chunks == 0
    late = [sequence for at, _, sequence, _ in house.sent if at >= asked_at and sequence < 100]
    assert late == list(range(1, 100)), "in order, each once"
    assert house.household.deadline(house.now) is None


def test_a_live_chunk_that_does_not_fit_is_not_queued(crew: Any) -> None:
    """Somebody with more children than its line bears: what is late is worth nothing, and is asked for again."""
    house = House(crew, 100_000, 4)
    for sequence in range(1, 51):
        house.live(sequence)
        house.wait(CHUNK_US)
    assert house.household.held_back_chunks > 50
    assert house.household.deadline(house.now) is None


def test_what_is_asked_for_twice_while_it_waits_is_sent_once_and_the_line_has_an_end(crew: Any) -> None:
    house = House(crew, 50_000, 1)
    for sequence in range(1, 301):
        house.backlog.add(house.chunk(sequence), house.now, 0)
    asked_at = house.now
    for first in (1, 101, 1, 101):
        house.send(
            [
                Refill(
                    house.children[0],
                    tuple((Hop(0, 0), house.chunk(one)) for one in range(first, first + 100)),
                )
            ]
        )
    house.wait(120 * SECOND)
    sequences = [sequence for at, _, sequence, _ in house.sent if at > asked_at]
    assert sequences == [*range(2, 101), *range(101, 201), 1], (
        "the first had gone before it was asked for again"
    )
    assert HOUSEHOLD_QUEUE_MAX >= 3 * 96


def test_what_waits_for_somebody_who_is_gone_is_dropped(crew: Any) -> None:
    house = House(crew, 100_000, 2)
    house.backlog.add(house.chunk(90), house.now, 0)
    for child in house.children:
        house.send([Refill(child, tuple((Hop(0, 0), house.chunk(one)) for one in range(1, 30)))])
    del house.relay.children[house.children[0]]
    house.send([])
    gone_at = house.now + 1
    house.wait(60 * SECOND)
    assert {to for at, to, _, _ in house.sent if at >= gone_at} == {house.children[1]}


@pytest.mark.parametrize(("uplink_bps", "places"), [(90_000, 0), (110_000, 1), (320_000, 3), (10_000_000, 4)])
def test_no_more_places_are_offered_than_live_chunks_fit_for(crew: Any, uplink_bps: int, places: int) -> None:
    house = House(crew, uplink_bps, 0)
    house.live(1, size=800)
    assert house.relay.capacity == places
    bears = uplink_bps * HOUSEHOLD_SOUND_PERCENT * HOUSEHOLD_LIVE_PERCENT // 80_000
    assert house.relay.capacity * size_of(house.chunk(1)) * 10 <= bears


def test_a_stream_of_fewer_bits_finds_more_places(crew: Any) -> None:
    house = House(crew, 200_000, 0, capacity=8)
    assert house.relay.capacity == 1
    house.live(1, size=200)
    assert house.relay.capacity == 4


def test_without_a_declared_uplink_it_follows_from_the_places_and_bears_emergencies_too(crew: Any) -> None:
    house = House(crew, None, 3, capacity=3)
    for sequence in range(1, 30):
        house.live(sequence)
        house.wait(CHUNK_US)
    assert house.relay.capacity == 3
    assert house.household.places_max == 7
    assert house.household.rate_bytes_s * HOUSEHOLD_LIVE_PERCENT // 100 >= 7 * size_of(house.chunk(1)) * 9
    assert house.household.held_back_chunks == 0


# ---- in the machine


def test_a_listener_with_a_narrow_line_says_so_when_it_joins_and_takes_no_more(world: Any) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source", is_paced=True, uplink_bps=60_000)
    world.run(SECOND)
    for name in ("one", "two", "kid", "dan"):
        world.join(name, "mum")
        world.run(SECOND)
    assert (
        next(message for name, message in world.told if name == "mum" and isinstance(message, Join)).capacity
        == 0
    )
    assert 0 < len(world.children("mum")) < 4, "a stream of fewer bits leaves room for some"
    reports = [message for name, message in world.told if name == "mum" and isinstance(message, Report)]
    assert reports[-1].capacity == world.machines["mum"].relay.capacity < 4


def test_one_that_hears_that_delay_rises_offers_less_step_by_step_and_keeps_whom_it_feeds(world: Any) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source", is_paced=True)
    for name in ("one", "two", "kid"):
        world.join(name, "mum")
    world.run(2 * SECOND)
    mum = world.machines["mum"]
    lines = [*mum.relay.children, mum.uplink.parent]
    offers = []
    for second in range(30):
        rtt_us = 40 * MILLISECOND if second < 5 else 400 * MILLISECOND
        world.feed("mum", RoundTrips(tuple((line, rtt_us) for line in lines)))
        world.run(SECOND)
        offers.append(mum.relay.capacity)
    assert offers[0] == 4
    assert offers[-1] < 3
    assert all(earlier - later in {0, 1, 2} for earlier, later in pairwise(offers))
    assert COURTESY_STEP_US == 5 * SECOND
    assert world.children("mum") == ["one", "two", "kid"], "the tracker moves them, and nobody is dropped"
    reports = [message for name, message in world.told if name == "mum" and isinstance(message, Report)]
    assert reports[-1].capacity == offers[-1]
