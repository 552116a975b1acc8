"""An actor: one process on the stage, which can be killed, stand still, and go on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from meshcast.driver import Drivable, Driver
from meshcast.protocol.effects import Ended, Failed
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import SourceMachine
from meshcast.protocol.units import Address, PeerId
from meshcast.transport.links import Links


class StageDriver(Driver):
    """A driver whose process may stand still: no deadline is kept then, and the next is kept late."""

    def __init__(self, machine: Drivable, perform: Callable[[Any], None] | None = None) -> None:
        """`perform` is given what is not for a link; without it nothing is played, and last words are kept."""
        super().__init__(machine, self._keep if perform is None else perform)
        self.last_words: list[Ended | Failed] = []
        self._thawed = trio.Event()
        self._thawed.set()

    @property
    def is_frozen(self) -> bool:
        """Tell whether the process stands still."""
        return not self._thawed.is_set()

    def freeze(self) -> None:
        """Stand still."""
        if not self.is_frozen:
            self._thawed = trio.Event()

    def thaw(self) -> None:
        """Go on."""
        self._thawed.set()

    async def awake(self) -> None:
        """Wait until the process does not stand still."""
        while self.is_frozen:
            await self._thawed.wait()

    def _keep(self, effect: object) -> None:
        """Remember how it ended."""
        if isinstance(effect, Ended | Failed):
            self.last_words.append(effect)

    async def sleep(self) -> None:
        """Wait until the machine's deadline, and for as long as the process stands still."""
        await super().sleep()
        await self.awake()


@dataclass
class Actor:
    """One process on the stage."""

    name: str
    driver: StageDriver
    address: Address
    """Where others see it."""
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    links: Links | None = None
    left: trio.Event = field(default_factory=trio.Event)
    """It is gone, its socket closed."""

    @property
    def peer(self) -> PeerMachine:
        """The machine of a listener or relay."""
        assert isinstance(self.driver.machine, PeerMachine)
        return self.driver.machine

    @property
    def source(self) -> SourceMachine:
        """The machine of a broadcaster."""
        assert isinstance(self.driver.machine, SourceMachine)
        return self.driver.machine

    @property
    def key(self) -> PeerId | None:
        """The key of a peer or broadcaster; None of anything else."""
        machine = self.driver.machine
        return machine.member.me if isinstance(machine, PeerMachine | SourceMachine) else None

    @property
    def is_peer(self) -> bool:
        """Tell whether this is an honest listener or relay."""
        return isinstance(self.driver.machine, PeerMachine)
