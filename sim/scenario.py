"""What a scenario says: who comes and when, how long they stay, how far apart they are, and what goes wrong.

These are plain values. `sim.scenario_file` reads them from TOML and says which line is wrong; the two fidelities run
them: `sim.packets` (every message is an event, to ten thousand peers) and `sim.flow` (sound as intervals, to millions).
"""

import enum
from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.limits import PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.units import MILLISECOND, SECOND, Micros


class Fidelity(enum.Enum):
    """How closely the sound is followed."""

    PACKETS = "packets"
    FLOW = "flow"


class Nat(enum.Enum):
    """How a peer can be reached. Whoever cannot be dialled serves nobody."""

    OPEN = "open"
    MAPPED = "mapped"
    """Behind a router that maps a port when asked to (UPnP, PCP)."""
    CONE = "cone"
    SYMMETRIC = "symmetric"

    @property
    def is_dialled(self) -> bool:
        """Can a stranger dial such a peer?"""
        return self in {Nat.OPEN, Nat.MAPPED}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who the listeners are, as shares."""

    serving: float = 0.5
    """Share that can serve others at all, before NATs."""
    capacities: tuple[int, ...] = (2, 4, 8)
    """Uplink classes of those that serve, in children."""
    shares: tuple[float, ...] = (0.3, 0.5, 0.2)
    """Share of each class; together 1."""
    mobile: float = 0.5
    """Share on mobile links; those that serve are on fixed lines first."""
    nats: tuple[tuple[Nat, float], ...] = ((Nat.OPEN, 1.0),)
    """Share of each kind among those that could serve; together 1."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Listeners that come in one stretch of time."""

    peers: int
    at_us: Micros = 0
    over_us: Micros = 60 * SECOND
    """They come at times drawn evenly from this long."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A crowd that follows counts over time: (time, listeners), straight lines between; whoever leaves is replaced."""

    points: tuple[tuple[Micros, int], ...]


class Law(enum.Enum):
    """How long sessions last."""

    FOREVER = "forever"
    LOG_NORMAL = "log-normal"
    EXPONENTIAL = "exponential"
    PARETO = "pareto"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Sessions:
    """How long listeners stay, and how they go."""

    law: Law = Law.FOREVER
    median_us: Micros = 300 * SECOND
    sigma: float = 1.54
    """Of the log-normal law."""
    alpha: float = 1.2
    """Of the Pareto law."""
    trace_us: tuple[Micros, ...] = ()
    """Lengths to draw from, of the trace law."""
    crashing: float = 0.5
    """Share of the departures that are crashes; the others say goodbye."""
    replaced: bool = True
    """For each one that leaves another comes at once, so that the audience keeps its size."""


class FaultKind(enum.Enum):
    """What can go wrong."""

    MASS_CRASH = "mass-crash"
    REGION_GONE = "region-gone"
    PARTITION = "partition"
    WEATHER = "weather"
    """Loss and jitter on all links."""
    TRACKER_DOWN = "tracker-down"
    TRACKER_SLOW = "tracker-slow"
    SLOW_CHILDREN = "slow-children"
    SLEEP = "sleep"
    """Peers freeze, and go on afterwards."""
    BROADCASTER_RESTART = "broadcaster-restart"
    CLOCK_SKEW = "clock-skew"
    POLLUTERS = "polluters"
    """They flip bits in what they pass on."""
    FORGERS = "forgers"
    """They make up chunks and sequence numbers."""
    WITHHOLDERS = "withholders"
    """They send beats and no chunks."""
    LIARS = "lying-capacity"
    """They claim more places than they can carry."""
    TICKET_REUSE = "ticket-reuse"
    """They use one ticket to be adopted in many places."""
    ECLIPSE = "eclipse"
    """Their tickets of uncles name only each other."""
    STARVATION = "standby-starvation"
    """They enlist everywhere, so that no standby is left."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: FaultKind
    at_us: Micros
    for_us: Micros = 0
    """How long it lasts, where it ends by itself."""
    share: float = 0.0
    """Share of the listeners that it strikes, or that are of this kind."""
    continent: str = ""
    """Where, for `region-gone` and `partition`."""
    loss: float = 0.0
    jitter_us: Micros = 0
    delay_us: Micros = 0
    """How slow the tracker is, or how far clocks are off."""
    factor: float = 2.0
    """How many times its true capacity a liar claims."""


@dataclass(frozen=True, slots=True)
class Rtts:
    """How far peers are from each other."""

    matrix: str = ""
    """Path of a measured matrix (CSV, perhaps gzipped); none: the model that ships."""
    home: str = "New York"
    """Where the origin and the tracker are."""
    by_delay: bool = False
    """Peers are placed by the round trips that they measure; or else by rank and the nearest region alone, which costs a
    fifth."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a run is made of, but its seed."""

    name: str
    about: str = ""
    """What it shows, and where its figures come from."""
    fidelity: Fidelity = Fidelity.PACKETS
    duration_us: Micros = 120 * SECOND
    origin_capacity: int = 8
    relays: int = 0
    relay_capacity: int = 64
    delay_us: Micros = PLAYOUT_DELAY_US_DEFAULT
    """The listeners' own choice; what is missing is counted at `DELAYS_US` in any case."""
    chunk_us: Micros = 100 * MILLISECOND
    crowd: Crowd = field(default_factory=Crowd)
    waves: tuple[Wave, ...] = ()
    curve: Curve | None = None
    sessions: Sessions = field(default_factory=Sessions)
    rtts: Rtts = field(default_factory=Rtts)
    faults: tuple[Fault, ...] = ()


DELAYS_US: Final[tuple[Micros, ...]] = (SECOND // 2, SECOND, 2 * SECOND, 4 * SECOND)
"""Buffers over a peer's own earliest transit at which is counted what was missing."""
