"""What a run has found: the same figures from both fidelities, for reports and plots.

What is *missing* at a delay is audio that a listener had not received by media time + its own earliest transit + delay,
while it was there and had heard its first sound; what remains of a run's last four seconds is not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from meshcast.protocol.units import Micros
from sim.scenario import DELAYS_US

Clock: TypeAlias = Callable[[], float]
"""CPU time in seconds; the simulator itself has no clock, whoever runs it brings one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution in a few numbers."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stood at one moment; a run takes one every few simulated seconds."""

    at_us: Micros
    listeners: int
    """Those that have a parent."""
    waiting: int
    """Those without a place yet."""
    orphans: int
    depth_max: int
    depth_p99: int
    delay_p50_us: Micros
    delay_p99_us: Micros
    unicast_p50_us: Micros
    unicast_p99_us: Micros
    origin_copies: int
    joins: int
    """From the beginning, as are the others below."""
    leaves: int
    crashes: int
    repairs: int
    moves: int
    missing_us: tuple[Micros, ...]
    """At each of `DELAYS_US`, all listeners together."""
    due_us: Micros
    """Audio that was due at all listeners together."""


@dataclass(slots=True)
class Measures:
    """The figures of one run."""

    simulated_us: Micros = 0
    events: int = 0
    peers_peak: int = 0
    joins: int = 0
    leaves: int = 0
    """Polite ones."""
    crashes: int = 0
    repairs: int = 0
    """Orphans that found a parent."""
    repairs_without_tracker: int = 0
    """Those of them whom the tracker did not place."""
    moves: int = 0
    """Children that the tracker moved."""
    due_us: Micros = 0
    missing_us: list[Micros] = field(default_factory=lambda: [0] * len(DELAYS_US))
    gapped: list[int] = field(default_factory=lambda: [0] * len(DELAYS_US))
    """Listeners that missed anything, at each of `DELAYS_US`."""
    heard: int = 0
    """Listeners that heard anything at all."""
    delay_us: Spread = field(default_factory=Spread)
    """From the origin to a listener, at the end of the run."""
    unicast_us: Spread = field(default_factory=Spread)
    """The same listeners, each fed by the origin itself."""
    wait_us: Spread = field(default_factory=Spread)
    """From asking to join to the first parent's Accept."""
    depth: Spread = field(default_factory=Spread)
    depth_least: int = 0
    """The least depth that the peers' capacities allow."""
    origin_copies_median: int = 0
    origin_copies_peak: int = 0
    emergency_copies_peak: int = 0
    """What origin and relays carried beyond their capacity, at most."""
    join_us: float = 0.0
    """CPU time of the tracker's decisions for one join, if a clock was given."""
    leave_us: float = 0.0
    """The same for one leave or crash, relief and rebalancing included."""
    bytes_per_peer: float = 0.0
    """Memory of the tracker's view."""
    repair_us: list[Micros] = field(default_factory=list)
    """From a parent's death to the next parent's Accept; at most `REPAIRS_KEPT_MAX` of them, drawn evenly."""
    samples: list[Sample] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Broken promises, each with when and how to see it again."""
    digest: str = ""
    """Equal digests: the same run."""
    is_cut_short: bool = False
    """Interrupted before its end."""

    def missing_ppm(self, delay: int) -> float:
        """Give the share of the audio that was missing at `DELAYS_US[delay]`, in parts per million."""
        return 1e6 * self.missing_us[delay] / self.due_us if self.due_us else 0.0

    def gap_share(self, delay: int) -> float:
        """Give the share of the listeners that missed anything at `DELAYS_US[delay]`."""
        return self.gapped[delay] / self.heard if self.heard else 0.0


REPAIRS_KEPT_MAX = 10_000


class Rehearsal(Protocol):
    """A run of a scenario, in either fidelity, stepped by whoever shows progress.

    `sim.packets.Packets` and `sim.flow.Flow` are made as `Packets(scenario, seed, clock)`.
    """

    @property
    def now(self) -> Micros:
        """Simulated time."""
        ...

    @property
    def peers_alive(self) -> int:
        """Listeners that are there now."""
        ...

    @property
    def events(self) -> int:
        """Events so far."""
        ...

    def run_until(self, until: Micros) -> None:
        """Let time pass; `AssertionError` never passes: a broken promise becomes a violation."""
        ...

    def measures(self) -> Measures:
        """Sum up what has happened so far; at any time, once or again."""
        ...
