"""How many a peer serves, and whom it names when it is full: one rule for whoever keeps it, counts on it, or simulates both.

Roles are given as numbers, so that columns of a million peers can be asked too.
"""

from typing import Final, TypeVar

from meshcast.protocol.limits import (
    CLIENTS_MAX,
    EMERGENCY_PLACES_MAX,
    LAST_RESORT_CLIENTS_PER_PLACE,
    RANK_MAX,
    REFERRALS_MAX,
    RESERVE_PLACES_MAX,
    STANDBY_CLIENTS_PER_PLACE,
)
from meshcast.protocol.machine import Dice
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Rank

LISTENER: Final = int(Role.LISTENER)
_LISTENER: Final = LISTENER
"""The same, for this module alone: declared where it is compiled, and then no longer to be imported."""

One = TypeVar("One")


def children_max(role: int, capacity: int) -> int:
    """Give how many children a peer feeds at most, emergencies included; one without places feeds nobody."""
    if not capacity:
        return 0
    return capacity + (EMERGENCY_PLACES_MAX if role == _LISTENER else RESERVE_PLACES_MAX)


def clients_max(role: int, capacity: int) -> int:
    """Give for how many a peer stands by at most."""
    per_place = STANDBY_CLIENTS_PER_PLACE if role == _LISTENER else LAST_RESORT_CLIENTS_PER_PLACE
    return min(per_place * capacity, CLIENTS_MAX)


def clients_max_for(role: int, capacity: int, own: Rank, client: Rank) -> int:
    """Give how many clients a peer may have when it takes one of this rank.

    Each level feeds as many as it has places, and each of these wants two standbys of just that level. So two thirds of a
    listener's room are kept for those one rank below it; deeper ones have deeper standbys, but joiners have no rank yet.
    """
    if role == _LISTENER and own + 1 < client < RANK_MAX:
        return min(capacity, clients_max(role, capacity))
    return clients_max(role, capacity)


def may_go_below(own: Rank, asker: Rank) -> bool:
    """Tell whether the children of a peer may take an asker, by its rank."""
    return asker > own + 1


def referred(able: list[One], dice: Dice) -> tuple[One, ...]:
    """Choose whom one that is full names of its children that can serve: some in a row, other ones each time."""
    if not able:
        return ()
    count = len(able)
    first = dice(count)
    return tuple([able[at % count] for at in range(first, first + min(count, REFERRALS_MAX))])
