"""The target `endpoint`: a broadcaster over real QUIC, one honest listener, eight enemies with proven keys, and strangers.

Everything runs in virtual time over the network in memory. Strangers send packets that once were genuine, to both ends and
from any address. Enemies send, under keys of their own, frames of QUIC that are nonsense, datagrams and messages that are
spoilt, and well-formed messages in any order; most of what is malformed costs them their connection, and they come back
under another key. In the end the honest listener must have heard everything, and nothing of the enemies may be left.

Keys and connection ids are fresh in each run, so a repeated chapter meets inputs of the same kinds in the same order, and
not the same bytes.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

import trio
from trio.testing import MockClock

from fuzz import crowd, mutations, seeds
from fuzz.crowd import Speech, identity
from fuzz.enemy import Enemy
from fuzz.machines import membership
from fuzz.target import BrokenPromiseError
from meshcast.driver import Driver
from meshcast.protocol.chunk import Kind, encode_chunk
from meshcast.protocol.events import Captured
from meshcast.protocol.messages import Adopt, Hello
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Address
from meshcast.protocol.wire import encode, encode_datagram
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.framing import framed
from meshcast.transport.limits import IDLE_S
from meshcast.transport.link_events import DatagramReceived, LinkDown, LinkEvent
from meshcast.transport.links import Links

ENEMIES: Final = 8
BATCH: Final = 96
"""Inputs of one moment: three turns of the victim; an enemy says no more in a second than a busy neighbour may."""
MOMENT_S: Final = 0.02
RECENT: Final = 96
"""Genuine packets that are remembered, to be spoilt."""
STRANGERS: Final = tuple((f"192.0.2.{number}", 4433) for number in range(1, 13))
CLEAR_S: Final = IDLE_S + 15
"""After so long nothing of an enemy that has vanished may be left: the longest of all timeouts, and a sweep."""


class Street:
    """The broadcaster, its listener, and everybody else."""

    def __init__(self) -> None:
        self.last = b""
        self._recent: deque[bytes] = deque([seeds.corpus()["initial"]], maxlen=RECENT)
        self._heard = 0
        self._downs: list[LinkDown] = []

    def run(self, chance: Random, part: int, parts: int, weigh: Callable[[], None]) -> None:
        """Play a chapter in virtual time."""
        trio.run(self._run, chance, part, parts, weigh, clock=MockClock(autojump_threshold=0))

    async def _run(self, chance: Random, part: int, parts: int, weigh: Callable[[], None]) -> None:
        self._fabric = Fabric(1, Conditions(delay_us=MILLISECOND))
        self._carry = self._fabric.carry
        self._fabric.carry = self._record  # type: ignore[method-assign]
        async with trio.open_nursery() as nursery:
            await self._open(nursery)
            speech = Speech(chance, crowd.SOURCE.peer_id, [enemy.name for enemy in self._enemies])
            for _ in range(parts):
                await self._besiege(part, speech, chance)
                await self._settle()
                weigh()
            nursery.cancel_scope.cancel()

    # ---- the scene

    async def _open(self, nursery: trio.Nursery) -> None:
        # Its tracker is nowhere, and is not dialled: nobody here needs one.
        member = replace(membership(crowd.SOURCE, Role.SOURCE), tracker_addresses=())
        self._machine = SourceMachine(member, crowd.delegation(), Programme("Fuzz", 64_000, crowd.CHUNK_US))
        self._driver = Driver(self._machine, lambda _: None)
        self._victim = Links(crowd.SOURCE, self._fabric.socket("198.51.100.1", 4433), self._driver.link_event)
        self._driver.connect(self._victim)
        self._friend = Links(identity("friend"), self._fabric.socket("198.51.100.2", 4433), self._befriended)
        for links in (self._victim, self._friend):
            await nursery.start(links.run)
        nursery.start_soon(self._driver.run)
        nursery.start_soon(self._speak)
        self._target: Address = self._victim.own_address
        self._enemies = []
        for number in range(ENEMIES):
            socket = self._fabric.socket(f"203.0.{number}.7", 4433)
            enemy = Enemy(number, socket, crowd.SOURCE.peer_id, self._target)
            nursery.start_soon(enemy.endpoint.run)
            self._enemies.append(enemy)
        self._friend.dial(crowd.SOURCE.peer_id, self._target)
        await trio.sleep(0.5)
        for message in (
            Hello(crowd.ticket("friend"), 32, 0),
            Adopt.ask(identity("friend"), crowd.SOURCE.peer_id, 1, 32, 0, SECOND, None),
        ):
            self._friend.send(crowd.SOURCE.peer_id, encode(message))
        await trio.sleep(0.5)
        if not self._machine.relay.children:
            raise BrokenPromiseError("the friend is not served")

    async def _speak(self) -> None:
        while True:
            await trio.sleep(crowd.CHUNK_US / SECOND)
            self._driver.feed(Captured((b"sound" * 30,), crowd.CHUNK_US))

    def _befriended(self, event: LinkEvent) -> None:
        match event:
            case DatagramReceived():
                self._heard += 1
            case LinkDown():
                self._downs.append(event)
            case _:
                pass

    def _record(self, source: Address, target: Address, data: bytes) -> bool:
        self._recent.append(data)
        return self._carry(source, target, data)

    # ---- what is tried

    async def _besiege(self, count: int, speech: Speech, chance: Random) -> None:
        left = count
        while left > 0:
            for enemy in self._enemies:
                enemy.dial()
            for _ in range(min(BATCH, left)):
                self._try(speech, chance)
            left -= BATCH
            await trio.sleep(MOMENT_S)

    def _try(self, speech: Speech, chance: Random) -> None:
        turn = mutations.below(chance, 500)
        enemy = self._enemies[mutations.below(chance, ENEMIES)]
        if turn < 50 and enemy.is_ready and self._from_enemy(enemy, turn, speech, chance):
            return
        self._from_stranger(enemy, chance)

    def _from_stranger(self, enemy: Enemy, chance: Random) -> None:
        packet = self._recent[mutations.below(chance, len(self._recent))]
        self.last = mutations.spoil(packet, self._recent, chance)
        friend, victim = self._friend.own_address, self._target
        match mutations.below(chance, 8):
            case 0:
                self._carry(victim, friend, self.last)
            case 1:
                self._carry(friend, victim, self.last)
            case 2:
                self._carry(enemy.address, victim, self.last)
            case 3:
                self._carry(STRANGERS[mutations.below(chance, len(STRANGERS))], friend, self.last)
            case _:
                self._carry(STRANGERS[mutations.below(chance, len(STRANGERS))], victim, self.last)

    def _from_enemy(self, enemy: Enemy, turn: int, speech: Speech, chance: Random) -> bool:
        """Send something under the enemy's own keys; what is malformed costs a handshake, and is the rarer."""
        match turn:
            case 0:
                self.last = mutations.frames(chance)
                return enemy.inject(self.last)
            case 1:
                data = mutations.spoil(self._datagram(enemy, speech, chance), seeds.messages(), chance)
                self.last = b"\x30" + data
                return enemy.inject(self.last)
            case 2:
                message = encode(speech.any_message(enemy.name))
                self.last = mutations.spoil(framed(message), seeds.messages(), chance)
                return enemy.say(self.last)
            case _ if turn < 18:
                self.last = b"\x30" + self._datagram(enemy, speech, chance)
                return enemy.inject(self.last)
            case _ if turn < 28:
                self.last = b"".join(_harmless(chance) for _ in range(1 + mutations.below(chance, 4)))
                return enemy.inject(self.last)
            case _:
                self.last = framed(encode(speech.any_message(enemy.name)))
                return enemy.say(self.last)

    def _datagram(self, enemy: Enemy, speech: Speech, chance: Random) -> bytes:
        match mutations.below(chance, 3):
            case 0:
                return encode_chunk(speech.any_chunk(self._machine.backlog.newest), speech.hop())
            case 1:
                return bytes([Kind.REFILL + 1 + mutations.below(chance, 200)]) + chance.randbytes(20)
            case _:
                return encode_datagram(speech.any_message(enemy.name))

    # ---- what must hold

    async def _settle(self) -> None:
        for enemy in self._enemies:
            enemy.vanish()
        await trio.sleep(CLEAR_S)
        heard = self._heard
        await trio.sleep(2.0)
        if self._downs or self._heard < heard + 19:
            raise BrokenPromiseError(
                f"the friend heard {self._heard - heard} chunks in 2 s, and was told {self._downs}"
            )
        endpoint = self._victim._endpoint
        if (endpoint.connections, endpoint.in_progress) != (1, 0):
            raise BrokenPromiseError(
                f"{endpoint.connections} connections and {endpoint.in_progress} handshakes are left"
            )
        served = [*self._machine.relay.children, *self._machine.relay.clients]
        if served != [identity("friend").peer_id]:
            raise BrokenPromiseError(f"{len(served)} are served, and only the friend is there")
        crowd.forget()


def _harmless(chance: Random) -> bytes:
    """Make a frame that QUIC allows at this moment, though nobody would send it."""
    match mutations.below(chance, 7):
        case 0:
            return bytes([0x00]) * (1 + mutations.below(chance, 40))
        case 1:
            return b"\x01"
        case 2:
            return b"\x10" + mutations.varint(chance)
        case 3:
            return b"\x12" + bytes([mutations.below(chance, 64)])
        case 4:
            return b"\x14" + mutations.varint(chance)
        case 5:
            return b"\x1a" + chance.randbytes(8)
        case _:
            return b"\x16" + bytes([mutations.below(chance, 64)])
