"""Who I am in which broadcast: what every part of a peer knows, and nothing that changes."""

from dataclasses import dataclass

from meshcast.protocol.identity import Identity, Verify, verify
from meshcast.protocol.machine import Dice
from meshcast.protocol.tickets import Ban, Role, Ticket
from meshcast.protocol.units import Address, BroadcastId, Micros, PeerId


@dataclass(frozen=True, slots=True)
class Membership:
    """A peer's place in the world, as its shell made it."""

    identity: Identity
    broadcast: BroadcastId
    tracker: PeerId
    tracker_addresses: tuple[Address, ...]
    role: Role
    capacity: int
    """Children that this peer feeds at most, emergencies apart; 0 makes it leaf-only."""
    dice: Dice
    wall_offset_us: Micros = 0
    """Unix time minus the machine's clock: tickets end by the calendar."""
    addresses: tuple[Address, ...] = ()
    """Addresses on the local network."""
    landmarks: tuple[Micros, ...] = ()
    verify: Verify = verify

    @property
    def me(self) -> PeerId:
        """This peer's key."""
        return self.identity.peer_id

    def wall(self, now: Micros) -> Micros:
        """Give Unix time in microseconds."""
        return now + self.wall_offset_us

    def trusts(self, ticket: Ticket, now: Micros) -> bool:
        """Tell whether this broadcast's tracker vouches for a ticket's peer."""
        return ticket.is_valid(self.tracker, self.broadcast, self.wall(now), self.verify)

    def believes(self, ban: Ban, now: Micros) -> bool:
        """Tell whether this broadcast's tracker said this."""
        return ban.is_valid(self.tracker, self.broadcast, self.wall(now), self.verify)
