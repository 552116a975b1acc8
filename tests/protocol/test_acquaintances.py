"""Links that nobody needs are closed, and there is a bound on how many there are."""

from meshcast.protocol.acquaintances import IDLE_US, Acquaintances
from meshcast.protocol.effects import HangUp
from meshcast.protocol.limits import LINKS_MAX
from meshcast.protocol.units import PeerId


def peer(number: int) -> PeerId:
    return PeerId(number.to_bytes(32, "big"))


def test_a_link_that_nobody_has_needed_for_a_while_is_closed() -> None:
    links = Acquaintances()
    links.met(peer(1), 0)
    links.met(peer(2), 0)
    assert links.deadline() == IDLE_US
    assert links.sweep(lambda: {peer(1): None}, IDLE_US) == [HangUp(peer(2), "not needed")]
    assert links.sweep(lambda: {peer(1): None}, IDLE_US + 1) == [], "not before the next sweep"


def test_a_link_that_was_needed_a_moment_ago_is_not_idle() -> None:
    links = Acquaintances()
    links.met(peer(1), 0)
    links.sweep(lambda: {peer(1): None}, IDLE_US)
    assert links.sweep(dict, 2 * IDLE_US - 1) == []
    assert links.sweep(dict, 2 * IDLE_US) == [HangUp(peer(1), "not needed")]


def test_there_is_room_for_so_many_links_and_then_no_more() -> None:
    links = Acquaintances()
    assert all(links.met(peer(number), 0) for number in range(LINKS_MAX))
    assert not links.met(peer(LINKS_MAX), 0)
    assert links.met(peer(0), 0), "it is in already"
    links.gone(peer(5))
    assert links.met(peer(LINKS_MAX), 0)


def test_without_links_there_is_nothing_to_sweep() -> None:
    links = Acquaintances()
    assert links.deadline() is None
    links.met(peer(1), 0)
    links.gone(peer(1))
    assert links.sweep(dict, IDLE_US) == []
    assert links.deadline() is None


def test_who_leaves_closes_them_all() -> None:
    links = Acquaintances()
    links.met(peer(1), 0)
    links.met(peer(2), 0)
    assert [one.peer for one in links.part() if isinstance(one, HangUp)] == [peer(1), peer(2)]
