"""The product's tracker, and how much CPU time each kind of event costs it."""

from typing import Final

from meshcast.protocol.effects import Send
from meshcast.protocol.events import Disconnected, Event, Received, Tick
from meshcast.protocol.messages import Join, Leave, Move
from meshcast.protocol.units import Micros
from sim.distances import Distances
from sim.measures import Clock
from sim.trackers import MakeTracker, maker
from tracker.overlay.effects import TrackerEffect
from tracker.overlay.machine import TrackerMachine

MILLION: Final = 1_000_000


class Ledger:
    """What the trackers of a run have done, restarts included."""

    def __init__(self, clock: Clock | None) -> None:
        self.clock = clock
        self.joins = 0
        self.goings = 0
        """Leaves, and peers whose link was lost."""
        self.join_s = 0.0
        self.going_s = 0.0
        """Ticks included: relief and rebalancing are the work that goings leave."""
        self.moves = 0

    @property
    def join_us(self) -> float:
        """CPU time of a join; 0 without a clock."""
        return self.join_s * MILLION / self.joins if self.joins else 0.0

    @property
    def leave_us(self) -> float:
        """CPU time of a leave or crash; 0 without a clock."""
        return self.going_s * MILLION / self.goings if self.goings else 0.0


class TimedTracker(TrackerMachine):
    """Decides as the product's tracker, and notes it in a ledger."""

    ledger: Ledger

    def handle(self, event: Event, now: Micros) -> list[TrackerEffect]:
        """Take in what happened."""
        ledger, clock = self.ledger, self.ledger.clock
        began_s = clock() if clock is not None else 0.0
        effects = super().handle(event, now)
        took_s = clock() - began_s if clock is not None else 0.0
        match event:
            case Received(_, Join()):
                ledger.joins += 1
                ledger.join_s += took_s
            case Received(_, Leave()) | Disconnected():
                ledger.goings += 1
                ledger.going_s += took_s
            case Tick():
                ledger.going_s += took_s
            case _:
                pass
        ledger.moves += sum(isinstance(one, Send) and isinstance(one.message, Move) for one in effects)
        return effects


def timed(ledger: Ledger, geography: Distances | None, *, by_delay: bool = False) -> MakeTracker:
    """Make trackers that write into this ledger."""
    kind = type("TimedTracker", (TimedTracker,), {"ledger": ledger})
    return maker(geography, kind, by_delay=by_delay)
