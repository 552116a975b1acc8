"""The stage: a tracker, a broadcaster and peers, each a real driver over real QUIC, on one fabric in virtual time.

Whatever may befall a process or its host is a verb here: `kill`, `freeze`, `suspend`, `rebind`; what may befall the
network is one of `fabric`. Each actor has dice of its own, so that what one draws changes nothing for the others.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from bed.actor import Actor, StageDriver
from bed.memory import Remembered
from bed.talk import chunk_of, talk
from meshcast.broadcaster.packer import chunk_us_for
from meshcast.protocol.identity import Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import MILLISECOND, SECOND, Address, BroadcastId, Micros
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import open_links
from tracker.overlay.effects import Keep
from tracker.overlay.machine import TrackerMachine
from tracker.store.contents import Change, Contents, MemoryStore

WALL_US: Final = 1_700_000_000 * SECOND
TRACKER: Final = ("10.0.0.1", 4433)
PORT: Final = 5000
HOSTS_OF_A_NETWORK: Final = 250
NEAR: Final = Conditions(delay_us=10 * MILLISECOND)


def identity_of(name: str) -> Identity:
    """Make an identity that is the same in every run."""
    return Identity.from_seed(random.Random(name).randbytes(32))


class Stage:
    """Tracker, broadcaster and peers on one fabric."""

    def __init__(self, nursery: trio.Nursery, conditions: Conditions, seed: int = 1) -> None:
        self.nursery = nursery
        self.seed = seed
        self.fabric = Fabric(seed, conditions)
        self.kept = Contents()
        self.broadcast = identity_of("broadcast")
        self.tracker_identity = identity_of("tracker")
        self.actors: dict[str, Actor] = {}
        self.hosts = 1
        self._verify = Remembered()

    # ---- who enters

    async def start_tracker(self) -> Actor:
        """Start the tracker, with whatever an earlier one has kept."""
        store = MemoryStore(self.kept)
        term = store.raise_term()
        machine = TrackerMachine(
            self.tracker_identity, self.dice(f"tracker {term}"), wall_offset_us=WALL_US, term=term
        )
        for broadcast in store.broadcasts():
            machine.restore(BroadcastId(broadcast), store.load(broadcast), StageDriver.now())

        def keep(effect: object) -> None:
            assert isinstance(effect, Keep)
            store.write([Change(effect.broadcast, effect.key, effect.row)])

        return await self.enter(Actor("tracker", StageDriver(machine, keep), TRACKER), self.tracker_identity)

    async def start_source(
        self,
        speak: Callable[[StageDriver], Awaitable[None]] | None = None,
        *,
        capacity: int = 3,
        bitrate_bps: int = 64_000,
        generation: int = 1,
    ) -> Actor:
        """Start the broadcaster; `speak` feeds it with chunks, or else it says nothing in the right size."""
        me = identity_of(f"source {generation}")
        delegation = sign_delegation(
            self.broadcast,
            index=0,
            source=me.peer_id,
            run=generation,
            generation=generation,
            not_after_s=WALL_US // SECOND + 24 * 3600,
        )
        chunk_us = chunk_us_for(bitrate_bps)
        programme = Programme("A programme", bitrate_bps, chunk_us)
        driver = StageDriver(SourceMachine(self.member(me, Role.SOURCE, capacity), delegation, programme))

        async def say() -> None:
            await (talk(driver, chunk_of(bitrate_bps, chunk_us)) if speak is None else speak(driver))

        return await self.enter(Actor("source", driver, self.new_address()), me, say)

    async def start_peer(
        self,
        name: str,
        *,
        capacity: int = 3,
        delay_us: Micros = SECOND,
        role: Role = Role.LISTENER,
        machine: Callable[[Membership], Any] | None = None,
    ) -> Actor:
        """Start a peer that plays to nobody; `machine` makes another machine than a `PeerMachine`."""
        me = identity_of(name)
        member = self.member(me, role, capacity)
        made = PeerMachine(member, delay_us) if machine is None else machine(member)
        return await self.enter(Actor(name, StageDriver(made), self.new_address()), me)

    async def enter(
        self, actor: Actor, me: Identity, also: Callable[[], Awaitable[None]] = trio.sleep_forever
    ) -> Actor:
        """Let an actor enter, with what it does beside driving its machine."""
        self.actors[actor.name] = actor
        await self.nursery.start(self._run, actor, me, also)
        return actor

    # ---- what befalls them

    def kill(self, name: str) -> None:
        """Kill without a word, as SIGKILL does."""
        actor = self.actors.pop(name)
        self.fabric.kill(actor.address)
        self._go_on(actor)
        actor.scope.cancel()

    async def leave(self, name: str) -> None:
        """Let an actor go politely, and wait until it is gone."""
        actor = self.actors.pop(name)
        actor.driver.stop()
        actor.scope.cancel()
        await actor.left.wait()

    def freeze(self, name: str) -> None:
        """Let a process stand still, as SIGSTOP does: its kernel goes on keeping what comes."""
        actor = self.actors[name]
        self.fabric.freeze(actor.address)
        actor.driver.freeze()

    def thaw(self, name: str) -> None:
        """Let it go on, with all that came meanwhile before it."""
        self._go_on(self.actors[name])

    def suspend(self, name: str) -> None:
        """Let a machine sleep, as a laptop that is shut does: nothing reaches it."""
        self.fabric.kill(self.actors[name].address)
        self.freeze(name)

    def wake(self, name: str) -> None:
        """Undo `suspend`; what was sent to it meanwhile is lost."""
        self.fabric.revive(self.actors[name].address)
        self.thaw(name)

    def rebind(self, name: str) -> Address:
        """Let a peer's NAT forget it: others see it under another address from now on."""
        actor = self.actors[name]
        actor.address = self.fabric.rebind(actor.address)
        return actor.address

    async def close(self) -> None:
        """End everything, and wait until all sockets are closed."""
        for name in list(self.actors):
            self.thaw(name)
            actor = self.actors.pop(name)
            actor.scope.cancel()
            await actor.left.wait()

    # ---- who is there

    def peers(self) -> list[Actor]:
        """Give the honest listeners and relays that are here and awake."""
        return [one for one in self.actors.values() if one.is_peer and not one.driver.is_frozen]

    def relays(self) -> list[Actor]:
        """Give those of them that feed others now."""
        return [one for one in self.peers() if one.peer.relay.children]

    def dice(self, name: str) -> Callable[[int], int]:
        """Make the dice of one actor."""
        return random.Random(f"{self.seed} {name}").randrange

    def member(self, me: Identity, role: Role, capacity: int) -> Membership:
        """Say who somebody is in this broadcast."""
        return Membership(
            identity=me,
            broadcast=BroadcastId(bytes(self.broadcast.peer_id)),
            tracker=self.tracker_identity.peer_id,
            tracker_addresses=(TRACKER,),
            role=role,
            capacity=capacity,
            dice=self.dice(me.peer_id.hex()),
            wall_offset_us=WALL_US,
            verify=self._verify,
        )

    def new_address(self) -> Address:
        """Give a host of its own to somebody."""
        self.hosts += 1
        network, host = divmod(self.hosts, HOSTS_OF_A_NETWORK)
        return f"10.{network // 256}.{network % 256}.{host + 1}", PORT

    # ---- details

    def _go_on(self, actor: Actor) -> None:
        """Let neither the socket nor the driver of an actor stand still any longer."""
        self.fabric.thaw(actor.address)
        actor.driver.thaw()

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
        actor.left.set()


@asynccontextmanager
async def open_stage(conditions: Conditions = NEAR, seed: int = 1) -> AsyncIterator[Stage]:
    """Open a stage; at the end of the block everybody goes, and what has not gone by then is an error of the bed."""
    async with trio.open_nursery() as nursery:
        stage = Stage(nursery, conditions, seed)
        yield stage
        await stage.close()
        nursery.cancel_scope.cancel()
