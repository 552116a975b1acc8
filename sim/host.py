"""Who is in the world: a host, and the ends of its links."""

import enum

from meshcast.protocol.events import Event
from meshcast.protocol.units import SECOND, Address, Micros, PeerId


class Path(enum.Enum):
    """What becomes of what is sent from an end."""

    OPEN = "open"
    MUTE = "mute"
    """It arrives, and is never acknowledged: the other side is frozen."""
    CUT = "cut"
    """It never arrives: the other side is dead, has forgotten the link, or the network is torn."""


class Narrows:
    """A line that takes so many chunks a second: datagrams above that are dropped, and what is reliable waits.

    A bucket of one fifth of a second: what a router at home holds before it drops.
    """

    __slots__ = ("_free_at", "_gap_us", "_held_us", "_patience_us")

    def __init__(self, chunks_per_s: float, patience_us: Micros = 5 * SECOND // 2) -> None:
        """`patience_us` is what a stream may wait before its sender is given up or refuses more: the transport's silence."""
        self._gap_us = round(SECOND / chunks_per_s)
        self._held_us = max(SECOND // 5, self._gap_us)
        self._patience_us = patience_us
        self._free_at: Micros = 0

    def takes(self, now: Micros) -> bool:
        """Let a chunk pass, unless the line is full."""
        if self._free_at > now + self._held_us:
            return False
        self._free_at = max(self._free_at, now) + self._gap_us
        return True

    def wait_us(self, chunks: int, now: Micros) -> Micros:
        """Let so many chunks pass reliably; say how long the last of them waits. What waits longest is not let in."""
        wait_us = max(self._free_at - now, 0) + chunks * self._gap_us
        if wait_us <= self._patience_us:
            self._free_at = now + wait_us
        return wait_us


class Host:
    """A process with a socket."""

    __slots__ = (
        "address",
        "dials",
        "downlink",
        "ends",
        "inbox",
        "is_alive",
        "is_deaf",
        "is_frozen",
        "key",
        "lag_us",
        "side",
        "uplink",
    )

    def __init__(self, key: PeerId, address: Address) -> None:
        self.key = key
        self.address = address
        self.is_alive = True
        self.is_frozen = False
        """Stopped, as by a closed lid: it does nothing, and what comes for it waits in `inbox`."""
        self.is_deaf = False
        """In a black hole: nothing reaches it and nothing leaves it."""
        self.side = 0
        """In a partition only those on the same side reach each other."""
        self.lag_us: Micros = 0
        """What it adds to the delay of each of its links, one way."""
        self.uplink: Narrows | None = None
        self.downlink: Narrows | None = None
        """Its line, where that is too narrow to be passed over."""
        self.inbox: list[Event] = []
        self.ends: dict[PeerId, End] = {}
        self.dials: dict[PeerId, Micros] = {}
        """Whom it is dialling, since when."""

    def path_to(self, other: "Host") -> Path:
        """Tell what becomes of what this host sends to another."""
        if not other.is_alive or self.is_deaf or other.is_deaf or self.side != other.side:
            return Path.CUT
        return Path.MUTE if other.is_frozen else Path.OPEN


class End:
    """One end of a link: what its host sends through it, and whether anything still comes out of it."""

    __slots__ = (
        "arrives_at",
        "changed_at",
        "delay_us",
        "held",
        "host",
        "is_forgotten",
        "is_up",
        "other",
        "path",
        "rtt_us",
        "sent_at",
        "waits_since",
    )

    def __init__(self, host: Host, delay_us: Micros) -> None:
        self.host = host
        self.delay_us = delay_us
        """From here to the other end."""
        self.rtt_us = 2 * delay_us
        self.other = self
        self.is_up = False
        self.is_forgotten = False
        """Hung up or given up: it never comes up again."""
        self.path = Path.OPEN
        self.changed_at: Micros = 0
        """When that was last another one."""
        self.arrives_at: Micros = 0
        """When the last reliable message arrives at the other end: later ones do not overtake it."""
        self.sent_at: Micros = -SECOND
        self.waits_since: Micros | None = None
        """Since when something is unacknowledged that will not be acknowledged as things are."""
        self.held: list[Event] = []
        """Reliable messages that could not get through; they are sent again when they can."""

    def wait_us(self, chunks: int, now: Micros) -> Micros:
        """Let so many chunks pass reliably; say how long they wait at the narrows of either host's line."""
        wait_us = 0
        for line in (self.host.uplink, self.other.host.downlink):
            if line is not None:
                wait_us += line.wait_us(chunks, now)
        return wait_us


def pair(one: Host, other: Host, delay_us: Micros) -> tuple[End, End]:
    """Make the two ends of a link, equally far from each other."""
    ends = End(one, delay_us), End(other, delay_us)
    ends[0].other, ends[1].other = ends[1], ends[0]
    return ends
