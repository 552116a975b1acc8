"""A network in memory, under trio's clock: the same sockets, exact delivery, any weather, and no task of its own.

A datagram sent at t over a path of delay d is readable at exactly t + d, in virtual as in real time: it lies in the
receiver's inbox with its hour of arrival, and whoever waits there sleeps until the earliest hour. What befalls a
datagram is drawn from a source of chance that belongs to its flow (sender, receiver) alone, and ties are broken by the
sender's address, so that the order in which trio happens to run tasks changes nothing.

A datagram crosses up to three legs: the sender's uplink, the path between the two hosts, the receiver's downlink. A leg
keeps the order of what crosses it, jitter or not, but for the share that it is told to hold back.

The fabric remembers nothing of sockets that are closed, so that a crowd may come and go for as long as it likes; an
address that is taken again begins with the chance that it began with.
"""

import heapq
import math
import random
from dataclasses import dataclass
from typing import Final, TypeVar

import trio

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND, Address, Micros
from meshcast.transport.datagram import BUFFER_BYTES, UDP_BYTES_MAX, check_address, port_taken

_Key = TypeVar("_Key")

FIRST_PORT: Final = 40_000
"""Where free ports are looked for."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The weather on one leg. Shares are of 1; the rate is None where there is room for everything."""

    delay_us: Micros = 0
    jitter_us: Micros = 0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    reordering_us: Micros = 50 * MILLISECOND
    rate_bytes_s: int | None = None
    queue_us_max: Micros = 250 * MILLISECOND


CLEAR: Final = Conditions()
"""No delay, no loss."""

BLACK_HOLE: Final = Conditions(loss=1.0)
"""What goes in never comes out; on one way of a path it is the fault that the other side cannot see."""


class _Leg:
    """One leg: its conditions, when its line is free again, and when the last datagram left it."""

    __slots__ = ("conditions", "free_at", "last_out")

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.free_at = -math.inf
        self.last_out = -math.inf

    def cross(self, entered: float, size: int, chance: random.Random) -> list[float]:
        """Say when a datagram that entered at `entered` comes out: never, once or twice."""
        weather = self.conditions
        if weather.loss and chance.random() < weather.loss:
            return []
        if weather.rate_bytes_s is not None:
            start = max(entered, self.free_at)
            if start - entered > weather.queue_us_max / SECOND:
                return []
            entered = self.free_at = start + size / weather.rate_bytes_s
        out = entered + weather.delay_us / SECOND
        if weather.jitter_us:
            out += chance.random() * weather.jitter_us / SECOND
        if weather.reordering and chance.random() < weather.reordering:
            out += weather.reordering_us / SECOND
        else:
            out = self.last_out = max(out, self.last_out)
        return [out, out] if weather.duplication and chance.random() < weather.duplication else [out]


@dataclass(order=True, slots=True)
class _Parcel:
    """A datagram on its way; parcels are ordered by arrival, then by sender."""

    arrives: float
    sender: Address
    number: int
    data: bytes


class FabricSocket:
    """A socket of the fabric; it behaves as `UdpSocket` does."""

    def __init__(self, fabric: "Fabric", address: Address) -> None:
        self._fabric = fabric
        self._address = address
        self._inbox: list[_Parcel] = []
        self._inbox_bytes = 0
        self._thawed = trio.Event()
        self._thawed.set()
        self._held: list[tuple[bytes, Address]] = []
        self._waiting: trio.CancelScope | None = None
        self._closed = False

    @property
    def address(self) -> Address:
        """Name the address that the socket is bound to."""
        return self._address

    def send(self, data: bytes, address: Address) -> bool:
        """Hand a datagram to the fabric; False while the socket is jammed or when it is too big."""
        self._check_open()
        if len(data) > UDP_BYTES_MAX:
            return False
        if self.is_frozen:
            self._held.append((data, address))
            return True
        return self._fabric.carry(self._address, address, data)

    def receive(self, limit: int) -> list[tuple[bytes, Address]]:
        """Take what has arrived by now, at most `limit` datagrams."""
        self._check_open()
        arrived: list[tuple[bytes, Address]] = []
        now = trio.current_time()
        while len(arrived) < limit and self._next_arrival() <= now:
            parcel = heapq.heappop(self._inbox)
            self._inbox_bytes -= len(parcel.data)
            arrived.append((parcel.data, parcel.sender))
        return arrived

    async def wait_readable(self) -> None:
        """Wait until the hour of the earliest arrival; who stands still waits on, whatever becomes due meanwhile."""
        self._check_open()
        if self._waiting is not None:
            raise trio.BusyResourceError
        if self._next_arrival() <= trio.current_time():
            await trio.lowlevel.checkpoint()
        try:
            while self._next_arrival() > trio.current_time():
                with trio.CancelScope(deadline=self._next_arrival()) as self._waiting:
                    await trio.sleep_forever()
                self._check_open()
        finally:
            self._waiting = None
            if self.is_frozen:
                with trio.CancelScope(shield=True):
                    await self._thawed.wait()

    def close(self) -> None:
        """Leave the fabric; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._thawed.set()
        self._fabric.forget(self)
        if self._waiting is not None:
            self._waiting.deadline = -math.inf

    def rebind(self, host: str, port: int = 0) -> Address:
        """Go on under another address, as behind a NAT that forgot its mapping; what was on its way is lost."""
        address = self._fabric.claim(self, host, port)
        self._fabric.forget(self)
        self._address = address
        self.die()
        return address

    def deliver(self, parcel: _Parcel) -> None:
        """Put a parcel into the inbox, unless the buffer is full."""
        if self._inbox_bytes + len(parcel.data) > BUFFER_BYTES:
            return
        heapq.heappush(self._inbox, parcel)
        self._inbox_bytes += len(parcel.data)
        self._set_alarm()

    def die(self) -> None:
        """Forget what was on its way here."""
        self._inbox.clear()
        self._inbox_bytes = 0
        self._set_alarm()

    @property
    def is_frozen(self) -> bool:
        """Tell whether the process behind this socket stands still."""
        return not self._thawed.is_set()

    def freeze(self) -> None:
        """Stand still: nothing is read, no wait ends, and what is sent waits; what comes is kept, as a kernel does."""
        if not self.is_frozen:
            self._thawed = trio.Event()
            self._set_alarm()

    def thaw(self) -> None:
        """Go on, with everything that came and went in the meantime."""
        self._thawed.set()
        held, self._held = self._held, []
        for data, address in held:
            self._fabric.carry(self._address, address, data)
        self._set_alarm()

    def _next_arrival(self) -> float:
        return self._inbox[0].arrives if self._inbox and not self.is_frozen else math.inf

    def _set_alarm(self) -> None:
        if self._waiting is not None:
            self._waiting.deadline = self._next_arrival()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError


class Fabric:
    """All hosts, all legs between them, and what goes wrong there; `seed` decides all chance."""

    def __init__(self, seed: int = 0, conditions: Conditions = CLEAR) -> None:
        self._seed = seed
        self._default = conditions
        self._sockets: dict[Address, FabricSocket] = {}
        self._uplinks: dict[str, _Leg] = {}
        self._downlinks: dict[str, _Leg] = {}
        self._between: dict[tuple[str, str], _Leg] = {}
        """Paths that were set by name."""
        self._paths: dict[tuple[str, str], _Leg] = {}
        """All others, made when something crosses them."""
        self._chances: dict[tuple[Address, Address], random.Random] = {}
        self._dead: dict[Address, None] = {}
        self._jammed: dict[Address, None] = {}
        self._groups: dict[str, int] = {}
        self._number = 0
        self.carried = 0
        self.lost = 0

    def socket(self, host: str, port: int = 0) -> FabricSocket:
        """Bind a socket to a literal IP address and a port (0: any free one); BadInputError when it is taken."""
        made = FabricSocket(self, (host, port))
        made._address = self.claim(made, host, port)  # noqa: SLF001 - the fabric deals out addresses
        return made

    @property
    def sockets(self) -> int:
        """Count the sockets that are open."""
        return len(self._sockets)

    def weather(self, conditions: Conditions) -> None:
        """Set what every path goes through that was not set by name."""
        self._default = conditions
        for leg in self._paths.values():
            leg.conditions = conditions

    def uplink(self, host: str, conditions: Conditions | None) -> None:
        """Set what everything that leaves `host` goes through; None undoes it."""
        _set(self._uplinks, host, conditions)

    def downlink(self, host: str, conditions: Conditions | None) -> None:
        """Set what everything that reaches `host` goes through; None undoes it."""
        _set(self._downlinks, host, conditions)

    def between(self, source: str, target: str, conditions: Conditions | None) -> None:
        """Set the path from one host to another, one way; None lets it be like all others again."""
        _set(self._between, (source, target), conditions)

    def kill(self, address: Address) -> None:
        """Let nothing in or out any more, silently."""
        self._dead[address] = None
        if address in self._sockets:
            self._sockets[address].die()

    def revive(self, address: Address) -> None:
        """Undo `kill`."""
        self._dead.pop(address, None)

    def jam(self, address: Address) -> None:
        """Let every send of this socket block, as with a full buffer."""
        self._jammed[address] = None

    def unjam(self, address: Address) -> None:
        """Undo `jam`."""
        self._jammed.pop(address, None)

    def freeze(self, address: Address) -> None:
        """Let the process behind this socket stand still, as on a laptop that is shut."""
        self._sockets[address].freeze()

    def thaw(self, address: Address) -> None:
        """Undo `freeze`: everything held is delivered at once."""
        self._sockets[address].thaw()

    def rebind(self, address: Address) -> Address:
        """Let a NAT forget its mapping: give the address under which others see this host from now on.

        What was on its way to the old one is lost, and so is whatever is sent there from now on.
        """
        return self._sockets[address].rebind(address[0])

    def partition(self, *groups: list[str]) -> None:
        """Let hosts of different groups not hear each other; hosts in no group hear everybody."""
        self._groups = {host: number for number, group in enumerate(groups) for host in group}

    def heal(self) -> None:
        """Undo `partition`."""
        self._groups = {}

    def claim(self, claimant: FabricSocket, host: str, port: int) -> Address:
        """Give an address to a socket (port 0: the next free one)."""
        check_address(host, port)
        if port == 0:
            port = next(free for free in range(FIRST_PORT, 65_536) if (host, free) not in self._sockets)
        if (host, port) in self._sockets:
            raise BadInputError(port_taken(port))
        self._sockets[host, port] = claimant
        return host, port

    def forget(self, leaver: FabricSocket) -> None:
        """Take an address back, and what is remembered of it."""
        address = leaver.address
        self._sockets.pop(address, None)
        self._jammed.pop(address, None)
        self._dead.pop(address, None)
        self._chances = {flow: chance for flow, chance in self._chances.items() if address not in flow}
        if all(host != address[0] for host, _ in self._sockets):
            self._paths = {path: leg for path, leg in self._paths.items() if address[0] not in path}

    def carry(self, source: Address, target: Address, data: bytes) -> bool:
        """Take one datagram across; False when it would block at the sender."""
        if source in self._jammed:
            return False
        receiver = self._sockets.get(target)
        if (
            receiver is None
            or source in self._dead
            or target in self._dead
            or self._parted(source[0], target[0])
        ):
            self.lost += 1
            return True
        for arrives in self._cross(source, target, len(data)):
            self._number += 1
            receiver.deliver(_Parcel(arrives, source, self._number, data))
        return True

    def _cross(self, source: Address, target: Address, size: int) -> list[float]:
        chance = self._chances.get((source, target))
        if chance is None:
            chance = self._chances[source, target] = random.Random(f"{self._seed} {source} {target}")
        times = [trio.current_time()]
        for leg in self._legs(source[0], target[0]):
            times = [out for entered in times for out in leg.cross(entered, size, chance)]
        if times:
            self.carried += 1
        else:
            self.lost += 1
        return times

    def _legs(self, source: str, target: str) -> list[_Leg]:
        path = self._between.get((source, target)) or self._paths.get((source, target))
        if path is None:
            path = self._paths[source, target] = _Leg(self._default)
        legs = (self._uplinks.get(source), path, self._downlinks.get(target))
        return [leg for leg in legs if leg is not None]

    def _parted(self, source: str, target: str) -> bool:
        here, there = self._groups.get(source), self._groups.get(target)
        return here is not None and there is not None and here != there


def _set(legs: dict[_Key, _Leg], key: _Key, conditions: Conditions | None) -> None:
    """Make a leg of these conditions, or take it away."""
    if conditions is None:
        legs.pop(key, None)
    else:
        legs[key] = _Leg(conditions)
