"""The tracker's word: signed once, handed out until half of its life is over, and renewed by its holder's age."""

import random
from collections.abc import Callable

import pytest

from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import TICKET_RENEW_US, TICKET_US
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, BroadcastId, PeerId
from tracker.overlay.columns import ORIGIN
from tracker.overlay.office import Office, Vouching
from tracker.overlay.registry import Registry
from tracker.overlay.tree import Tree

WALL_US = 1_700_000_000 * SECOND
TRACKER = Identity.from_seed(bytes(32))
BROADCAST = BroadcastId(b"b" * 32)
PEER = PeerId(b"p" * 32)


@pytest.fixture
def office() -> Office:
    return Office(TRACKER, 1, WALL_US, random.Random(1).randrange, ((0,),))


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def vouching(office: Office, registry: Registry, plant: Callable[..., Tree]) -> Vouching:
    """Who vouches for the origin and for one peer, node 1."""
    tree = plant()
    node = tree.add(capacity=3, region=0, role=Role.LISTENER)
    registry.enter(PeerId(b"s" * 32), ORIGIN)
    registry.enter(PEER, node, (("192.0.2.1", 5),))
    return Vouching(office, BROADCAST, tree, registry)


def test_a_ticket_says_who_where_and_for_how_long(vouching: Vouching) -> None:
    ticket = vouching.ticket(1, SECOND)
    assert (ticket.peer, ticket.addresses, ticket.role, ticket.capacity) == (
        PEER, (("192.0.2.1", 5),), Role.LISTENER, 3,
    )  # fmt: skip
    end_us = WALL_US + SECOND + TICKET_US
    assert ticket.is_valid(TRACKER.peer_id, BROADCAST, end_us - 1, verify)
    assert not ticket.is_valid(TRACKER.peer_id, BROADCAST, end_us, verify)


def test_it_is_signed_once_and_handed_out_until_half_of_its_life_is_over(vouching: Vouching) -> None:
    ticket = vouching.ticket(1, 0)
    assert vouching.ticket(1, TICKET_RENEW_US - 1) is ticket
    assert vouching.ticket(1, TICKET_RENEW_US).not_after_s > ticket.not_after_s


def test_another_address_is_another_ticket(vouching: Vouching, registry: Registry) -> None:
    ticket = vouching.ticket(1, 0)
    registry.set_addresses(1, (("192.0.2.9", 5),))
    assert vouching.ticket(1, 0).addresses == (("192.0.2.9", 5),) != ticket.addresses


def test_a_renewal_is_due_by_the_age_of_the_ticket_that_is_held(vouching: Vouching) -> None:
    vouching.ticket(1, 0)
    own = vouching.own_ticket(1, TICKET_RENEW_US - 1)
    assert vouching.renewal(1, TICKET_RENEW_US - 1) is None
    vouching.ticket(1, TICKET_RENEW_US)
    renewed = vouching.renewal(1, TICKET_RENEW_US)
    assert renewed is not None, "what others were given since is not what it holds"
    assert renewed.not_after_s > own.not_after_s
    assert vouching.renewal(1, TICKET_RENEW_US) is None


def test_one_who_was_given_none_is_given_one(vouching: Vouching) -> None:
    assert vouching.renewal(1, 0) is not None


def test_a_number_that_is_used_again_does_not_inherit_a_ticket(
    vouching: Vouching, registry: Registry
) -> None:
    vouching.own_ticket(1, 0)
    vouching.forget(1)
    registry.strike(1)
    registry.enter(PeerId(b"q" * 32), 1)
    assert vouching.ticket(1, 0).peer == b"q" * 32
    assert vouching.renewal(1, 0) is not None


def test_a_ban_holds_for_as_long_as_the_tickets_could(office: Office) -> None:
    ban = office.ban(PEER, BROADCAST, 0)
    assert (ban.peer, ban.broadcast) == (PEER, BROADCAST)
    assert ban.is_valid(TRACKER.peer_id, BROADCAST, WALL_US + TICKET_US - 1, verify)
    assert not ban.is_valid(TRACKER.peer_id, BROADCAST, WALL_US + TICKET_US, verify)
