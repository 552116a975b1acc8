"""What a joiner wants, and how long it will want it."""

from dataclasses import dataclass

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros


# Without slots, which are declared where this is compiled.
@dataclass
class Wish:
    """A listener that wants to join."""

    capacity: int
    city: int
    access_us: Micros
    region: int
    prefix: int
    asked_at: Micros
    stays_us: Micros
    """How long it will stay."""
    is_crashing: bool
    """It will not say goodbye."""
    role: Role = Role.LISTENER
    landmarks: tuple[Micros, ...] = ()
    """Round trips that it has measured; none where peers are placed by rank and region alone."""
