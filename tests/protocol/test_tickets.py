"""Signed statements: whoever made them, for whom, and until when."""

from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Domain, verify
from meshcast.protocol.limits import ADDRESSES_MAX, TICKET_BYTES_MAX
from meshcast.protocol.tickets import (
    HOST_BYTES_MAX,
    Role,
    address,
    ban,
    delegation,
    envelope,
    pack,
    sign_ticket,
    ticket,
    unpack,
)
from meshcast.protocol.units import HOUR, SECOND

NOW = HOUR


@pytest.fixture(scope="session")
def statements(crew: Any) -> dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], bool]]]:
    """By kind: a statement, how it is read, and whether it is valid."""
    tracker, broadcast = crew.tracker.peer_id, crew.broadcast
    return {
        "delegation": (crew.delegation(), delegation, lambda one: one.is_valid(broadcast, NOW, verify)),
        "ticket": (crew.ticket("ann"), ticket, lambda one: one.is_valid(tracker, broadcast, NOW, verify)),
        "ban": (crew.ban("ann"), ban, lambda one: one.is_valid(tracker, broadcast, NOW, verify)),
    }


KINDS = pytest.mark.parametrize("kind", ["delegation", "ticket", "ban"])


@KINDS
def test_a_statement_travels_as_the_bytes_that_were_signed(statements: Any, kind: str) -> None:
    one, read, is_valid = statements[kind]
    again = read(envelope(one))
    assert again == one
    assert envelope(again) == envelope(one)
    assert is_valid(again)


@KINDS
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_tampering_with_any_bit_of_a_statement_makes_it_worthless(
    statements: Any, kind: str, data: Any
) -> None:
    one, read, is_valid = statements[kind]
    parts = [bytearray(part) for part in envelope(one)]
    part = parts[data.draw(st.integers(0, 1))]
    bit = data.draw(st.integers(0, len(part) * 8 - 1))
    part[bit // 8] ^= 1 << bit % 8
    try:
        tampered = read([bytes(part) for part in parts])
    except RemoteProtocolError:
        return
    assert not is_valid(tampered)


def test_a_statement_of_one_kind_is_never_valid_as_another(crew: Any, statements: Any) -> None:
    for kind, (_, read, is_valid) in statements.items():
        for other, (statement, _, _) in statements.items():
            if other != kind:
                try:
                    assert not is_valid(read(envelope(statement)))
                except RemoteProtocolError:
                    continue


def test_a_body_signed_under_the_domain_of_another_kind_is_not_valid(crew: Any) -> None:
    body = crew.ticket("ann").body
    for domain in (Domain.DELEGATION, Domain.NOTICE, Domain.ADOPT, Domain.CHUNK, Domain.LINK_PROOF):
        forged = ticket([body, crew.tracker.sign(domain, body)])
        assert not forged.is_valid(crew.tracker.peer_id, crew.broadcast, NOW, verify)


@KINDS
def test_a_statement_ends_at_its_second(crew: Any, kind: str) -> None:
    until_s, broadcast, tracker = 5_000, crew.broadcast, crew.tracker.peer_id
    one = {
        "delegation": lambda: crew.delegation(not_after_s=until_s),
        "ticket": lambda: crew.ticket("ann", until_s=until_s),
        "ban": lambda: crew.ban("ann", until_s=until_s),
    }[kind]()
    who = (broadcast,) if kind == "delegation" else (tracker, broadcast)
    assert one.is_valid(*who, until_s * SECOND - 1, verify)
    assert not one.is_valid(*who, until_s * SECOND, verify)


def test_a_ticket_or_a_ban_for_another_broadcast_is_not_valid_here(crew: Any) -> None:
    elsewhere = crew.ticket("ann", broadcast=crew.id("another event"))
    assert not elsewhere.is_valid(crew.tracker.peer_id, crew.broadcast, NOW, verify)
    assert not crew.ban("ann").is_valid(crew.tracker.peer_id, crew.id("another event"), NOW, verify)
    assert not crew.delegation().is_valid(crew.id("another event"), NOW, verify)


def test_a_notice_of_unknown_kind_is_the_other_sides_fault(crew: Any) -> None:
    body = pack([2, crew.id("ann"), crew.broadcast, 9])
    with pytest.raises(RemoteProtocolError, match="unknown kind 2"):
        ban([body, crew.tracker.sign(Domain.NOTICE, body)])


def test_a_statement_may_grow_fields_in_a_minor_version(crew: Any) -> None:
    one = crew.ticket("ann")
    body = pack([*unpack(one.body), "more"])
    grown = ticket([body, crew.tracker.sign(Domain.TICKET, body)])
    assert grown.is_valid(crew.tracker.peer_id, crew.broadcast, NOW, verify)
    assert grown.peer == one.peer


def test_the_largest_ticket_that_can_be_signed_can_be_read(crew: Any) -> None:
    """Eight addresses of 64 letters made a ticket that every peer refused, and the tracker's link with it."""
    longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"
    assert len(longest) == HOST_BYTES_MAX
    one = sign_ticket(
        crew.tracker,
        peer=crew.id("ann"),
        broadcast=crew.broadcast,
        addresses=((longest, 65535),) * ADDRESSES_MAX,
        role=Role.LISTENER,
        capacity=64,
        not_after_s=2**32 - 1,
    )
    assert len(one.body) <= TICKET_BYTES_MAX
    assert ticket(envelope(one)) == one


@pytest.mark.parametrize("host", ["radio.example", "", "1.2.3", "1.2.3.4 ", "[::1]", "f" * 46])
def test_an_address_is_a_literal_ip_address_and_never_a_name(host: str) -> None:
    with pytest.raises(RemoteProtocolError):
        address([host, 1])
    assert address(["192.0.2.1", 1]) == ("192.0.2.1", 1)


@settings(deadline=None, max_examples=120)
@given(st.binary(max_size=64))
def test_any_bytes_unpack_or_are_no_message(data: bytes) -> None:
    try:
        unpack(data)
    except RemoteProtocolError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xdc\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xd9\x02\xff\xfe",
        b"\xd6\xff\0\0\0\0",
        b"\xc7\x00\xff",
        b"\x81\x01\x02",
        b"\x91" * 5_000,
        msgpack.packb(1) * 2,
    ],
)
def test_bytes_that_are_no_message_are_a_remote_protocol_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        unpack(data)
