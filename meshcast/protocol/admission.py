"""Whom a relay takes in, and what it says to the others: the reasons for a no, in the order in which they are looked for.

A reason is chosen for what its hearer makes of it: who is refused for its rank may raise it, and who finds no place is told
of peers that may have one.
"""

from typing import TYPE_CHECKING

from meshcast.protocol.capacity import clients_max_for, may_go_below, referred
from meshcast.protocol.limits import STANDBY_CLIENTS_PER_PREFIX
from meshcast.protocol.messages import Adopt, Refuse, Why
from meshcast.protocol.networks import prefix_of
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId, Rank

if TYPE_CHECKING:
    from meshcast.protocol.relay import Relay


def why_not_adopt(relay: "Relay", peer: PeerId, ask: Adopt, now: Micros) -> Why | None:
    """Say why this child is not adopted, if it is not."""
    ticket = relay.tickets.get(peer)
    if ticket is None or not relay.member.trusts(ticket, now):
        return Why.TICKET
    if peer in relay.bans:
        return Why.BANNED
    if not ask.is_signed_by(peer, relay.member.me, relay.member.verify):
        return Why.TICKET
    if relay.is_leaving:
        return Why.LEAVING
    if relay.standing.is_raising:
        return Why.RAISING
    if not relay.standing.may_adopt(ask.rank):
        return Why.RANK
    if relay.capacity == 0:
        return Why.LEAF
    if peer not in relay.children and len(relay.children) >= relay.places_max:
        return Why.FULL
    return None


def why_not_stand_by(relay: "Relay", peer: PeerId, rank: Rank) -> Why | None:
    """Say why a relay does not stand by for another of this rank, if it does not."""
    if peer not in relay.tickets:
        return Why.TICKET
    if relay.is_leaving:
        return Why.LEAVING
    if peer in relay.clients:
        return None
    places = clients_max_for(relay.member.role, relay.member.capacity, relay.standing.rank, rank)
    prefix = prefix_of(relay.tickets[peer])
    of_prefix = sum(one == prefix for one in relay.clients.values())
    if len(relay.clients) >= places or of_prefix >= max(STANDBY_CLIENTS_PER_PREFIX, places // 2):
        return Why.FULL
    return None


def refusal(relay: "Relay", peer: PeerId, counter: int, why: Why, rank: Rank) -> Refuse:
    """Say no; one that is full names some of its children to whoever is deeper than they, each time other ones."""
    others: tuple[Ticket, ...] = ()
    if why is Why.FULL and may_go_below(relay.standing.rank, rank):
        able = [
            relay.tickets[child]
            for child in relay.children
            if child != peer and child in relay.tickets and relay.tickets[child].capacity
        ]
        others = referred(able, relay.member.dice)
    return Refuse(counter, why, relay.standing.rank, others)
