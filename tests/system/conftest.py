"""The stage with sound: real drivers, real QUIC and real Opus over the in-memory fabric, in virtual time."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import trio
import trio.testing

from bed.actor import Actor, StageDriver
from bed.stage import NEAR, WALL_US, Stage, identity_of
from meshcast.broadcaster.engine import fall_in
from meshcast.broadcaster.packer import Packer, chunk_us_for
from meshcast.listener.engine import Listener
from meshcast.media.pacing import PAUSED, Block, ScriptedSource
from meshcast.media.player import Player
from meshcast.media.sinks import MemorySink
from meshcast.media.sound import PcmInt
from meshcast.protocol.broadcaster import BroadcasterMachine
from meshcast.protocol.events import Captured, ProgrammeEnded
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from meshcast.transport.fabric import Conditions


class Tape:
    """Packs sound as a `Packer` does, the same sound but once: what is packed depends on nothing but what came before."""

    _packed: ClassVar[dict[bytes, Captured | None]] = {}
    """By the digest of all that was given, up to the block that completed it."""

    def __init__(self, bitrate_bps: int) -> None:
        self.chunk_us = chunk_us_for(bitrate_bps)
        self._packer = Packer(bitrate_bps)
        self._given = hashlib.blake2b(f"{bitrate_bps}".encode(), digest_size=16)
        self._skipped: list[Block] = []

    def add(self, block: Block) -> Captured | None:
        """Take a block; give the chunk that it completes, if it does."""
        self._given.update(b"paused" if block is PAUSED else block.tobytes())
        self._skipped.append(block)
        if (key := self._given.digest()) not in self._packed:
            for one in self._skipped:
                self._packed[key] = self._packer.add(one)
            self._skipped.clear()
        return self._packed[key]


@dataclass
class Hearer(Actor):
    """A listener, and what it would have played."""

    sink: MemorySink = field(default_factory=MemorySink)
    listener: Listener | None = None


class Speaker(Actor):
    """A broadcaster, on the air or standing by."""

    @property
    def broadcaster(self) -> BroadcasterMachine:
        """Its machine."""
        assert isinstance(self.driver.machine, BroadcasterMachine)
        return self.driver.machine


class AudibleStage(Stage):
    """A stage whose source speaks, and whose listeners record."""

    is_heard = True
    """Sound is looked at: listeners decode it."""

    async def start_broadcast(
        self, blocks: Iterator[Block], *, capacity: int = 3, bitrate_bps: int = 64_000, generation: int = 1
    ) -> Actor:
        """Start the broadcaster of these blocks."""
        packer = Tape(bitrate_bps)

        async def speak(driver: StageDriver) -> None:
            async for block in ScriptedSource(blocks):
                if (captured := packer.add(block)) is not None:
                    driver.feed(captured)
            driver.feed(ProgrammeEnded())

        return await self.start_source(
            speak, capacity=capacity, bitrate_bps=bitrate_bps, generation=generation
        )

    async def start_broadcaster(
        self,
        name: str,
        blocks: Iterator[Block],
        *,
        capacity: int = 3,
        is_spare: bool = False,
        is_live: bool = False,
        bitrate_bps: int = 64_000,
    ) -> Actor:
        """Start a broadcaster as the command does: on the air, or standing by for one that is."""
        packer, me = Tape(bitrate_bps), identity_of(name)
        mandate = Mandate(self.broadcast, me.peer_id)
        run, wall_us = self.dice(f"run of {name}")(2**32), WALL_US + StageDriver.now()
        machine = BroadcasterMachine(
            self.member(me, Role.SPARE if is_spare else Role.SOURCE, capacity),
            mandate,
            Programme("A programme", bitrate_bps, packer.chunk_us),
            None if is_spare else mandate.begin(run, wall_us),
        )
        driver = StageDriver(machine)

        async def speak() -> None:
            source = ScriptedSource(blocks, is_live=is_live)
            await fall_in(source, machine, packer.chunk_us)
            async for block in source:
                if (captured := packer.add(block)) is not None:
                    driver.feed(captured)
            driver.feed(ProgrammeEnded())

        return await self.enter(Speaker(name, driver, self.new_address()), me, speak)

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
        if machine is not None:
            return await self.start_peer(name, capacity=capacity, role=role, machine=machine)
        me = identity_of(name)
        peer, sink = PeerMachine(self.member(me, role, capacity), delay_us, **how), MemorySink()
        listener = Listener(Player(sink), peer.sources.is_genuine, plays_to_nobody=not self.is_heard)
        driver = StageDriver(peer, listener.perform)
        hearer = Hearer(name, driver, self.new_address(), sink=sink, listener=listener)
        return await self.enter(hearer, me)

    def listeners(self) -> list[Hearer]:
        """Give those that record."""
        return [one for one in self.actors.values() if isinstance(one, Hearer)]


@pytest.fixture
def open_stage(autojump_clock: trio.testing.MockClock) -> Callable[..., Any]:
    """`async with open_stage(conditions) as stage`; with `is_heard=False` its listeners count chunks and decode nothing."""

    @asynccontextmanager
    async def stage(
        conditions: Conditions = NEAR, seed: int = 1, *, is_heard: bool = True
    ) -> AsyncIterator[AudibleStage]:
        # Otherwise real seconds would pass, and ten peers of one busy process would be late for everything.
        assert isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock), (
            "a test that opens a stage takes `autojump_clock` itself: pytest-trio sees no fixture's clock"
        )
        async with trio.open_nursery() as nursery:
            opened = AudibleStage(nursery, conditions, seed)
            opened.is_heard = is_heard
            yield opened
            await opened.close()
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
