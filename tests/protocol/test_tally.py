"""What a peer shows is what its parts say."""

from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.limits import LINKS_MAX
from meshcast.protocol.session import Contact
from meshcast.protocol.tally import Tally
from meshcast.protocol.units import PeerId


def test_a_tally_begins_with_nothing_and_shares_nothing() -> None:
    one, other = Tally(), Tally()
    one.accuse(PeerId(b"x"))
    assert other == Tally()


def test_the_newest_forgers_are_remembered_and_no_more_than_could_have_a_link() -> None:
    tally = Tally()
    for number in range(3 * LINKS_MAX):
        tally.accuse(PeerId(number.to_bytes(32, "big")))
    assert len(tally.accused) == LINKS_MAX
    assert PeerId((3 * LINKS_MAX - 1).to_bytes(32, "big")) in tally.accused


def test_a_status_says_what_is_waited_for_and_then_where_one_stands(world: Any) -> None:
    world.is_tracker_up = False
    peer = world.add_peer("ann")
    assert peer.status().waiting == "for the tracker (no answer)"
    world.is_tracker_up = True
    world.add_origin()
    world.run(2_000_000)
    assert peer.status().waiting == "for a place"
    world.place("ann", "source")
    world.run(2_000_000)
    status = peer.status()
    assert (status.state, status.contact) == (Attachment.HEARING, Contact.KNOWN)
    assert (status.parent, status.rank, status.waiting) == (world.crew.id("source"), 3, "")
    assert status.title == "Nightline"
    assert status.missing == status.holes == status.forged == 0
    assert status.verified > 20
    assert 0 < status.buffered_us <= 1_100_000
    assert status.delay_us is not None
    assert 900_000 <= status.delay_us <= 1_100_000
