"""The hearing half: finding and keeping a parent, one event at a time."""

from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Dial, Send
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import ACCEPT_AGE_US_MAX, HEDGE_US_MIN, RANK_MAX, STANDBYS_MAX
from meshcast.protocol.messages import Adopt, Detach, Enlist, Hello, Move, Uncles, Why
from meshcast.protocol.units import MILLISECOND, SECOND
from tests.protocol.sayings import said

NOW = 100 * SECOND


# ---- joining


def test_a_place_is_dialled_and_asked_as_soon_as_the_link_is_up(child: Any) -> None:
    dials = [one.peer for one in child.placed("mum", "one") if isinstance(one, Dial)]
    assert set(dials) == {child.id("mum"), child.id("one")}
    effects = child.up("mum")
    assert [type(one.message) for one in effects if isinstance(one, Send)] == [Hello, Adopt]
    (ask,) = said(effects, Adopt)
    assert (ask.counter, ask.rank, ask.newest, ask.wanted_us) == (1, RANK_MAX, 0, SECOND)
    assert ask.is_signed_by(child.id("me"), child.id("mum"), verify)
    assert child.uplink.state is Attachment.ASKING


def test_an_accept_makes_the_parent_and_the_rank(child: Any) -> None:
    child.attach("mum", rank=4)
    assert child.uplink.state is Attachment.HEARING
    assert child.standing.rank == 5
    assert child.standing.path[-2:] == (child.id("mum")[:4], child.id("me")[:4])


def test_a_standby_is_asked_to_stand_by_and_stands_by_from_its_first_beat_on(child: Any) -> None:
    child.placed("mum", "one")
    (enlist,) = said(child.up("one"), Enlist)
    assert enlist == Enlist(RANK_MAX)
    assert child.uplink.standbys.warm() == []
    child.now += 40 * MILLISECOND
    child.beat("one")
    assert child.uplink.standbys.warm() == [child.id("one")]
    assert child.uplink.standbys.all[child.id("one")].rtt_us == 40 * MILLISECOND


def test_without_a_ticket_the_tracker_signed_nobody_stands_by(crew: Any, child: Any) -> None:
    bad = crew.ticket("one", tracker=crew.identity("impostor"))
    assert child.uplink.named_standbys((bad, crew.ticket("me")), NOW) == []
    assert len(child.uplink.standbys.all) == 0


def test_a_place_for_who_hears_already_names_standbys_only(child: Any) -> None:
    child.attach()
    assert not [one for one in child.placed("dad") if isinstance(one, Dial)]
    assert child.parent == "mum"


# ---- what an Accept is worth


def test_an_accept_that_nobody_asked_for_is_answered_with_detach(child: Any) -> None:
    assert said(child.accept("mum", counter=9), Detach) == [Detach(9)]
    assert child.uplink.parent is None


def test_an_accept_older_than_a_second_is_ignored_for_its_giver_may_have_raised_its_rank(
    child: Any,
) -> None:
    child.placed("mum")
    child.up("mum")
    child.now += ACCEPT_AGE_US_MAX + 1
    assert said(child.accept("mum"), Detach) == [Detach(1)]
    assert child.uplink.parent is None


def test_an_accept_from_no_lower_a_rank_is_ignored(child: Any) -> None:
    child.placed("mum")
    child.up("mum")
    assert said(child.accept("mum", rank=RANK_MAX), Detach) == [Detach(1)]
    assert child.uplink.parent is None


def test_nobody_answers_for_another(child: Any) -> None:
    """A neighbour that guessed the counter took the request away, and the true Accept came to nothing."""
    child.placed("mum", "one")
    child.up("mum")
    assert said(child.accept("one", counter=1), Detach) == [Detach(1)]
    assert child.refuse("one", counter=1) == []
    child.accept("mum", counter=1)
    assert child.parent == "mum"


def test_of_two_that_accept_the_first_becomes_the_parent_and_the_other_is_told_to_detach(
    child: Any,
) -> None:
    child.attach("mum", standbys=("one", "two"))
    child.uplink.bye(child.id("mum"), child.now)
    child.wait(HEDGE_US_MIN)
    first, second = child.uplink.asks.counter - 1, child.uplink.asks.counter
    child.accept("one", counter=first)
    assert said(child.accept("two", counter=second), Detach) == [Detach(second)]
    assert child.parent == "one"


def test_an_accept_that_comes_twice_changes_nothing(child: Any) -> None:
    child.attach()
    assert child.accept("mum", counter=1) == []
    assert child.parent == "mum"


def test_a_parent_that_answers_two_requests_is_not_told_to_detach(child: Any) -> None:
    """The second answer was refused, the parent obeyed the Detach and fed the child no more, and might raise its rank."""
    child.placed("mum")
    child.up("mum")
    child.placed("mum")
    assert child.uplink.asks.counter == 1, "I10: a place that is given twice is asked for once"
    child.uplink.adoption.ask(child.id("mum"), child.now)  # As a new round of a repair does.
    assert child.uplink.asks.counter == 2
    child.accept("mum", counter=1)
    assert child.accept("mum", counter=2) == []
    assert (child.parent, child.uplink.attached_counter) == ("mum", 2)
    assert child.uplink.move(Move(1, 2, child.id("mum"), child.crew.ticket("dad")), child.now) != []


# ---- refusals and raises


def test_a_childless_peer_refused_for_its_rank_asks_again_from_the_highest(child: Any) -> None:
    child.attach(rank=4, standbys=("one",))
    child.uplink.bye(child.id("mum"), child.now)
    effects = child.refuse("one", Why.RANK)
    (ask,) = said(effects, Adopt)
    assert ask.rank == RANK_MAX
    assert not child.standing.may_adopt(RANK_MAX), "while a raise is pending it adopts nobody"
    child.accept("one", rank=9)
    assert (child.standing.rank, child.standing.is_raising) == (10, False)


def test_a_peer_with_children_that_is_refused_for_its_rank_stays_where_it_is(child: Any) -> None:
    child.attach(rank=4, standbys=("one",))
    child.adopt_child()
    child.uplink.bye(child.id("mum"), child.now)
    child.refuse("one", Why.RANK)
    assert child.standing.rank == 5
    assert not child.standing.is_raising


# ---- beats


def test_a_parent_that_lowers_its_rank_lowers_ours_and_children_and_clients_are_told(child: Any) -> None:
    child.attach(rank=6)
    child.adopt_child()
    effects = child.beat("mum", rank=4, path=(b"root",))
    assert child.standing.rank == 5
    assert [one.to for one in effects if isinstance(one, Send)] == [child.id("kid")]
    assert child.beat("mum", rank=4, path=(b"root",)) == []


def test_a_parent_whose_rank_has_risen_or_whose_path_leads_through_us_is_left(child: Any) -> None:
    for beat in ({"rank": 7}, {"rank": 4, "path": (b"root", child.id("me")[:4])}):
        child.uplink.disconnected(child.id("mum"), child.now)
        child.placed("mum")
        child.up("mum")
        child.accept("mum", rank=4)
        assert child.parent == "mum"
        child.beat("mum", **beat)
        assert child.parent is None


def test_a_standby_of_no_lower_rank_is_no_standby(child: Any) -> None:
    child.attach(rank=4, standbys=("one",))
    assert said(child.beat("one", rank=5), Detach) == [Detach(0)]
    assert child.uplink.standbys.warm() == []


def test_beats_prove_nothing_about_a_parent(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    for _ in range(3):
        child.wait(100 * MILLISECOND)
        child.beat("mum", rank=4, newest=99)
    assert child.parent is None


# ---- standbys and uncles


def test_a_standby_that_is_gone_is_replaced_by_an_uncle(crew: Any, child: Any) -> None:
    child.attach(standbys=("one", "two"))
    child.uplink.uncles(child.id("mum"), Uncles((crew.ticket("uncle"),)), child.now)
    effects = child.uplink.disconnected(child.id("one"), child.now)
    assert Dial(child.id("uncle"), crew.ticket("uncle").addresses) in effects
    assert len(child.uplink.standbys.all) == STANDBYS_MAX


def test_only_the_parents_uncles_count_and_only_those_the_tracker_signed(crew: Any, child: Any) -> None:
    child.attach()
    bad = (crew.ticket("uncle", tracker=crew.identity("impostor")), crew.ticket("me"))
    assert child.uplink.uncles(child.id("mum"), Uncles(bad), child.now) == []
    assert child.uplink.uncles(child.id("dad"), Uncles((crew.ticket("uncle"),)), child.now) == []
    assert child.uplink.reserves.uncles(child.uplink.parent_ticket) == (crew.ticket("mum"),)


def test_who_is_banned_is_nobodys_uncle(crew: Any, child: Any) -> None:
    """With nobody else left, an orphan would have turned to a banned peer that its parent had named."""
    child.attach()
    child.relay.ban(crew.ban("uncle"), child.now)
    child.uplink.uncles(child.id("mum"), Uncles((crew.ticket("uncle"),)), child.now)
    child.uplink.bye(child.id("mum"), child.now)
    assert not [
        one for _, one in child.wait(3 * SECOND) if isinstance(one, Dial) and one.peer == child.id("uncle")
    ]


def test_a_standby_that_refuses_is_replaced(crew: Any, child: Any) -> None:
    child.attach(standbys=("one",))
    child.uplink.uncles(child.id("mum"), Uncles((crew.ticket("uncle"),)), child.now)
    child.refuse("one", counter=0)
    assert child.id("one") not in child.uplink.standbys


def test_a_parent_is_never_its_childs_standby(child: Any) -> None:
    child.attach(standbys=("one",))
    child.uplink.bye(child.id("mum"), child.now)
    effects = child.accept("one")
    assert Send(child.id("one"), Detach(0)) in effects
    assert child.id("one") not in child.uplink.standbys
