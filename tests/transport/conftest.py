"""A street of peers on the fabric in virtual time, each with the record of what it was told; and an intruder."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from aioquic.quic import events

from meshcast.protocol.identity import Identity
from meshcast.protocol.units import MILLISECOND, Address, PeerId
from meshcast.transport.channel import Channel
from meshcast.transport.connection import MeshConnection
from meshcast.transport.datagram import DatagramSocket
from meshcast.transport.endings import Ending
from meshcast.transport.endpoint import Endpoint
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.link_events import (
    BlobReceived,
    DatagramReceived,
    FrameReceived,
    LinkDown,
    LinkEvent,
    LinkUp,
)
from meshcast.transport.links import Links


def identity_of(name: str) -> Identity:
    return Identity.from_seed(name.encode().ljust(32, b"."))


class Peer:
    """A peer and what it was told, with the times."""

    def __init__(self, name: str, socket: DatagramSocket) -> None:
        self.identity = identity_of(name)
        self.told: list[tuple[float, LinkEvent]] = []
        self.react: Callable[[LinkEvent], None] = lambda _: None
        self.links = Links(self.identity, socket, self.tell)
        self.scope = trio.CancelScope()
        self.is_told = False
        self.stopped = trio.Event()

    @property
    def id(self) -> PeerId:
        return self.identity.peer_id

    @property
    def address(self) -> Address:
        return self.links.own_address

    def tell(self, event: LinkEvent) -> None:
        assert not self.is_told, "told inside a callback"
        self.is_told = True
        self.told.append((trio.current_time(), event))
        self.react(event)
        self.is_told = False

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with self.scope:
            await self.links.run(task_status)
        self.stopped.set()

    def all(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.told if isinstance(event, kind)]

    @property
    def ups(self) -> list[LinkUp]:
        return self.all(LinkUp)

    @property
    def downs(self) -> list[LinkDown]:
        return self.all(LinkDown)

    @property
    def frames(self) -> list[bytes]:
        return [event.data for event in self.all(FrameReceived)]

    @property
    def datagrams(self) -> list[bytes]:
        return [event.data for event in self.all(DatagramReceived)]

    @property
    def blobs(self) -> list[bytes]:
        return [event.data for event in self.all(BlobReceived)]

    def when(self, kind: type[Any]) -> float:
        return next(at for at, event in reversed(self.told) if isinstance(event, kind))

    @property
    def connections(self) -> int:
        return self.links._endpoint.connections

    @property
    def turns(self) -> int:
        return self.links._endpoint.woken


class Intruder:
    """Speaks QUIC as we do, and does with it what it likes."""

    def __init__(self, name: str, socket: DatagramSocket) -> None:
        self.identity = identity_of(name)
        self.endpoint = Endpoint(self.identity, socket, self.accept, lambda: None)
        self.is_established = False
        self.endings: list[Ending] = []
        self.got: list[events.QuicEvent] = []
        self.channels: list[Channel] = []

    @property
    def quic(self) -> MeshConnection:
        return self.channels[-1].quic

    def accept(self, channel: Channel) -> "Intruder":
        self.channels.append(channel)
        return self

    def dial(self, address: Address) -> None:
        channel = self.endpoint.dial(address)
        channel.owner = self.accept(channel)

    def say(self, data: bytes, stream_id: int = 0, *, end: bool = False) -> None:
        self.quic.send_stream_data(stream_id, data, end)
        self.touch()

    def touch(self) -> None:
        self.endpoint.touch(self.channels[-1])

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await self.endpoint.run()

    def established(self) -> None:
        self.is_established = True

    def heard(self, data: bytes) -> None:
        self.got.append(events.DatagramFrameReceived(data=data))

    def received(self, event: events.QuicEvent) -> None:
        self.got.append(event)

    def progressed(self) -> None:
        pass

    def ended(self, ending: Ending) -> None:
        self.endings.append(ending)

    def deadline(self) -> float:
        return float("inf")

    def expired(self, now: float) -> None:
        raise AssertionError(now)


class Street:
    """The fabric and everybody on it."""

    def __init__(self, nursery: trio.Nursery, seed: int = 1) -> None:
        self.nursery = nursery
        self.fabric = Fabric(seed, conditions=Conditions(delay_us=25 * MILLISECOND))
        self.number = 0

    def socket(self, port: int = 4433) -> Any:
        self.number += 1
        return self.fabric.socket(f"10.0.{self.number // 250}.{self.number % 250}", port)

    async def peer(self, name: str) -> Peer:
        peer = Peer(name, self.socket())
        await self.nursery.start(peer.run)
        return peer

    async def intruder(self, name: str) -> Intruder:
        intruder = Intruder(name, self.socket())
        await self.nursery.start(intruder.run)
        return intruder

    async def linked(self, *names: str) -> list[Peer]:
        """Make peers; the first dials all others."""
        first, *others = [await self.peer(name) for name in names]
        for other in others:
            first.links.dial(other.id, other.address)
        await trio.sleep(0.2)
        assert all(first.links.is_up(other.id) and other.links.is_up(first.id) for other in others)
        return [first, *others]


@pytest.fixture
async def street(autojump_clock: trio.testing.MockClock, nursery: trio.Nursery) -> Street:
    return Street(nursery)


@pytest.fixture
def make_street() -> Callable[[trio.Nursery, int], Street]:
    """Make streets where a test runs trio by itself."""
    return Street


@pytest.fixture
def make_peer() -> Callable[[str, DatagramSocket], Peer]:
    """Make peers on other sockets."""
    return Peer
