"""The tracker's word: tickets, signed once and handed out until half of their life is over, and bans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import TICKET_RENEW_US, TICKET_US
from meshcast.protocol.machine import Dice
from meshcast.protocol.tickets import Ban, Role, Ticket, sign_ban, sign_ticket
from meshcast.protocol.units import SECOND, BroadcastId, Micros, PeerId
from tracker.overlay.registry import Registry
from tracker.overlay.tree import Tree


@dataclass(frozen=True, slots=True)
class Office:
    """What all broadcasts of a tracker share."""

    identity: Identity
    term: int
    wall_offset_us: Micros
    dice: Dice
    nearest_regions: Sequence[Sequence[int]]
    by_delay: bool = False
    """Peers are placed by what they have measured; or else by rank and nearest region alone, at a fifth of the work."""

    def not_after_s(self, now: Micros) -> int:
        """Say until when what is signed now holds, as Unix time."""
        return (now + self.wall_offset_us + TICKET_US) // SECOND

    def ban(self, peer: PeerId, broadcast: BroadcastId, now: Micros) -> Ban:
        """Ban a peer from a broadcast, for as long as its ticket could hold."""
        return sign_ban(self.identity, peer=peer, broadcast=broadcast, not_after_s=self.not_after_s(now))


class Vouching:
    """The tickets of one broadcast."""

    def __init__(self, office: Office, broadcast: BroadcastId, tree: Tree, registry: Registry) -> None:
        self._office: Final = office
        self._broadcast: Final = broadcast
        self._tree: Final = tree
        self._registry: Final = registry
        self._signed: Final[dict[int, tuple[Ticket, Micros]]] = {}
        self._held_since: Final[dict[int, Micros]] = {}
        """When the ticket was signed that each peer holds of itself."""

    def ticket(self, node: int, now: Micros) -> Ticket:
        """Vouch for a peer."""
        known = self._signed.get(node)
        addresses = self._registry.addresses(node)
        if known is not None and known[0].addresses == addresses and now < known[1] + TICKET_RENEW_US:
            return known[0]
        ticket = sign_ticket(
            self._office.identity,
            peer=self._registry.key(node),
            broadcast=self._broadcast,
            addresses=addresses,
            role=Role(self._tree.role[node]),
            capacity=self._tree.capacity[node],
            not_after_s=self._office.not_after_s(now),
        )
        self._signed[node] = ticket, now
        return ticket

    def own_ticket(self, node: int, now: Micros) -> Ticket:
        """Give a peer the ticket that it shows to others."""
        ticket = self.ticket(node, now)
        self._held_since[node] = self._signed[node][1]
        return ticket

    def renewal(self, node: int, now: Micros) -> Ticket | None:
        """Give a new ticket to a peer whose own is at half of its life, so that an outage of the tracker does not matter."""
        since = self._held_since.get(node)
        if since is not None and now < since + TICKET_RENEW_US:
            return None
        self._signed.pop(node, None)
        return self.own_ticket(node, now)

    def forget(self, node: int) -> None:
        """Let go of a peer that left; its number is used again."""
        self._signed.pop(node, None)
        self._held_since.pop(node, None)
