"""Where things are: data folders, and the addresses behind a host's name."""

import os
import socket
from pathlib import Path

import trio

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import Address


def data_folder() -> Path:
    """Name the folder where keys and stores are kept (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "meshcast"


async def resolve(host: str, port: int) -> tuple[Address, ...]:
    """Find the literal addresses of a host, IPv4 first: one UDP socket speaks one family only."""
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        # A name such as `a..b` or of 70 letters is no host name at all, which is no OSError.
        raise BadInputError(
            f"the host {host!r} is not known here; check its name and this machine's network"
        ) from error
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    addresses = dict.fromkeys((str(one[4][0]), int(one[4][1])) for one in found)
    return tuple(addresses)[:4]


def own_address(towards: Address, port: int = 0) -> Address:
    """Name the address to bind for speaking with this one (port 0: any), on loopback only towards loopback."""
    host = towards[0]
    if host in {"127.0.0.1", "::1"}:
        return (host, port)
    return ("::", port) if ":" in host else ("0.0.0.0", port)  # noqa: S104 - peers must reach it
