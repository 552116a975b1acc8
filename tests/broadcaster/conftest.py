"""What the tests of the broadcaster share: a tracker and a listener in virtual time, and a broadcast that was simulated."""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.broadcaster.engine import View
from meshcast.driver import Driver
from meshcast.media.pacing import Block, ScriptedSource
from meshcast.membership import wall_offset_us
from meshcast.protocol.broadcaster import BroadcasterMachine
from meshcast.protocol.effects import Play
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link, TrackerAddress
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import MILLISECOND, SECOND, Address, BroadcastId
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import Links, open_links
from sim.world import Settings, World
from tracker.overlay.machine import TrackerMachine

PLACE: Address = ("127.0.0.1", 4433)
ROOT = Path(__file__).parents[2]


class House:
    """A tracker, and one who listens, in virtual time; the broadcaster binds to the same fabric."""

    def __init__(self, nursery: trio.Nursery, fabric: Fabric) -> None:
        self._nursery = nursery
        self._fabric = fabric
        self._identity = Identity.from_seed(b"t" * 32)
        self._dice = random.Random(1).randrange
        self.heard: list[Play] = []
        self.has_ended = trio.Event()

    @property
    def tracker(self) -> TrackerAddress:
        return TrackerAddress(*PLACE, self._identity.peer_id)

    async def start_tracker(self) -> None:
        machine = TrackerMachine(self._identity, self._dice, wall_offset_us=wall_offset_us())
        await self._run(self._identity, Driver(machine, lambda _: None), PLACE)

    async def listen(self, link: Link) -> None:
        me = Identity.from_seed(b"l" * 32)
        member = Membership(
            me, link.broadcast, link.pin, (PLACE,), Role.LISTENER, 1, self._dice, wall_offset_us()
        )
        await self._run(me, Driver(PeerMachine(member), self._hear), ("127.0.0.1", 4434))

    async def broadcast(self, broadcast: Identity, generation: int) -> None:
        """Take a broadcast over."""
        me = Identity.from_seed(b"s" * 32)
        member = Membership(
            me, BroadcastId(broadcast.peer_id), self._identity.peer_id, (PLACE,), Role.SOURCE, 1, self._dice,
            wall_offset_us(),
        )  # fmt: skip
        delegation = sign_delegation(
            broadcast, index=0, source=me.peer_id, run=1, generation=generation, not_after_s=2**32 - 1
        )
        machine = SourceMachine(member, delegation, Programme("Another", 64_000, 100 * MILLISECOND))
        await self._run(me, Driver(machine, lambda _: None), ("127.0.0.1", 4435))

    def _hear(self, effect: object) -> None:
        if isinstance(effect, Play):
            self.heard.append(effect)
        else:
            self.has_ended.set()

    async def _run(self, me: Identity, driver: Driver, address: Address) -> None:
        async def run(task_status: trio.TaskStatus[None]) -> None:
            async with open_links(me, self._fabric.socket(*address), driver.link_event) as links:
                driver.connect(links)
                task_status.started()
                await driver.run()

        await self._nursery.start(run)


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch) -> Fabric:
    """A network in memory, in the place of the machine's own."""
    fabric = Fabric(1, Conditions(delay_us=5 * MILLISECOND))

    class Sockets:
        bind = fabric.socket

    monkeypatch.setattr("meshcast.broadcaster.engine.UdpSocket", Sockets)
    return fabric


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedSource]:
    """Have the broadcaster read these blocks, whatever source it is given."""

    def script(blocks: Iterator[Block], **facts: Any) -> ScriptedSource:
        source = ScriptedSource(blocks, **facts)

        @asynccontextmanager
        async def open_source(_spec: str, *, patience_s: float) -> AsyncIterator[ScriptedSource]:
            assert patience_s > 0
            yield source

        monkeypatch.setattr("meshcast.broadcaster.engine.open_source", open_source)
        return source

    return script


@pytest.fixture
def open_house(autojump_clock: trio.testing.MockClock, fabric: Fabric) -> Callable[[], Any]:
    """`async with open_house() as house`."""

    @asynccontextmanager
    async def house() -> AsyncIterator[House]:
        async with trio.open_nursery() as nursery:
            yield House(nursery, fabric)
            nursery.cancel_scope.cancel()

    return house


@pytest.fixture(scope="session")
def noise() -> Callable[[int], Iterator[Block]]:
    """Give blocks of noise that lasts so many milliseconds."""

    def noise(duration_ms: int) -> Iterator[Block]:
        chance = np.random.default_rng(1)
        for _ in range(duration_ms // 20):
            yield chance.integers(-4_000, 4_000, (960, 2)).astype(np.int16)

    return noise


@pytest.fixture
def view() -> View:
    """What a broadcaster sees that has two listeners."""
    world = World(1, Settings(origin_capacity=2))
    for _ in range(2):
        world.add_peer(capacity=1, city="New York")
    world.run_for(5 * SECOND)
    return view_of(world)


@pytest.fixture
def beginner() -> View:
    """What a broadcaster sees that has just begun."""
    return view_of(World(1))


def view_of(world: World) -> View:
    source = world.source.machine
    assert isinstance(source, SourceMachine)
    member = source.member
    mandate = Mandate(Identity.from_seed(b"b" * 32), member.me)
    machine = BroadcasterMachine(member, mandate, source.programme, source.delegation)
    machine._part, machine.serving = source, source.serving
    links = Links(member.identity, Fabric().socket("10.0.0.1", 4433), lambda _: None)
    link = Link("tracker.example", 4433, member.broadcast, member.tracker)
    return View(machine, links, link, ScriptedSource([]))


@pytest.fixture(scope="session")
def documented() -> list[str]:
    """Give the fields of a broadcaster's status line, as docs/REPORT.md lists them."""
    text = (ROOT / "docs" / "REPORT.md").read_text(encoding="utf-8")
    rows = [line for line in text.split("**`broadcast`**", 1)[1].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in row.split("|")[1].replace("`", "").replace(" ", "").split(",")]
