"""Addresses of one network are told from those of others."""

from typing import Any

import pytest

from meshcast.protocol.networks import network_of, prefix_of


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("192.0.2.1", "::1", False),
    ],
)
def test_a_network_is_24_bits_or_48(one: str, other: str, *, is_same: bool) -> None:
    assert (network_of((one, 1)) == network_of((other, 2))) is is_same


def test_what_is_no_address_is_of_no_network() -> None:
    assert network_of(("radio.example.org", 1)) == network_of(("", 1)) == 0


def test_a_network_is_24_bits_of_ipv4_or_48_of_ipv6(crew: Any) -> None:
    assert prefix_of(crew.ticket("ann", host="203.0.113.7")) == "203.0.113.0/24"
    assert prefix_of(crew.ticket("ann", host="2001:db8:1:2::3")) == "2001:db8:1::/48"
