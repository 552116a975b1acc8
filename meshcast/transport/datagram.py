"""Datagram sockets: what the endpoint asks of a network, and the real one.

Nothing here waits for a datagram to leave: one that cannot be sent at once is dropped, as if the network had lost it,
because QUIC recovers and a stale chunk is worth nothing. Reading drains what is there; waiting is the only thing that
is async. `UdpSocket` and the in-memory `FabricSocket` pass one and the same contract suite.
"""

import contextlib
import errno
import ipaddress
import socket
import sys
from typing import Final, Protocol

import trio

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import Address

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Socket buffers: half a second of 64 Mbit/s, longer than any pause of the task."""

PACKET_BYTES_MAX: Final = 2_048
"""More than any path carries; what is longer arrives cut and is garbage."""

UDP_BYTES_MAX: Final = 65_507
"""The most that one UDP datagram over IPv4 can hold (RFC 768, RFC 791)."""

MAPPED: Final = "::ffff:"
"""How an IPv6 socket writes an IPv4 address (RFC 4291, section 2.5.5.2)."""


class DatagramSocket(Protocol):
    """One bound socket of a network of datagrams."""

    @property
    def address(self) -> Address:
        """Name the address that the socket is bound to."""

    def send(self, data: bytes, address: Address) -> bool:
        """Send one datagram now; tell False when it was dropped here because it could not leave."""

    def receive(self, limit: int) -> list[tuple[bytes, Address]]:
        """Take what has arrived, at most `limit` datagrams, each with its sender; never wait."""

    async def wait_readable(self) -> None:
        """Wait until `receive` has something; one task at a time."""

    def close(self) -> None:
        """Give the address back; whoever waits gets `trio.ClosedResourceError`."""


class UdpSocket:
    """A UDP socket, IPv4 or IPv6; one bound to `::` serves both."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._is_ipv6 = bound.family == socket.AF_INET6
        self._address = self._plain(bound.getsockname())
        self._closed = False

    @classmethod
    def bind(cls, host: str, port: int) -> "UdpSocket":
        """Bind to a literal IP address and a port (0: any free one); BadInputError says what to do instead."""
        check_address(host, port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            bound = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise BadInputError(f"this machine cannot open a socket for {host}: {error.strerror}") from error
        try:
            _configure(bound)
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            raise BadInputError(_bind_advice(error, host, port)) from error
        return cls(bound)

    @property
    def address(self) -> Address:
        """Name the address that the socket is bound to."""
        return self._address

    def send(self, data: bytes, address: Address) -> bool:
        """Send one datagram now; False when the buffer is full or this machine knows no way there."""
        if self._closed:
            raise trio.ClosedResourceError
        if self._is_ipv6 and ":" not in address[0]:
            address = (MAPPED + address[0], address[1])
        try:
            self._socket.sendto(data, address)
        except OSError:
            # Would block, no route, network down, an earlier ICMP error: for QUIC all of them are loss.
            return False
        return True

    def receive(self, limit: int) -> list[tuple[bytes, Address]]:
        """Take what has arrived, at most `limit` datagrams."""
        self._check_open()
        arrived: list[tuple[bytes, Address]] = []
        for _ in range(limit):
            try:
                data, sender = self._socket.recvfrom(PACKET_BYTES_MAX)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP error about an earlier send (connection refused, host unreachable) says nothing of others.
                continue
            arrived.append((data, self._plain(sender) if self._is_ipv6 else sender))
        return arrived

    async def wait_readable(self) -> None:
        """Wait until `receive` has something."""
        if self._closed:
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_readable(self._socket)

    def close(self) -> None:
        """Close; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError

    @staticmethod
    def _plain(address: tuple[str, int] | tuple[str, int, int, int]) -> Address:
        return address[0].removeprefix(MAPPED), address[1]


def check_address(host: str, port: int) -> None:
    """Raise BadInputError unless `host` is a literal IP address and `port` a port; a name would block on a resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise BadInputError(f"{host!r} is not an IP address; write one such as 0.0.0.0 or ::") from None
    if not 0 <= port <= 65_535:
        raise BadInputError(f"{port} is not a port; choose one from 1 to 65535")


def _configure(bound: socket.socket) -> None:
    bound.settimeout(0)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        # The system may allow less, and some refuse instead of cutting: smaller buffers only lose more.
        with contextlib.suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if sys.platform == "win32":
        # Without it Windows lets a second program bind to the port and steal from it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)


def _bind_advice(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return port_taken(port)
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine; choose another with --listen, such as 0.0.0.0"
        case errno.EACCES:
            return f"port {port} needs more rights than this program has; choose one above 1023 with --listen"
        case _:
            return f"cannot listen on {host} port {port}: {error.strerror}; choose another with --listen"


def port_taken(port: int) -> str:
    """Say what to do about a port that another program holds."""
    return f"port {port} is in use by another program; choose another with --listen or stop the other program"
