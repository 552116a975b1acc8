"""What the tests of the listener share: a broadcast on the air in virtual time, and views of one that was simulated."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.broadcaster.packer import Packer
from meshcast.driver import Driver
from meshcast.listener.engine import Listener, View
from meshcast.media.pacing import Block, ScriptedSource
from meshcast.media.player import Player
from meshcast.media.sinks import MemorySink
from meshcast.membership import wall_offset_us
from meshcast.protocol.events import ProgrammeEnded
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import MILLISECOND, SECOND, Address, BroadcastId, PeerId
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import Links, open_links
from sim.world import Settings, World
from tracker.overlay.machine import TrackerMachine

TRACKER: Address = ("127.0.0.1", 4433)
BITRATE_BPS = 64_000
ROOT = Path(__file__).parents[2]


class Air:
    """A tracker, and perhaps a broadcaster, in virtual time; whoever listens binds to the same fabric."""

    def __init__(self, nursery: trio.Nursery, fabric: Fabric) -> None:
        self._nursery = nursery
        self._fabric = fabric
        self._tracker = Identity.from_seed(b"t" * 32)
        self._broadcast = Identity.from_seed(b"b" * 32)
        self._dice = random.Random(1).randrange

    @property
    def link(self) -> Link:
        return Link(*TRACKER, BroadcastId(self._broadcast.peer_id), self._tracker.peer_id)

    async def start_tracker(self) -> None:
        machine = TrackerMachine(self._tracker, self._dice, wall_offset_us=wall_offset_us())
        await self._run(self._tracker, Driver(machine, lambda _: None), TRACKER)

    async def broadcast(self, blocks: Iterator[Block]) -> None:
        """Put these blocks on the air, one every 20 ms from now on."""
        me = Identity.from_seed(b"s" * 32)
        member = Membership(
            me, self.link.broadcast, self._tracker.peer_id, (TRACKER,), Role.SOURCE, 3, self._dice, wall_offset_us()
        )  # fmt: skip
        delegation = sign_delegation(
            self._broadcast, index=0, source=me.peer_id, run=1, generation=1, not_after_s=2**32 - 1
        )
        packer = Packer(BITRATE_BPS)
        machine = SourceMachine(member, delegation, Programme("A programme", BITRATE_BPS, packer.chunk_us))
        driver = Driver(machine, lambda _: None)

        async def speak() -> None:
            async for block in ScriptedSource(blocks):
                if (captured := packer.add(block)) is not None:
                    driver.feed(captured)
            driver.feed(ProgrammeEnded())

        await self._run(me, driver, ("127.0.0.1", 4434), speak)

    async def _run(
        self,
        me: Identity,
        driver: Driver,
        address: Address,
        also: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        async def run(task_status: trio.TaskStatus[None]) -> None:
            async with open_links(me, self._fabric.socket(*address), driver.link_event) as links:
                driver.connect(links)
                async with trio.open_nursery() as nursery:
                    if also is not None:
                        nursery.start_soon(also)
                    task_status.started()
                    await driver.run()

        await self._nursery.start(run)


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch) -> Fabric:
    """A network in memory, in the place of the machine's own."""
    fabric = Fabric(1, Conditions(delay_us=5 * MILLISECOND))

    class Sockets:
        bind = fabric.socket

    monkeypatch.setattr("meshcast.listener.engine.UdpSocket", Sockets)
    return fabric


@pytest.fixture
def go_on_air(autojump_clock: trio.testing.MockClock, fabric: Fabric) -> Callable[[], Any]:
    """`async with go_on_air() as air`."""

    @asynccontextmanager
    async def air() -> AsyncIterator[Air]:
        async with trio.open_nursery() as nursery:
            yield Air(nursery, fabric)
            nursery.cancel_scope.cancel()

    return air


@pytest.fixture(scope="session")
def noise() -> Callable[[int], Iterator[Block]]:
    """Give blocks of noise that lasts so many milliseconds."""

    def noise(duration_ms: int) -> Iterator[Block]:
        chance = np.random.default_rng(1)
        for _ in range(duration_ms // 20):
            yield chance.integers(-4_000, 4_000, (960, 2)).astype(np.int16)

    return noise


@pytest.fixture(scope="session")
def world() -> World:
    """A chain of three that has heard a simulated broadcast for some seconds; nobody changes it."""
    world = World(1, Settings(origin_capacity=1))
    for capacity in (1, 1, 0):
        world.add_peer(capacity=capacity, city="New York")
        world.run_for(SECOND)
    world.run_for(4 * SECOND)
    return world


@pytest.fixture
def views(world: World) -> list[View]:
    """What each of the three sees."""
    return [view_of(peer.machine, peer.key) for peer in world.peers]


@pytest.fixture
def newcomer(world: World) -> View:
    """What one sees that has just begun."""
    member = world._papers.member("newcomer", world.identity("newcomer"), world.tracker, Role.LISTENER, 1, ())
    return view_of(PeerMachine(member), member.me)


def view_of(machine: Any, key: PeerId) -> View:
    assert isinstance(machine, PeerMachine)
    links = Links(machine.member.identity, Fabric().socket("10.0.0.1", 4433), lambda _: None)
    return View(machine, Listener(Player(MemorySink()), machine.sources.is_genuine), links)


@pytest.fixture(scope="session")
def documented() -> Callable[[str], list[str]]:
    """Give the fields in the tables of a section of docs/REPORT.md, by the first words after its heading or mark."""
    text = (ROOT / "docs" / "REPORT.md").read_text(encoding="utf-8")

    def fields(mark: str) -> list[str]:
        section = text.split(mark, 1)[1].split("\n## ", 1)[0].split("\n**`", 1)[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        return [
            name for row in rows for name in row.split("|")[1].replace("`", "").replace(" ", "").split(",")
        ]

    return fields
