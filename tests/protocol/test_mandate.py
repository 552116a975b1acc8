"""What the broadcast key signs for one process: a run of its own, going on with a run, and that it may stand by."""

from typing import Any

from meshcast.protocol.identity import verify
from meshcast.protocol.mandate import DELEGATION_S, Mandate
from meshcast.protocol.sources import Sources
from meshcast.protocol.tickets import delegation, unpack
from meshcast.protocol.units import SECOND

NOW_US = 1_700_000_000 * SECOND


def test_a_run_of_its_own_is_of_the_generation_of_its_time(crew: Any) -> None:
    one = Mandate(crew.event, crew.id("source")).begin(7, NOW_US)
    assert (one.run, one.generation, one.key) == (7, NOW_US // SECOND, crew.id("source"))
    assert one.is_valid(crew.broadcast, NOW_US + (DELEGATION_S - 1) * SECOND, verify)
    assert not one.is_valid(crew.broadcast, NOW_US + DELEGATION_S * SECOND, verify)


def test_who_goes_on_is_of_the_next_generation_whatever_the_clock_says(crew: Any) -> None:
    one = Mandate(crew.event, crew.id("spare")).go_on(7, 41, NOW_US)
    assert (one.run, one.generation) == (7, 42)


def test_what_lets_it_stand_by_lets_nobody_speak(crew: Any) -> None:
    shown = delegation(unpack(Mandate(crew.event, crew.id("spare")).introduction(NOW_US)))
    assert shown.is_valid(crew.broadcast, NOW_US, verify)
    sources = Sources(crew.broadcast, verify)
    sources.learn((crew.delegation(not_after_s=2**32 - 1),), NOW_US)
    before = sources.delegations
    sources.learn((shown,), NOW_US)
    assert sources.delegations == before
