"""Whoever is full names children that may have a place: how free places are found without a tracker."""

from typing import Any

from meshcast.protocol.effects import Dial
from meshcast.protocol.limits import BEAT_EVERY_US, ROUND_US
from meshcast.protocol.messages import Refuse, Uncles, Why
from meshcast.protocol.units import MILLISECOND


def test_an_orphan_that_everybody_refuses_turns_to_those_whom_they_name(crew: Any, child: Any) -> None:
    child.attach(standbys=("one",))
    child.uplink.bye(child.id("mum"), child.now)
    child.wait(300 * MILLISECOND)
    assert child.uplink.search.is_seeking
    refusal = Refuse(child.uplink.asks.counter, Why.FULL, 4, (crew.ticket("ann"), crew.ticket("me")))
    effects = child.uplink.refused(child.id("one"), refusal, child.now)
    assert [one.peer for one in effects if isinstance(one, Dial)] == [child.id("ann")]
    assert child.asked(child.up("ann")) == [child.id("ann")]
    child.accept("ann")
    assert child.uplink.parent == child.id("ann")


def test_while_the_tracker_is_away_both_standbys_may_be_found_by_referral(crew: Any, child: Any) -> None:
    child.attach(standbys=("one", "two"))
    uncle = Uncles((crew.ticket("aunt"),))
    child.uplink.uncles(child.id("mum"), uncle, child.now)
    child.uplink.reserves.lose(child.id("one"), child.now)
    assert set(child.uplink.standbys.all) == {child.id("two"), child.id("aunt")}
    full = Refuse(0, Why.FULL, 3, (crew.ticket("ann"), crew.ticket("bob")))
    child.uplink.refused(child.id("aunt"), full, child.now)
    assert set(child.uplink.standbys.all) == {child.id("two"), child.id("ann")}
    child.uplink.reserves.lose(child.id("two"), child.now)
    assert set(child.uplink.standbys.all) == {child.id("ann")}, "the tracker names the other one"
    child.uplink.reserves.is_alone = True
    assert child.uplink.reserves.deadline() == child.now + BEAT_EVERY_US
    child.uplink.reserves.tick(child.now + BEAT_EVERY_US)
    assert set(child.uplink.standbys.all) == {child.id("ann"), child.id("bob")}


def test_a_standby_that_does_not_answer_an_orphan_for_a_round_is_none_any_longer(child: Any) -> None:
    """Half of a crowd died at once, and orphans spent each new round on asking the same dead standbys first."""
    child.attach(standbys=("one", "two"))
    first = child.uplink.bye(child.id("mum"), child.now) + [one for _, one in child.wait(ROUND_US)]
    assert child.asked(first)[:2] == [child.id("one"), child.id("two")]
    child.wait(ROUND_US)
    assert list(child.uplink.standbys.all) == []
    assert child.uplink.neighbours.avoided.keys() >= {child.id("one"), child.id("two")}


def test_standbys_that_are_named_twice_leave_one_the_same(crew: Any, child: Any) -> None:
    """Between the two an uncle filled the place that was left, and the second one drove it out."""
    child.attach(standbys=("one", "two"))
    child.uplink.uncles(child.id("mum"), Uncles((crew.ticket("aunt"),)), child.now)
    child.now += 2 * BEAT_EVERY_US
    held = []
    for _ in range(2):
        child.uplink.named_standbys((crew.ticket("one"),), child.now)
        child.uplink.reserves.tick(child.now)
        held.append(list(child.uplink.standbys.all))
    assert held[0] == held[1] == [child.id("one")]
