"""A machine that runs somewhere in the world."""

from collections.abc import Sequence
from typing import Final, Protocol

from meshcast.protocol.events import Event
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Address, Micros, PeerId
from sim.clocks import Clock
from sim.host import Host
from sim.metrics import Ear

NEVER: Final = 1 << 62


class Runs(Protocol):
    """The shape of every machine, a tracker's included: what it wants done is looked at when it is done."""

    def handle(self, event: Event, now: Micros) -> Sequence[object]:
        """Take in one event."""
        ...

    def deadline(self) -> Micros | None:
        """When must `Tick` come?"""
        ...


class Process(Host):
    """One host with its machine, where it is, and what came of it."""

    __slots__ = (
        "access_us",
        "armed_at",
        "capacity",
        "city",
        "clock",
        "died_at",
        "ear",
        "failure",
        "has_ended",
        "index",
        "is_hostile",
        "is_watched",
        "joined_at",
        "machine",
        "name",
        "role",
        "ticked_at",
        "ticks",
        "wakes_at",
    )

    def __init__(
        self,
        key: PeerId,
        address: Address,
        name: str,
        machine: Runs,
        role: Role | None,
        capacity: int,
        city: int,
        access_us: Micros,
    ) -> None:
        super().__init__(key, address)
        self.name = name
        self.machine = machine
        self.role = role
        """None is the tracker's."""
        self.capacity = capacity
        self.city = city
        self.access_us = access_us
        """Delay of its last mile, one way."""
        self.index = 0
        self.is_hostile = False
        """Built to harm: what honest peers promise of themselves is not asked of it."""
        self.is_watched = False
        """`Runner.close_watchers` are called after each of its events."""
        self.clock: Clock | None = None
        """What its machine is told the time by; none: the world's own time."""
        self.ear = Ear()
        self.failure: str | None = None
        self.has_ended = False
        self.joined_at: Micros = 0
        self.died_at: Micros | None = None
        self.wakes_at: Micros = NEVER
        """What its machine named as its deadline last."""
        self.armed_at: Micros = NEVER
        """When the scheduler calls next for its sake."""
        self.ticks = 0
        """Ticks in a row that came at `ticked_at`."""
        self.ticked_at: Micros = -1

    def __repr__(self) -> str:
        return f"<{self.name} {self.key[:4].hex()}>"
