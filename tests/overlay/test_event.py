"""What a broadcaster announced, on its way to the store and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import CHILDREN_MAX
from meshcast.protocol.messages import Announce
from meshcast.protocol.tickets import Delegation, envelope, pack, sign_delegation
from meshcast.protocol.units import SECOND, BroadcastId
from tracker.overlay.event import Announced

BROADCAST = Identity.from_seed(bytes(32))
SOURCE = Identity.from_seed(b"s" * 32)
DELEGATION: Delegation = sign_delegation(
    BROADCAST, index=0, source=SOURCE.peer_id, run=5, generation=6, not_after_s=100
)


def test_it_is_what_the_message_said_and_the_address_that_was_seen() -> None:
    message = Announce(
        BroadcastId(BROADCAST.peer_id), DELEGATION, "T", 64_000, 100_000, 8, (("10.0.0.1", 1),)
    )
    assert Announced.of(message, ("192.0.2.1", 5)) == Announced(
        DELEGATION, "T", 64_000, 100_000, 8, ("192.0.2.1", 5)
    )


@given(
    title=st.text(st.characters(categories=["L", "N", "P"]), max_size=40),
    capacity=st.integers(0, CHILDREN_MAX),
    address=st.sampled_from([("192.0.2.1", 1), ("2001:db8::1", 65_535), ("fe80::1%eth0", 9)]),
)
def test_what_is_kept_comes_back_as_it_was(title: str, capacity: int, address: tuple[str, int]) -> None:
    announced = Announced(DELEGATION, title, 96_000, 60_000, capacity, address)
    assert Announced.unpack(announced.pack()) == announced


def test_the_delegation_that_comes_back_still_holds() -> None:
    kept = Announced(DELEGATION, "", 1, 20_000, 1, ("192.0.2.1", 1)).pack()
    delegation = Announced.unpack(kept).delegation
    assert delegation.is_valid(BroadcastId(BROADCAST.peer_id), 99 * SECOND, verify)


@given(data=st.binary(max_size=60))
def test_anything_else_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"^[^\n]*move the store away[^\n]*$"):
        Announced.unpack(data)


def test_more_than_a_broadcaster_can_say_is_refused() -> None:
    head = [envelope(DELEGATION), "T", 64_000, 100_000]
    for rest in (
        [CHILDREN_MAX + 1, b"192.0.2.1", 1],
        [1, b"192.0.2.1", 65_536],
        [1, b"h" * 65, 1],
        [1, b"h"],
    ):
        with pytest.raises(BadInputError):
            Announced.unpack(pack([*head, *rest]))
