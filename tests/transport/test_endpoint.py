"""One task for all connections: whatever arrives costs a connection at most, and time always goes on."""

import gc
import random
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import trio
from aioquic.tls import Epoch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from meshcast.transport import limits
from meshcast.transport.fabric import Conditions
from meshcast.transport.framing import preamble
from meshcast.transport.link_events import LinkUp
from meshcast.transport.reasons import DownReason

VICTIM, FRIEND, STRANGER = ("10.0.0.1", 4433), ("10.0.0.2", 4433), ("10.9.9.9", 999)


def recorded(fabric: Any) -> list[bytes]:
    """Record every datagram that crosses the fabric from now on."""
    packets: list[bytes] = []
    carry = fabric.carry

    def record(source: Any, target: Any, data: bytes) -> bool:
        packets.append(data)
        return bool(carry(source, target, data))

    fabric.carry = record
    return packets


def mutated(packets: list[bytes], chance: random.Random) -> bytes:
    """Make something that looks like a packet, or once was one."""
    data = bytearray(chance.choice(packets))
    match chance.randrange(7):
        case 0:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 1:
            data = data[: chance.randrange(len(data))]
        case 2:
            data += chance.randbytes(chance.randrange(1, 300))
        case 3:
            other = chance.choice(packets)
            data = data[: chance.randrange(len(data))] + bytearray(other[chance.randrange(len(other)) :])
        case 4:
            data[: chance.randrange(1, 30)] = chance.randbytes(chance.randrange(1, 30))
        case 5:
            data = bytearray([data[0]]) + bytearray(chance.randbytes(chance.randrange(1_300)))
        case _:
            pass
    return bytes(data)


def in_virtual_time(function: Callable[[trio.Nursery], Any]) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            await function(nursery)
            nursery.cancel_scope.cancel()

    trio.run(run, clock=MockClock(autojump_threshold=0))


async def check_all_is_well(victim: Any, friend: Any) -> None:
    """Check that the two still have their link, and that nothing else is left."""
    friend.links.send(victim.id, b"still here")
    victim.links.send(friend.id, b"me too")
    await trio.sleep(5)
    assert victim.frames[-1] == b"still here"
    assert friend.frames[-1] == b"me too"
    assert not victim.downs
    assert not friend.downs
    assert victim.connections == friend.connections == 1
    assert victim.links._endpoint.in_progress == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), from_friend=st.booleans())
def test_mutated_packets_harm_no_link(make_street: Callable[..., Any], seed: int, from_friend: bool) -> None:
    async def run(nursery: trio.Nursery) -> None:
        street = make_street(nursery)
        packets = recorded(street.fabric)
        victim, friend = await street.linked("victim", "friend")
        victim.links.send_datagram(friend.id, b"chunk")
        friend.links.send_blob(victim.id, bytes(5_000))
        await trio.sleep(1)
        genuine, chance = list(packets), random.Random(seed)
        for _ in range(60):
            source = FRIEND if from_friend else STRANGER
            street.fabric.carry(source, VICTIM, mutated(genuine, chance))
            street.fabric.carry(VICTIM if from_friend else STRANGER, FRIEND, mutated(genuine, chance))
            await trio.sleep(0.01)
        await check_all_is_well(victim, friend)

    in_virtual_time(run)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datagrams=st.lists(st.binary(max_size=1_500), min_size=1, max_size=30))
def test_any_bytes_harm_no_link(make_street: Callable[..., Any], datagrams: list[bytes]) -> None:
    async def run(nursery: trio.Nursery) -> None:
        street = make_street(nursery)
        victim, friend = await street.linked("victim", "friend")
        for data in datagrams:
            street.fabric.carry(STRANGER, VICTIM, data)
        await trio.sleep(0.1)
        assert victim.links.strays == len(datagrams)
        await check_all_is_well(victim, friend)

    in_virtual_time(run)


def inject(intruder: Any, payload: bytes) -> None:
    """Send a payload of our own making in a packet that the other side can decrypt."""
    quic = intruder.quic
    number = quic._packet_number
    quic._packet_number += 1
    header = bytes([0x41]) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
    packet = quic._cryptos[Epoch.ONE_RTT].encrypt_packet(header, payload.ljust(4, b"\0"), number)
    intruder.endpoint._socket.send(packet, quic._network_paths[0].addr)


async def intruded(street: Any) -> tuple[Any, Any, Any]:
    victim, friend = await street.linked("victim", "friend")
    intruder = await street.intruder("intruder")
    intruder.dial(victim.address)
    await trio.sleep(0.2)
    intruder.say(preamble(intruder.identity, victim.id, intruder.quic.exported))
    await trio.sleep(0.2)
    assert victim.links.is_up(intruder.identity.peer_id)
    return victim, friend, intruder


def frames() -> st.SearchStrategy[bytes]:
    """Make payloads: frame types that exist, followed by numbers that are small, large or at an edge."""
    number = st.one_of(
        st.integers(0, 63).map(lambda n: bytes([n])),
        st.integers(0, 2**14 - 1).map(lambda n: (n | 0x4000).to_bytes(2, "big")),
        st.integers(0, 2**62 - 1).map(lambda n: (n | 0xC000000000000000).to_bytes(8, "big")),
        st.binary(min_size=8, max_size=8),
    )
    kind = st.one_of(st.integers(0, 0x1E), st.sampled_from([0x30, 0x31])).map(lambda n: bytes([n]))
    frame = st.tuples(kind, st.lists(number, max_size=6)).map(lambda parts: parts[0] + b"".join(parts[1]))
    return st.lists(frame, min_size=1, max_size=6).map(b"".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(frames(), min_size=1, max_size=8))
def test_whatever_an_authenticated_peer_puts_in_its_packets_costs_its_own_link_at_most(
    make_street: Callable[..., Any], payloads: list[bytes]
) -> None:
    async def run(nursery: trio.Nursery) -> None:
        street = make_street(nursery)
        victim, friend, intruder = await intruded(street)
        for payload in payloads:
            if not intruder.endings:
                inject(intruder, payload[:1_100])
                await trio.sleep(0.05)
        street.fabric.kill(intruder.endpoint._socket.address)
        await trio.sleep(10)
        assert all(down.peer == intruder.identity.peer_id for down in victim.downs)
        victim.told[:] = [(at, event) for at, event in victim.told if event.peer == friend.id]
        await check_all_is_well(victim, friend)

    in_virtual_time(run)


async def test_a_fault_inside_the_library_costs_that_connection_alone(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, friend, intruder = await intruded(street)
    # The spare connection id is taken for a second path, and then the first is retired without a successor.
    other = street.socket()
    challenge = bytes([0x1A]) + bytes(8)
    socket, intruder.endpoint._socket = intruder.endpoint._socket, other
    inject(intruder, challenge)
    intruder.endpoint._socket = socket
    await trio.sleep(0.1)
    inject(intruder, bytes([0x18, 1, 1, 8]) + bytes(8) + bytes(16))
    await trio.sleep(0.1)
    assert [(down.peer, down.reason) for down in victim.downs] == [
        (intruder.identity.peer_id, DownReason.PROTOCOL)
    ]
    assert "IndexError" in victim.downs[0].detail
    assert victim.connections == 1
    assert victim.links.is_up(friend.id)


async def test_gaps_in_streams_never_make_us_allocate_more_than_the_windows(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, _, intruder = await intruded(street)
    (channel,) = (c for c in victim.links._endpoint._channels if c.owner.peer == intruder.identity.peer_id)
    held = 0
    for stream_id in (0, *range(2, 2 + 4 * limits.BLOBS_MAX, 4)):
        for reach in (limits.STREAM_WINDOW_BYTES - 1, 2 * limits.STREAM_WINDOW_BYTES, 2**30):
            if channel.owner is None:
                break
            inject(intruder, bytes([0x0E, stream_id]) + (reach | 0x80000000).to_bytes(4, "big") + b"\1z")
            await trio.sleep(0.1)
            if channel.owner is not None:
                held = max(held, sum(len(s.receiver._buffer) for s in channel.quic._streams.values()))
    assert held <= limits.STREAM_WINDOW_BYTES * (limits.BLOBS_MAX + 1)
    assert [down.reason for down in victim.downs] == [DownReason.PROTOCOL], "beyond the window is an offence"


async def test_a_first_packet_that_cannot_be_decrypted_leaves_nothing_behind(
    autojump_clock: MockClock, street: Any
) -> None:
    packets = recorded(street.fabric)
    victim, friend = await street.linked("victim", "friend")
    first = bytearray(next(data for data in packets if len(data) >= 1_200))
    first[6:14] = b"another!"
    for _ in range(100):
        street.fabric.carry(STRANGER, VICTIM, bytes(first))
        await trio.sleep(0.001)
    await trio.sleep(0.1)
    assert victim.connections == 1
    assert victim.links.strays == 100
    await check_all_is_well(victim, friend)


async def test_first_packets_without_a_second_are_bounded_and_forgotten(
    autojump_clock: MockClock, street: Any
) -> None:
    packets = recorded(street.fabric)
    crowd = [await street.intruder(f"stranger {number}") for number in range(120)]
    for intruder in crowd:
        intruder.dial(("10.255.0.1", 4433))
    await trio.sleep(0.1)
    victim, friend = [await street.peer(name) for name in ("victim", "friend")]
    firsts = [data for data in packets if len(data) >= 1_200]
    assert len(firsts) == 120
    street.fabric.partition([victim.address[0]], [i.endpoint._socket.address[0] for i in crowd])
    for number, data in enumerate(firsts):
        street.fabric.carry(("10.7.7.7", 1 + number), victim.address, data)
    await trio.sleep(0.1)
    assert victim.connections == limits.RETRY_ABOVE
    friend.links.dial(victim.id, victim.address)
    await trio.sleep(0.3)
    assert victim.links.is_up(friend.id), "a stranger that answers a retry gets in"
    await trio.sleep(3)
    assert victim.connections == 1


async def test_a_connection_is_freed_without_the_garbage_collector(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, friend = await street.linked("victim", "friend")
    third = await street.peer("third")
    third.links.dial(victim.id, victim.address)
    await trio.sleep(0.3)
    gc.collect()
    gc.disable()
    try:
        watched = [weakref.ref(channel.quic._loss) for channel in victim.links._endpoint._channels]
        third.scope.cancel()
        victim.links.hang_up(friend.id)
        await trio.sleep(3)
        assert victim.connections == 0
        assert [ref() for ref in watched] == [None, None]
    finally:
        gc.enable()


async def test_a_lost_farewell_is_said_again_to_late_packets(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    street.fabric.partition(["10.0.0.1"], ["10.0.0.2"])
    left.links.hang_up(right.id, "unheard")
    await trio.sleep(0.1)
    street.fabric.heal()
    right.links.send(left.id, b"are you there?")
    await trio.sleep(0.2)
    assert [(down.reason, down.detail) for down in right.downs] == [(DownReason.CLOSED, "unheard")]


async def test_no_timer_ever_makes_virtual_time_stand_still(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    bad = Conditions(1, jitter_us=3_000, loss=0.3, reordering=0.3, rate_bytes_s=20_000)
    for pair in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")):
        street.fabric.between(*pair, bad)
    for _ in range(300):
        left.links.send_datagram(right.id, bytes(1_000))
        right.links.send(left.id, bytes(500))
        left.links.send_blob(right.id, bytes(20_000))
        await trio.sleep(0.02)
    assert left.turns < 6 / limits.TIMER_STEP_S, "at most a turn for each step of the clock"


async def test_a_socket_that_blocks_loses_packets_counts_them_and_recovers(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    street.fabric.jam(left.address)
    left.links.send(right.id, b"patience")
    await trio.sleep(0.5)
    assert left.links.counters(right.id).wire_blocked > 0
    assert not right.frames
    street.fabric.unjam(left.address)
    await trio.sleep(1)
    assert right.frames == [b"patience"]


async def test_a_call_from_outside_wakes_the_task(autojump_clock: MockClock, street: Any) -> None:
    left, right = await street.linked("left", "right")
    await trio.sleep(2.5)
    start = trio.current_time()
    left.links.send_datagram(right.id, b"now")
    await trio.sleep(1)
    assert right.told[-1][0] - start == pytest.approx(0.025, abs=1e-6)


async def test_a_version_nobody_speaks_is_answered_with_ours_and_opens_nothing(
    autojump_clock: MockClock, street: Any
) -> None:
    victim = await street.peer("victim")
    stranger = street.socket()
    stranger.send(
        bytes([0xC0, 0x6B, 0x33, 0x43, 0xCF, 8]) + b"12345678" + b"\x04abcd" + bytes(1_200), victim.address
    )
    await trio.sleep(0.1)
    (answer,) = stranger.receive(10)
    assert answer[0][1:5] == bytes(4), "version negotiation"
    assert answer[0].endswith(b"\0\0\0\1")
    assert len(answer[0]) < 100
    assert victim.connections == 0


async def test_the_endpoint_tells_of_links_in_the_order_in_which_packets_came(
    autojump_clock: MockClock, street: Any
) -> None:
    hub, *others = await street.linked("hub", *(f"peer {number}" for number in range(10)))
    for _ in range(3):
        for other in others:
            other.links.send_datagram(hub.id, b"x")
    await trio.sleep(1)
    told = [event.peer for _, event in hub.told if not isinstance(event, LinkUp)]
    by_address = sorted(others, key=lambda other: other.address)
    assert told[:10] == [other.id for other in by_address] or told == [
        o.id for o in by_address for _ in range(3)
    ]
