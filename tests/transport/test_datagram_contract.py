"""One contract, two arms: real UDP on the loopback and the fabric in memory behave alike."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import Address
from meshcast.transport.datagram import DatagramSocket, UdpSocket
from meshcast.transport.fabric import Fabric

Bind = Callable[[int], DatagramSocket]


@pytest.fixture(params=["udp", "fabric"])
def bind(request: pytest.FixtureRequest) -> Bind:
    if request.param == "udp":
        return lambda port: UdpSocket.bind("127.0.0.1", port)
    fabric = Fabric()
    return lambda port: fabric.socket("127.0.0.1", port)


async def read(socket: DatagramSocket, count: int) -> list[tuple[bytes, Address]]:
    got: list[tuple[bytes, Address]] = []
    with trio.fail_after(5):
        while len(got) < count:
            await socket.wait_readable()
            got += socket.receive(count - len(got))
    return got


async def test_what_is_sent_arrives_whole_with_its_senders_address(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    assert left.send(b"hello", right.address)
    assert await read(right, 1) == [(b"hello", left.address)]
    assert right.send(b"and back", left.address)
    assert await read(left, 1) == [(b"and back", right.address)]
    left.close()
    right.close()


async def test_a_socket_knows_its_own_address_with_a_real_port(bind: Bind) -> None:
    socket = bind(0)
    host, port = socket.address
    assert host == "127.0.0.1"
    assert 0 < port < 65_536
    socket.close()


async def test_nothing_there_is_an_empty_list_at_once(bind: Bind) -> None:
    socket = bind(0)
    assert socket.receive(10) == []
    socket.close()


async def test_no_more_than_the_limit_is_taken_and_the_rest_stays(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    for number in range(5):
        left.send(bytes([number]), right.address)
    await right.wait_readable()
    assert [data for data, _ in right.receive(2)] == [b"\0", b"\1"]
    assert [data for data, _ in right.receive(10)] == [b"\2", b"\3", b"\4"]
    assert right.receive(10) == []
    left.close()
    right.close()


@pytest.mark.parametrize("size", [0, 1, 1_200, 1_500])
async def test_a_datagram_keeps_its_bounds_and_its_bytes(bind: Bind, size: int) -> None:
    left, right = bind(0), bind(0)
    data = bytes(number % 251 for number in range(size))
    assert left.send(data, right.address)
    assert left.send(b"next", right.address)
    assert [data for data, _ in await read(right, 2)] == [data, b"next"]
    left.close()
    right.close()


async def test_what_is_larger_than_udp_can_carry_is_dropped_at_the_sender(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    assert not left.send(bytes(70_000), right.address)
    assert left.send(b"still alive", right.address)
    assert await read(right, 1) == [(b"still alive", left.address)]
    left.close()
    right.close()


async def test_several_sockets_talk_to_one_and_are_told_apart(bind: Bind) -> None:
    hub, *others = (bind(0) for _ in range(5))
    for number, other in enumerate(others):
        other.send(bytes([number]), hub.address)
    got = {sender: data for data, sender in await read(hub, 4)}
    assert got == {other.address: bytes([number]) for number, other in enumerate(others)}
    for socket in (hub, *others):
        socket.close()


async def test_sending_into_the_void_is_no_error_and_harms_no_later_traffic(bind: Bind) -> None:
    gone, left, right = bind(0), bind(0), bind(0)
    address = gone.address
    gone.close()
    for _ in range(3):
        left.send(b"anybody?", address)
    right.send(b"me", left.address)
    assert await read(left, 1) == [(b"me", right.address)]
    left.close()
    right.close()


async def test_a_waiter_wakes_when_something_comes(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    woken = trio.Event()

    async def wait() -> None:
        await right.wait_readable()
        woken.set()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            assert not woken.is_set()
            left.send(b"up", right.address)
            await woken.wait()
    assert right.receive(1) == [(b"up", left.address)]
    left.close()
    right.close()


async def test_a_cancelled_wait_loses_nothing(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(right.wait_readable)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    left.send(b"later", right.address)
    assert await read(right, 1) == [(b"later", left.address)]
    left.close()
    right.close()


async def test_waiting_is_a_checkpoint_even_when_something_is_there(bind: Bind) -> None:
    left, right = bind(0), bind(0)
    left.send(b"x", right.address)
    await right.wait_readable()
    with trio.testing.assert_checkpoints():
        await right.wait_readable()
    left.close()
    right.close()


async def test_a_second_waiter_is_refused(bind: Bind) -> None:
    socket = bind(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket.wait_readable)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await socket.wait_readable()
        nursery.cancel_scope.cancel()
    socket.close()


async def test_a_closed_socket_refuses_everything_and_closes_twice(bind: Bind) -> None:
    socket = bind(0)
    address = socket.address
    socket.close()
    socket.close()
    with pytest.raises(trio.ClosedResourceError):
        socket.send(b"x", address)
    with pytest.raises(trio.ClosedResourceError):
        socket.receive(1)
    with pytest.raises(trio.ClosedResourceError):
        await socket.wait_readable()


async def test_closing_wakes_the_waiter_with_an_error(bind: Bind) -> None:
    socket = bind(0)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await socket.wait_readable()

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            socket.close()


async def test_a_port_in_use_is_refused_with_advice_and_free_after_closing(bind: Bind) -> None:
    socket = bind(0)
    port = socket.address[1]
    with pytest.raises(BadInputError, match=f"port {port} is in use .*--listen"):
        bind(port)
    socket.close()
    again = bind(port)
    assert again.address == ("127.0.0.1", port)
    again.close()
