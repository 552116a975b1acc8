"""Who I am in which broadcast."""

from typing import Any

from meshcast.protocol.units import HOUR, SECOND


def test_a_member_is_its_key(crew: Any) -> None:
    assert crew.member("ann").me == crew.id("ann")


def test_tickets_end_by_the_calendar_and_not_by_the_clock_of_the_machine(crew: Any) -> None:
    ticket = crew.ticket("bob", until_s=1_000_000)
    behind = crew.member("ann", wall_offset_us=999_999 * SECOND)
    assert behind.wall(5) == 999_999 * SECOND + 5
    assert behind.trusts(ticket, SECOND - 1)
    assert not behind.trusts(ticket, SECOND)


def test_only_this_broadcasts_tracker_is_believed(crew: Any) -> None:
    member = crew.member("ann")
    assert member.trusts(crew.ticket("bob"), 0)
    assert not member.trusts(crew.ticket("bob", tracker=crew.identity("impostor")), 0)
    assert not member.trusts(crew.ticket("bob", broadcast=crew.id("another event")), 0)
    assert member.believes(crew.ban("bob"), 0)
    assert not member.believes(crew.ban("bob", until_s=HOUR // SECOND), HOUR)
