"""A stage: real drivers, real QUIC and real Opus over the in-memory fabric, in virtual time."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.broadcaster.packer import Packer
from meshcast.driver import Driver
from meshcast.listener.engine import Listener
from meshcast.media.pacing import Block, ScriptedSource
from meshcast.media.player import Player
from meshcast.media.sinks import MemorySink
from meshcast.media.sound import PcmInt
from meshcast.protocol.events import ProgrammeEnded
from meshcast.protocol.identity import Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import MILLISECOND, SECOND, BroadcastId
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import Links, open_links
from tracker.overlay.effects import Keep
from tracker.overlay.machine import TrackerMachine
from tracker.store.contents import Change, Contents, MemoryStore

WALL_US = 1_700_000_000 * SECOND
TRACKER = ("10.0.0.1", 4433)


def identity(name: str) -> Identity:
    return Identity.from_seed(random.Random(name).randbytes(32))


@dataclass
class Actor:
    """One machine on the stage."""

    name: str
    driver: Driver
    address: tuple[str, int]
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    links: Links | None = None
    sink: MemorySink = field(default_factory=MemorySink)
    listener: Listener | None = None
    effects: list[Any] = field(default_factory=list)

    @property
    def peer(self) -> PeerMachine:
        assert isinstance(self.driver.machine, PeerMachine)
        return self.driver.machine

    @property
    def source(self) -> SourceMachine:
        assert isinstance(self.driver.machine, SourceMachine)
        return self.driver.machine


class Stage:
    """Tracker, broadcaster and listeners on one fabric."""

    def __init__(self, nursery: trio.Nursery, conditions: Conditions, seed: int = 1) -> None:
        self.nursery = nursery
        self.fabric = Fabric(seed, conditions)
        self.kept = Contents()
        self.broadcast = identity("broadcast")
        self.tracker_identity = identity("tracker")
        self.dice = random.Random(seed)
        self.actors: dict[str, Actor] = {}
        self.hosts = 1

    async def start_tracker(self) -> Actor:
        """Start the tracker, with whatever an earlier one has kept."""
        self.fabric.revive(TRACKER)
        store = MemoryStore(self.kept)
        machine = TrackerMachine(
            self.tracker_identity, self.dice.randrange, wall_offset_us=WALL_US, term=store.raise_term()
        )
        for broadcast in store.broadcasts():
            machine.restore(BroadcastId(broadcast), store.load(broadcast), Driver.now())

        def keep(effect: object) -> None:
            assert isinstance(effect, Keep)
            store.write([Change(effect.broadcast, effect.key, effect.row)])

        return await self._start("tracker", self.tracker_identity, Driver(machine, keep), TRACKER)

    async def start_source(
        self, blocks: Iterator[Block], *, capacity: int = 3, bitrate_bps: int = 64_000, generation: int = 1
    ) -> Actor:
        """Start the broadcaster of these blocks."""
        packer = Packer(bitrate_bps)
        me = identity(f"source {generation}")
        delegation = sign_delegation(
            self.broadcast,
            index=0,
            source=me.peer_id,
            run=generation,
            generation=generation,
            not_after_s=WALL_US // SECOND + 3600,
        )
        programme = Programme("A programme", bitrate_bps, packer.chunk_us)
        machine = SourceMachine(self.member(me, Role.SOURCE, capacity), delegation, programme)
        effects: list[Any] = []
        driver = Driver(machine, effects.append)

        async def speak() -> None:
            async for block in ScriptedSource(blocks):
                if (captured := packer.add(block)) is not None:
                    driver.feed(captured)
            driver.feed(ProgrammeEnded())

        actor = await self._start("source", me, driver, self._address(), speak)
        actor.effects = effects
        return actor

    async def start_listener(
        self,
        name: str,
        *,
        capacity: int = 3,
        delay_us: int = SECOND,
        role: Role = Role.LISTENER,
        machine: Callable[[Membership], Any] | None = None,
        **how: Any,
    ) -> Actor:
        """Start a listener; `machine` makes another machine than a `PeerMachine`, which is made as `how` says."""
        me = identity(name)
        member = self.member(me, role, capacity)
        if machine is not None:
            return await self._start(name, me, Driver(machine(member), lambda _: None), self._address())
        peer = PeerMachine(member, delay_us, **how)
        sink = MemorySink()
        listener = Listener(Player(sink), peer.sources.is_genuine)
        actor = await self._start(name, me, Driver(peer, listener.perform), self._address())
        actor.sink, actor.listener = sink, listener
        return actor

    def kill(self, name: str) -> None:
        """Kill without a word, as SIGKILL does."""
        actor = self.actors.pop(name)
        self.fabric.kill(actor.address)
        actor.scope.cancel()

    def member(self, me: Identity, role: Role, capacity: int) -> Membership:
        return Membership(
            identity=me,
            broadcast=BroadcastId(bytes(self.broadcast.peer_id)),
            tracker=self.tracker_identity.peer_id,
            tracker_addresses=(TRACKER,),
            role=role,
            capacity=capacity,
            dice=self.dice.randrange,
            wall_offset_us=WALL_US,
        )

    def listeners(self) -> list[Actor]:
        return [one for one in self.actors.values() if one.listener is not None]

    def relays(self) -> list[Actor]:
        """Listeners that feed others now."""
        return [one for one in self.listeners() if one.peer.relay.children]

    def _address(self) -> tuple[str, int]:
        self.hosts += 1
        return (f"10.0.{self.hosts // 250}.{self.hosts % 250 + 1}", 5000)

    async def _start(
        self,
        name: str,
        me: Identity,
        driver: Driver,
        address: tuple[str, int],
        also: Callable[[], Awaitable[None]] = trio.sleep_forever,
    ) -> Actor:
        actor = Actor(name, driver, address)
        self.actors[name] = actor
        await self.nursery.start(self._run, actor, me, also)
        return actor

    async def _run(
        self,
        actor: Actor,
        me: Identity,
        also: Callable[[], Awaitable[None]],
        task_status: trio.TaskStatus[None],
    ) -> None:
        with actor.scope:
            async with (
                trio.open_nursery() as nursery,
                open_links(me, self.fabric.socket(*actor.address), actor.driver.link_event) as links,
            ):
                actor.links = links
                actor.driver.connect(links)
                task_status.started()
                nursery.start_soon(also)
                await actor.driver.run()


@pytest.fixture
def open_stage(autojump_clock: trio.testing.MockClock) -> Callable[..., Any]:
    """`async with open_stage(conditions) as stage`."""

    @asynccontextmanager
    async def stage(
        conditions: Conditions = Conditions(delay_us=10 * MILLISECOND),  # noqa: B008 - frozen
        seed: int = 1,
    ) -> AsyncIterator[Stage]:
        async with trio.open_nursery() as nursery:
            yield Stage(nursery, conditions, seed)
            nursery.cancel_scope.cancel()

    return stage


@pytest.fixture(scope="session")
def programme() -> PcmInt:
    """Forty seconds that never repeat: noise through a wandering filter, [n, 2]."""
    chance = np.random.default_rng(4)
    n = 48_000 * 40
    pitch = 180 + 120 * np.cumsum(chance.standard_normal(n) / 400)
    sound = 0.3 * np.sin(np.cumsum(2 * np.pi * pitch / 48_000)) + 0.05 * chance.standard_normal(n)
    pcm = (np.clip(sound, -1, 1) * 24_000).astype(np.int16)
    return np.stack([pcm, pcm], axis=1)


@pytest.fixture
def blocks_of() -> Callable[[PcmInt], Iterator[Block]]:
    """Cut sound into blocks of 20 ms."""

    def cut(pcm: PcmInt) -> Iterator[Block]:
        return (pcm[at : at + 960] for at in range(0, len(pcm) - 959, 960))

    return cut
