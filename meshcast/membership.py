"""Makes a membership from what a shell knows: chance, the calendar, addresses."""

import random
import time

import trio

from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link
from meshcast.protocol.machine import Dice
from meshcast.protocol.membership import Membership
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Address


def dice(sides: int) -> int:
    """Give a whole number in 0..sides-1; where chance guards a secret, `secrets` is used instead."""
    return random.randrange(sides)


def wall_offset_us() -> int:
    """Give Unix time minus trio's clock, in microseconds."""
    return round((time.time() - trio.current_time()) * SECOND)


def member_of(
    identity: Identity,
    link: Link,
    addresses: tuple[Address, ...],
    role: Role,
    capacity: int,
    chance: Dice = dice,
) -> Membership:
    """Say who this process is in a broadcast."""
    return Membership(
        identity=identity,
        broadcast=link.broadcast,
        tracker=link.pin,
        tracker_addresses=addresses,
        role=role,
        capacity=capacity,
        dice=chance,
        wall_offset_us=wall_offset_us(),
    )
