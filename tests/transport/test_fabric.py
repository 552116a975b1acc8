"""What only the fabric promises: exact arrival, weather, faults, and the same run for the same seed."""

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.transport.fabric import BLACK_HOLE, Conditions, Fabric, FabricSocket

LEFT, RIGHT = "10.0.0.1", "10.0.0.2"


async def arrivals(socket: FabricSocket, until: float) -> list[tuple[float, bytes]]:
    """Read everything that comes within the next `until` seconds, with the time since now."""
    start = trio.current_time()
    got: list[tuple[float, bytes]] = []
    with trio.move_on_after(until):
        while True:
            await socket.wait_readable()
            got += [(trio.current_time() - start, data) for data, _ in socket.receive(100)]
    return got


def pair(fabric: Fabric) -> tuple[FabricSocket, FabricSocket]:
    return fabric.socket(LEFT), fabric.socket(RIGHT)


async def test_a_datagram_arrives_at_exactly_its_hour(autojump_clock: trio.testing.MockClock) -> None:
    left, right = pair(Fabric(conditions=Conditions(delay_us=250 * MILLISECOND)))
    left.send(b"x", right.address)
    await trio.sleep(0.125)
    left.send(b"y", right.address)
    await trio.sleep(0.124)
    assert right.receive(9) == []
    got = await arrivals(right, 1)
    assert [data for _, data in got] == [b"x", b"y"]
    assert [at for at, _ in got] == pytest.approx([0.001, 0.126], abs=1e-9)


async def test_a_waiter_is_woken_earlier_when_something_faster_comes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric()
    fabric.between(LEFT, RIGHT, Conditions(delay_us=5 * SECOND))
    left, right = pair(fabric)
    near = fabric.socket("10.0.0.3")
    left.send(b"slow", right.address)
    async with trio.open_nursery() as nursery:

        async def later() -> None:
            await trio.sleep(1)
            near.send(b"fast", right.address)

        nursery.start_soon(later)
        assert await arrivals(right, 10) == [(1.0, b"fast"), (5.0, b"slow")]


async def test_the_legs_add_up_and_each_way_is_its_own(autojump_clock: trio.testing.MockClock) -> None:
    fabric = Fabric()
    fabric.uplink(LEFT, Conditions(delay_us=100 * MILLISECOND))
    fabric.between(LEFT, RIGHT, Conditions(delay_us=20 * MILLISECOND))
    fabric.downlink(RIGHT, Conditions(delay_us=3 * MILLISECOND))
    left, right = pair(fabric)
    left.send(b"there", right.address)
    right.send(b"back", left.address)
    assert left.receive(1) == [(b"back", right.address)]
    assert [at for at, _ in await arrivals(right, 1)] == pytest.approx([0.123])


async def test_a_rate_spaces_datagrams_out_and_a_full_queue_drops_the_tail(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric()
    fabric.uplink(LEFT, Conditions(rate_bytes_s=10_000, queue_us_max=250 * MILLISECOND))
    left, right = pair(fabric)
    for number in range(10):
        left.send(bytes([number]) * 1_000, right.address)
    got = await arrivals(right, 5)
    assert [at for at, _ in got] == pytest.approx([0.1, 0.2, 0.3])
    assert fabric.lost == 7


async def test_jitter_alone_keeps_the_order_and_reordering_does_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric(seed=3, conditions=Conditions(delay_us=10 * MILLISECOND, jitter_us=80 * MILLISECOND))
    left, right = pair(fabric)
    numbers = [bytes([number]) for number in range(200)]
    for number in numbers:
        left.send(number, right.address)
    assert [data for _, data in await arrivals(right, 1)] == numbers
    fabric.between(LEFT, RIGHT, Conditions(reordering=0.2))
    for number in numbers:
        left.send(number, right.address)
    got = [data for _, data in await arrivals(right, 1)]
    assert got != numbers
    assert sorted(got) == numbers


async def test_loss_and_duplication_come_in_their_share(autojump_clock: trio.testing.MockClock) -> None:
    fabric = Fabric(seed=1)
    fabric.between(LEFT, RIGHT, Conditions(loss=0.3))
    fabric.between(RIGHT, LEFT, Conditions(duplication=0.3))
    left, right = pair(fabric)
    for _ in range(2_000):
        left.send(b"x", right.address)
        right.send(b"y", left.address)
    assert 1_300 < len(right.receive(10_000)) < 1_500
    assert 2_500 < len(left.receive(10_000)) < 2_700


async def test_the_killed_neither_hear_nor_are_heard_until_revived(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric(conditions=Conditions(delay_us=100 * MILLISECOND))
    left, right = pair(fabric)
    left.send(b"on its way", right.address)
    fabric.kill(right.address)
    left.send(b"too late", right.address)
    assert right.send(b"unheard", left.address)
    assert await arrivals(right, 1) == []
    assert left.receive(1) == []
    fabric.revive(right.address)
    left.send(b"again", right.address)
    assert [data for _, data in await arrivals(right, 1)] == [b"again"]


async def test_a_partition_parts_groups_and_heals(autojump_clock: trio.testing.MockClock) -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    third = fabric.socket("10.0.0.3")
    fabric.partition([LEFT], [RIGHT])
    left.send(b"parted", right.address)
    left.send(b"outside", third.address)
    assert right.receive(1) == []
    assert len(third.receive(1)) == 1
    fabric.heal()
    left.send(b"healed", right.address)
    assert len(right.receive(1)) == 1


async def test_the_frozen_stand_still_and_catch_up_when_thawed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    fabric.freeze(right.address)
    left.send(b"in", right.address)
    right.send(b"out", left.address)
    assert right.receive(1) == []
    assert left.receive(1) == []
    async with trio.open_nursery() as nursery:

        async def thaw() -> None:
            await trio.sleep(2)
            fabric.thaw(right.address)

        nursery.start_soon(thaw)
        assert await arrivals(right, 5) == [(2.0, b"in")]
    assert left.receive(1) == [(b"out", right.address)]


async def test_a_jammed_socket_blocks_and_says_so() -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    fabric.jam(left.address)
    assert not left.send(b"x", right.address)
    fabric.unjam(left.address)
    assert left.send(b"x", right.address)
    assert len(right.receive(5)) == 1


async def test_a_rebound_socket_goes_on_under_its_new_address() -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    old = left.address
    new = left.rebind(LEFT)
    assert new != old
    right.send(b"lost", old)
    right.send(b"found", new)
    left.send(b"x", right.address)
    assert left.receive(5) == [(b"found", right.address)]
    assert right.receive(5) == [(b"x", new)]


async def test_a_full_inbox_drops(autojump_clock: trio.testing.MockClock) -> None:
    left, right = pair(Fabric())
    for _ in range(5_000):
        left.send(bytes(1_000), right.address)
    assert 4_000 < len(right.receive(10_000)) < 4_300


async def test_thousands_of_virtual_seconds_pass_quickly(autojump_clock: trio.testing.MockClock) -> None:
    left, right = pair(Fabric(conditions=Conditions(delay_us=10 * MILLISECOND)))
    for _ in range(2_000):
        left.send(b"tick", right.address)
        await right.wait_readable()
        right.receive(1)
        await trio.sleep(5)
    assert trio.current_time() > 10_000


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.5), jitter_us=st.integers(0, SECOND))
def test_the_same_seed_is_the_same_run(seed: int, loss: float, jitter_us: int) -> None:
    async def once() -> list[tuple[float, bytes]]:
        weather = Conditions(MILLISECOND, jitter_us, loss, duplication=0.1, reordering=0.1)
        fabric = Fabric(seed, weather)
        left, right = pair(fabric)
        third = fabric.socket("10.0.0.3")

        async def talk(socket: FabricSocket, word: bytes) -> None:
            for number in range(20):
                socket.send(word + bytes([number]), right.address)
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk, left, b"left")
            nursery.start_soon(talk, third, b"third")
            return await arrivals(right, 5)

    def run() -> list[tuple[float, bytes]]:
        return trio.run(once, clock=trio.testing.MockClock(autojump_threshold=0))

    assert run() == run()


async def test_weather_is_everywhere_but_where_a_path_was_set_by_name(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    left.send(b"clear", right.address)
    fabric.weather(BLACK_HOLE)
    fabric.between(RIGHT, LEFT, Conditions(delay_us=SECOND))
    left.send(b"lost", right.address)
    right.send(b"by name", left.address)
    assert [data for _, data in await arrivals(right, 2)] == [b"clear"]
    assert left.receive(9) == [(b"by name", right.address)]
    fabric.between(RIGHT, LEFT, None)
    right.send(b"lost too", left.address)
    fabric.weather(Conditions())
    right.send(b"clear again", left.address)
    assert [data for _, data in await arrivals(left, 2)] == [b"clear again"]


async def test_a_frozen_process_is_not_woken_by_what_becomes_due(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric()
    left, right = pair(fabric)
    woken_at: list[float] = []

    async def wait() -> None:
        with trio.move_on_after(1):
            await right.wait_readable()
        woken_at.append(trio.current_time())

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.5)
        fabric.freeze(right.address)
        left.send(b"x", right.address)
        await trio.sleep(9.5)
        assert woken_at == []
        fabric.thaw(right.address)
    assert woken_at == [began + 10]


async def test_a_nat_that_forgets_its_mapping_gives_another_one_and_loses_what_was_on_its_way(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fabric = Fabric(conditions=Conditions(delay_us=MILLISECOND))
    left, right = pair(fabric)
    old = left.address
    right.send(b"on its way", old)
    new = fabric.rebind(old)
    assert new[0] == old[0]
    assert new != old
    right.send(b"to the old one", old)
    right.send(b"to the new one", new)
    assert [data for _, data in await arrivals(left, 1)] == [b"to the new one"]


async def test_nothing_is_remembered_of_sockets_that_are_closed() -> None:
    fabric = Fabric()
    right = fabric.socket(RIGHT)
    for number in range(100):
        left = fabric.socket(f"10.0.1.{number}")
        left.send(b"x", right.address)
        right.send(b"y", left.address)
        fabric.kill(left.address)
        left.close()
    assert fabric.sockets == 1
    assert not fabric._chances
    assert not fabric._paths
    assert not fabric._dead
