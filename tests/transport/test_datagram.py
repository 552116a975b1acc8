"""What only the real socket promises: families, and advice when it cannot be bound."""

import socket as stdlib_socket

import pytest
import trio

from meshcast.protocol.errors import BadInputError
from meshcast.transport.datagram import UdpSocket


def has_ipv6() -> bool:
    try:
        with stdlib_socket.socket(stdlib_socket.AF_INET6, stdlib_socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "port", "advice"),
    [
        ("example.org", 0, "not an IP address"),
        ("", 0, "not an IP address"),
        ("127.0.0.1", 70_000, "not a port"),
        ("127.0.0.1", -1, "not a port"),
        ("192.0.2.1", 0, "not an address of this machine"),
    ],
)
async def test_an_address_that_cannot_work_is_refused_in_one_line_of_advice(
    host: str, port: int, advice: str
) -> None:
    with pytest.raises(BadInputError, match=advice) as caught:
        UdpSocket.bind(host, port)
    assert "\n" not in str(caught.value)


@needs_ipv6
async def test_ipv6_sockets_talk_to_each_other() -> None:
    left, right = UdpSocket.bind("::1", 0), UdpSocket.bind("::1", 0)
    assert left.send(b"six", right.address)
    with trio.fail_after(5):
        await right.wait_readable()
    assert right.receive(1) == [(b"six", left.address)]
    assert left.address[0] == "::1"
    left.close()
    right.close()


@needs_ipv6
async def test_a_socket_for_all_addresses_serves_ipv4_under_its_plain_name() -> None:
    both, four = UdpSocket.bind("::", 0), UdpSocket.bind("127.0.0.1", 0)
    four.send(b"four", ("127.0.0.1", both.address[1]))
    with trio.fail_after(5):
        await both.wait_readable()
        assert both.receive(1) == [(b"four", four.address)]
        assert both.send(b"back", four.address)
        await four.wait_readable()
    assert four.receive(1) == [(b"back", ("127.0.0.1", both.address[1]))]
    both.close()
    four.close()


async def test_an_address_of_another_family_is_a_loss_and_no_error() -> None:
    socket = UdpSocket.bind("127.0.0.1", 0)
    assert not socket.send(b"x", ("::1", 9))
    socket.close()
