"""The search for a parent: who is asked, who is dialled, and when an orphan sheds its children or raises its rank."""

from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Dial
from meshcast.protocol.limits import (
    COLD_DIAL_US,
    DIAL_ALL_AFTER_US,
    HEDGE_US_MIN,
    LEASE_US,
    RANK_MAX,
    SHED_AFTER_US,
)
from meshcast.protocol.messages import Adopt, Bye, Enlist, Uncles
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import said

NOW = 100 * SECOND


def test_a_parent_that_does_not_connect_is_not_waited_for_longer_than_a_cold_dial(child: Any) -> None:
    child.placed("mum", "one")
    child.up("one")
    child.beat("one")
    done = child.wait(2 * SECOND)
    asks = [at - NOW for at, effect in done if child.asked([effect])]
    assert asks[0] == COLD_DIAL_US


def test_whoever_connects_too_late_is_not_asked_any_more(child: Any) -> None:
    """A standby whose link came up after another had accepted was asked, and the machine hung in MOVING for good."""
    child.placed("mum", "one")
    child.wait(COLD_DIAL_US)
    child.up("mum")
    child.accept("mum")
    effects = child.up("one")
    assert child.asked(effects) == []
    assert said(effects, Enlist)
    assert child.uplink.state is Attachment.HEARING


def test_a_refusal_turns_to_the_next_at_once(child: Any) -> None:
    child.attach(standbys=("one", "two"))
    child.uplink.bye(child.id("mum"), child.now)
    assert child.asked(child.refuse("one")) == [child.id("two")]


def test_after_standby_2_everybody_known_is_dialled_at_once_and_the_tracker_told(
    crew: Any, child: Any
) -> None:
    child.attach(standbys=("one", "two"))
    tickets = (crew.ticket("uncle"), crew.ticket("dad"))
    child.uplink.uncles(child.id("mum"), Uncles(tickets), child.now)
    child.uplink.bye(child.id("mum"), child.now)
    left_at = child.now
    done = child.wait(SECOND)
    dials = [(at - left_at, effect.peer) for at, effect in done if isinstance(effect, Dial)]
    assert dials == [(HEDGE_US_MIN + DIAL_ALL_AFTER_US, child.id(name)) for name in ("uncle", "dad")]
    assert child.uplink.search.is_seeking
    assert child.asked(child.up("dad")) == [child.id("dad")]
    assert child.asked(child.up("uncle")) == [], "one at a time"


def test_an_orphan_keeps_its_rank_and_asks_only_from_it(child: Any) -> None:
    child.attach(rank=4, standbys=("one",))
    (ask,) = said(child.uplink.bye(child.id("mum"), child.now), Adopt)
    assert ask.rank == child.standing.rank == 5


def test_a_head_that_has_found_nobody_for_2_s_sheds_its_children_and_raises_after_the_lease(
    child: Any,
) -> None:
    child.attach()
    child.adopt_child()
    child.uplink.bye(child.id("mum"), child.now)
    orphan_since = child.now
    done = child.wait(10 * SECOND)
    shed_at = next(at for at, one in done if said([one], Bye))
    assert SHED_AFTER_US <= shed_at - orphan_since <= SHED_AFTER_US + SECOND
    assert child.relay.children == {}
    assert child.standing.is_raising
    assert child.standing.rank == RANK_MAX


def test_a_head_with_children_never_raises_and_a_childless_one_waits_for_its_lease(child: Any) -> None:
    child.attach(rank=4)
    child.adopt_child()
    child.relay.gone(child.id("kid"), child.now)
    dropped_at = child.now
    child.uplink.bye(child.id("mum"), child.now)
    child.wait(LEASE_US - 1 * SECOND)
    assert not child.standing.is_raising
    child.wait(3 * SECOND)
    assert child.now - dropped_at > LEASE_US
    assert child.standing.is_raising
