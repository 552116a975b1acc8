"""What is noted of one listener while it is there."""

from dataclasses import dataclass

from meshcast.protocol.units import Micros, PeerId
from meshcast.protocol.uplink import Uplink
from sim.hearing import Hearing
from sim.process import Process
from sim.truth import uplink_of


@dataclass(slots=True, eq=False)
class Listener:
    """One listener."""

    process: Process
    hearing: Hearing
    came_at: Micros
    fed_at: Micros | None = None
    """When its first parent accepted it."""
    fed_by: Process | None = None
    """The parent that accepted it last."""
    repairs: int = 0
    placed: PeerId | None = None
    """The parent that the tracker named since there was none."""

    @property
    def uplink(self) -> Uplink:
        """Its machine's hearing half."""
        return uplink_of(self.process)
