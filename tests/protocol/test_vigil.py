"""Over one parent: when the children are told, when it is pinged, and when it is left."""

from typing import Any

import pytest

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Probe, SendDatagram
from meshcast.protocol.identity import verify
from meshcast.protocol.judge import Judge
from meshcast.protocol.limits import JUDGE_US, PROBE_AFTER_US, STALLED_PATIENCE_US
from meshcast.protocol.messages import Beat
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.protocol.vigil import Vigil
from meshcast.protocol.watch import Watch

NOW = 50 * SECOND
THRESHOLD_US = 300 * MILLISECOND


@pytest.fixture
def vigil(crew: Any) -> Vigil:
    """Over mum, from whom chunk 5 has just come."""
    member, backlog = crew.member("me"), Backlog()
    backlog.add(crew.chunk(5), NOW, 0)
    relay = Relay(
        member,
        Standing(member.me, Role.LISTENER, rank=4),
        backlog,
        Sources(crew.broadcast, verify),
        lambda: (),
    )
    return Vigil(crew.id("mum"), Watch(NOW, 5), Judge(NOW), backlog, relay, Standbys())


def have_child(crew: Any, vigil: Vigil) -> None:
    vigil.relay.hello(crew.id("kid"), crew.ticket("kid"), NOW)
    vigil.relay.adopt(crew.id("kid"), crew.adopt("kid", "me"), NOW)


def test_children_are_told_at_half_of_the_threshold_and_every_100_ms(crew: Any, vigil: Vigil) -> None:
    have_child(crew, vigil)
    told = [
        at
        for at in range(0, 400, 10)
        if any(isinstance(one, SendDatagram) for one in vigil.tick(NOW + at * MILLISECOND))
    ]
    assert told == [150, 250, 350]


def test_whoever_is_told_itself_that_it_is_a_stall_tells_nobody_on_its_own(crew: Any, vigil: Vigil) -> None:
    have_child(crew, vigil)
    vigil.watch.stalled(NOW + 100 * MILLISECOND)
    assert vigil.tick(NOW + 200 * MILLISECOND) == []


def test_a_silent_parent_is_pinged_once_until_it_is_heard_again(crew: Any, vigil: Vigil) -> None:
    assert vigil.tick(NOW + PROBE_AFTER_US - 1) == []
    assert vigil.tick(NOW + PROBE_AFTER_US) == [Probe(crew.id("mum"))]
    assert vigil.tick(NOW + PROBE_AFTER_US + 1) == []
    vigil.heard(crew.chunk(6), NOW + SECOND, live=True)
    assert vigil.tick(NOW + SECOND + PROBE_AFTER_US) == [Probe(crew.id("mum"))]


def test_it_is_left_at_the_threshold(vigil: Vigil) -> None:
    assert not vigil.must_leave(NOW + THRESHOLD_US - 1)
    assert vigil.must_leave(NOW + THRESHOLD_US)


def test_a_stalled_one_is_left_when_its_own_repair_must_have_failed(vigil: Vigil) -> None:
    for at in range(0, STALLED_PATIENCE_US, 100 * MILLISECOND):
        vigil.watch.stalled(NOW + at)
        assert not vigil.must_leave(NOW + at + 50 * MILLISECOND)
    assert vigil.must_leave(NOW + STALLED_PATIENCE_US)


def test_a_stalled_one_is_left_at_the_threshold_for_somebody_who_is_ahead(crew: Any, vigil: Vigil) -> None:
    """It was left only at the next notice, although somebody who had more was known."""
    vigil.watch.stalled(NOW + 250 * MILLISECOND)
    vigil.has_probed = True
    assert vigil.silence_deadline() == NOW + 550 * MILLISECOND
    vigil.standbys.name((crew.ticket("one"),))
    vigil.standbys.beat(crew.id("one"), Beat(6, 0, 1, (), 1), NOW)
    assert vigil.silence_deadline() == NOW + THRESHOLD_US
    assert vigil.must_leave(NOW + THRESHOLD_US)


def test_what_it_brings_twice_does_not_make_up_for_what_it_does_not_bring(crew: Any, vigil: Vigil) -> None:
    for _ in range(50):
        vigil.heard(crew.chunk(6), NOW, live=True)
    assert vigil.judge.brought == 1


def test_it_is_judged_at_the_end_of_a_window(vigil: Vigil) -> None:
    vigil.judge.brought, vigil.judge.withheld = 40, 10
    assert not vigil.is_judged_bad(NOW + JUDGE_US - 1)
    assert vigil.is_judged_bad(NOW + JUDGE_US)
    assert not vigil.is_judged_bad(NOW + JUDGE_US + 1)


def test_there_is_always_a_next_moment_and_it_never_lies_in_the_past_for_long(
    crew: Any, vigil: Vigil
) -> None:
    have_child(crew, vigil)
    now, steps = NOW, 0
    while not vigil.must_leave(now):
        now = max(now, min(vigil.silence_deadline(), vigil.judge.deadline()))
        vigil.tick(now)
        vigil.is_judged_bad(now)
        steps += 1
    assert now == NOW + THRESHOLD_US
    assert steps < 10
