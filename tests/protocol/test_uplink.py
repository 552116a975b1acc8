"""The hearing half: finding, keeping, leaving and replacing a parent, one event at a time."""

from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.chunk import HAVE_ALL
from meshcast.protocol.effects import Dial, Effect, HangUp, Probe, Send, SendDatagram
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import (
    ACCEPT_AGE_US_MAX,
    COLD_DIAL_US,
    DIAL_ALL_AFTER_US,
    HEDGE_US_MIN,
    LEASE_US,
    MOVE_US_MAX,
    RANK_MAX,
    SHED_AFTER_US,
    STALLED_EVERY_US,
    STANDBYS_MAX,
)
from meshcast.protocol.messages import (
    Adopt,
    Bye,
    Detach,
    Enlist,
    Hello,
    Move,
    Pull,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.units import MILLISECOND, SECOND

NOW = 100 * SECOND
CHUNK_US = 100 * MILLISECOND


def said(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return [
        one.message
        for one in effects
        if isinstance(one, Send | SendDatagram) and isinstance(one.message, kind)
    ]


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


def test_a_parent_that_does_not_connect_is_not_waited_for_longer_than_a_cold_dial(child: Any) -> None:
    child.placed("mum", "one")
    child.up("one")
    child.beat("one")
    done = child.wait(2 * SECOND)
    asks = [at - NOW for at, effect in done if child.asked([effect])]
    assert asks[0] == COLD_DIAL_US


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
    child.uplink._ask(child.id("mum"), child.now)  # As a new round of a repair does.
    assert child.uplink.asks.counter == 2
    child.accept("mum", counter=1)
    assert child.accept("mum", counter=2) == []
    assert (child.parent, child.uplink.attached_counter) == ("mum", 2)
    assert child.uplink.move(Move(1, 2, child.id("mum"), child.crew.ticket("dad")), child.now) != []


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


# ---- losing a parent


def test_a_silent_parent_is_left_at_the_threshold_and_standby_1_asked_at_that_moment(child: Any) -> None:
    child.attach(standbys=("one", "two"))
    child.chunk(1)
    last_chunk_at = child.now
    done = child.wait(600 * MILLISECOND)
    asks = [(at - last_chunk_at, child.asked([effect])[0]) for at, effect in done if child.asked([effect])]
    assert asks == [
        (300 * MILLISECOND, child.id("one")),
        (300 * MILLISECOND + HEDGE_US_MIN, child.id("two")),
    ]
    assert child.uplink.left_for_silence == child.id("mum")


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
    assert child.uplink.is_seeking
    assert child.asked(child.up("dad")) == [child.id("dad")]
    assert child.asked(child.up("uncle")) == [], "one at a time"


def test_a_bye_is_not_waited_out(child: Any) -> None:
    child.attach(standbys=("one",))
    assert child.asked(child.uplink.bye(child.id("mum"), child.now)) == [child.id("one")]


def test_a_link_that_breaks_is_not_waited_out_either(child: Any) -> None:
    child.attach(standbys=("one",))
    assert child.asked(child.uplink.disconnected(child.id("mum"), child.now)) == [child.id("one")]
    assert child.uplink.left_for_silence == child.id("mum")


def test_a_former_parent_is_told_to_feed_this_peer_no_more(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    child.wait(350 * MILLISECOND)
    effects = child.accept("one")
    assert [one for one in effects if isinstance(one, Send) and one.to == child.id("mum")] == [
        Send(child.id("mum"), Detach(1))
    ]


def test_an_orphan_keeps_its_rank_and_asks_only_from_it(child: Any) -> None:
    child.attach(rank=4, standbys=("one",))
    (ask,) = said(child.uplink.bye(child.id("mum"), child.now), Adopt)
    assert ask.rank == child.standing.rank == 5


def test_silence_is_told_to_the_children_at_half_of_the_threshold_and_every_100_ms(child: Any) -> None:
    child.attach()
    child.adopt_child()
    child.chunk(1)
    heard_at = child.now
    done = child.wait(600 * MILLISECOND)
    notices = [at - heard_at for at, effect in done if isinstance(effect, SendDatagram)]
    assert notices[0] == 150 * MILLISECOND
    assert all(later - earlier == STALLED_EVERY_US for earlier, later in pairwise(notices))
    assert notices[-1] >= 500 * MILLISECOND, "an orphan goes on telling them"


def test_a_stalled_parent_is_not_left(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    for _ in range(10):
        child.uplink.stalled(child.id("mum"), Stalled(b"head", 0), child.now)
        child.wait(STALLED_EVERY_US)
    assert child.parent == "mum"
    assert child.uplink.state is Attachment.HEARING


def test_a_stalled_parent_is_left_for_somebody_who_has_a_later_chunk(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    child.wait(200 * MILLISECOND)
    child.uplink.stalled(child.id("mum"), Stalled(b"head", 0), child.now)
    child.beat("one", newest=5)
    done = child.wait(150 * MILLISECOND)
    assert [target for _, effect in done for target in child.asked([effect])] == [child.id("one")]


def test_a_parent_that_says_it_is_stalled_for_ever_is_left_after_2_5_s(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    heard_at = child.now
    left_at = None
    while left_at is None and child.now < heard_at + 5 * SECOND:
        child.uplink.stalled(child.id("mum"), Stalled(b"head", 0), child.now)
        child.wait(STALLED_EVERY_US)
        left_at = child.now if child.uplink.parent is None else None
    assert left_at == heard_at + 2_500 * MILLISECOND


def test_a_stall_notice_is_passed_on_at_once_and_only_a_parents(child: Any) -> None:
    child.attach(standbys=("one",))
    child.adopt_child()
    notice = Stalled(b"head", 7)
    assert child.uplink.stalled(child.id("one"), notice, child.now) == []
    assert child.uplink.stalled(child.id("mum"), notice, child.now) == [SendDatagram(child.id("kid"), notice)]


def test_during_a_stall_chunks_are_borrowed_from_the_standbys(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    heard_at = child.now
    pulls = []
    for _ in range(8):
        child.uplink.stalled(child.id("mum"), Stalled(b"head", 0), child.now)
        pulls += [(at - heard_at, one) for at, one in child.wait(STALLED_EVERY_US) if said([one], Pull)]
    assert [at for at, _ in pulls] == [400 * MILLISECOND, 600 * MILLISECOND, 800 * MILLISECOND]
    assert pulls[0][1] == Send(child.id("one"), Pull(((2, 9),)))


def test_a_silent_parent_is_pinged_once_so_that_it_learns_a_new_address(child: Any) -> None:
    child.attach()
    child.chunk(1)
    heard_at = child.now
    done = child.wait(290 * MILLISECOND)
    assert [(at - heard_at, one) for at, one in done if isinstance(one, Probe)] == [
        (250 * MILLISECOND, Probe(child.id("mum")))
    ]


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


# ---- refusals and raises


def test_a_refusal_turns_to_the_next_at_once(child: Any) -> None:
    child.attach(standbys=("one", "two"))
    child.uplink.bye(child.id("mum"), child.now)
    assert child.asked(child.refuse("one")) == [child.id("two")]


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


# ---- moves


def move(child: Any, **changes: Any) -> list[Effect]:
    values = {"term": 1, "counter": child.uplink.attached_counter, "parent": child.id("mum")}
    effects: list[Effect] = child.uplink.move(
        Move(**(values | {"to": child.crew.ticket("dad")} | changes)), child.now
    )
    return effects


def test_a_child_does_not_move_back_to_a_parent_that_it_has_left_for_silence_twice(child: Any) -> None:
    """A parent that beats and withholds was left within 300 ms, and the tracker, which hears it, sent the child back."""
    child.attach()
    child.uplink.neighbours.avoid(child.id("dad"), child.now)
    assert [one.peer for one in move(child) if isinstance(one, Dial)] == [child.id("dad")]
    child.uplink.neighbours.avoid(child.id("dad"), child.now)
    assert move(child) == []
    child.now = child.uplink.neighbours.avoided[child.id("dad")]
    assert [one.peer for one in move(child) if isinstance(one, Dial)] == [child.id("dad")]


def test_a_move_is_make_before_break(child: Any) -> None:
    child.attach()
    assert move(child) == [Dial(child.id("dad"), child.crew.ticket("dad").addresses)]
    child.up("dad")
    assert child.uplink.state is Attachment.MOVING
    assert child.parent == "mum"
    effects = child.accept("dad")
    assert child.parent == "dad"
    assert Send(child.id("mum"), Detach(1)) in effects


@pytest.mark.parametrize("stale", [{"counter": 0}, {"counter": 2}, {"parent": b"x" * 32}])
def test_a_move_that_speaks_of_how_things_were_changes_nothing(child: Any, stale: dict[str, Any]) -> None:
    child.attach()
    assert move(child, **stale) == []
    assert child.uplink.state is Attachment.HEARING


def test_a_move_to_oneself_to_the_parent_or_to_a_stranger_changes_nothing(crew: Any, child: Any) -> None:
    child.attach()
    for to in (crew.ticket("me"), crew.ticket("mum"), crew.ticket("dad", tracker=crew.identity("impostor"))):
        assert move(child, to=to) == []


def test_a_move_that_comes_to_nothing_leaves_everything_as_it_was(child: Any) -> None:
    child.attach()
    for end in ("refused", "gone", "silent"):
        move(child)
        child.up("dad")
        assert child.uplink.state is Attachment.MOVING
        if end == "refused":
            child.refuse("dad")
        elif end == "gone":
            child.uplink.disconnected(child.id("dad"), child.now)
        else:
            until = child.now + MOVE_US_MAX
            sequence = child.backlog.newest
            while child.now < until:
                sequence += 1
                child.chunk(sequence)
                child.wait(CHUNK_US)
        assert (child.uplink.state, child.parent) == (Attachment.HEARING, "mum")
        assert child.standing.rank == 5
        child.uplink.disconnected(child.id("dad"), child.now)


def test_a_raise_for_a_move_that_comes_to_nothing_ends_under_the_old_parent(child: Any) -> None:
    child.attach(rank=4)
    move(child)
    child.up("dad")
    child.refuse("dad", Why.RANK)
    assert child.standing.is_raising
    child.refuse("dad", Why.FULL)
    assert (child.standing.rank, child.standing.is_raising, child.parent) == (5, False, "mum")


def test_a_parent_that_dies_during_a_move_is_replaced_by_whoever_answers(child: Any) -> None:
    child.attach(standbys=("one",))
    move(child)
    child.up("dad")
    child.uplink.disconnected(child.id("mum"), child.now)
    assert child.uplink.state is Attachment.ASKING
    child.accept("dad", counter=2)
    assert child.parent == "dad"


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


# ---- holes and judgement


def test_a_missing_chunk_is_pulled_from_the_parent_first_and_then_from_the_standbys(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    child.chunk(3)
    pulled = []
    for sequence in range(4, 8):
        pulled += [(one.to, one.message) for _, one in child.wait(CHUNK_US) if isinstance(one, Send)]
        child.chunk(sequence)
    assert pulled == [(child.id(name), Pull(((2, 2),))) for name in ("mum", "one", "mum", "one")]


def test_a_new_parent_is_asked_for_what_the_old_one_was_asked_for_in_vain(child: Any) -> None:
    """A third of all relays stood still in one instant: three tries went to the dead before there was a new parent."""
    child.attach(standbys=("one",))
    child.chunk(1)
    child.chunk(3)
    wish = Pull(((2, 2),))
    before = [one.message for _, one in child.wait(6 * CHUNK_US) if isinstance(one, Send)]
    assert before.count(wish) == 4, "three tries, the last of them at both"
    child.accept("one", newest=3)
    after = [(one.to, one.message) for _, one in child.wait(CHUNK_US // 2) if isinstance(one, Send)]
    assert (child.id("one"), wish) in after


def test_what_comes_before_the_first_chunk_is_not_missing(child: Any) -> None:
    child.attach()
    child.chunk(500)
    assert len(child.uplink.pulls.holes) == 0


def listen(child: Any, sequences: list[int], repeat: bool = False) -> None:
    for sequence in sequences:
        child.chunk(sequence)
        for _ in range(5 * repeat):
            child.chunk(sequence)
        child.wait(CHUNK_US)
        if child.uplink.state is Attachment.MOVING:
            return


@pytest.mark.parametrize("repeat", [False, True])
def test_a_parent_that_withholds_more_than_5_percent_is_left_for_a_standby(child: Any, repeat: bool) -> None:
    """Bringing each of the others five times does not make up for it."""
    child.attach(standbys=("one",))
    listen(child, [sequence for sequence in range(1, 80) if sequence % 12], repeat)
    assert child.uplink.state is Attachment.MOVING
    child.accept("one")
    assert child.parent == "one"


def test_a_parent_that_misses_what_it_does_not_bring_is_not_blamed(child: Any) -> None:
    child.attach(standbys=("one",))
    for sequence in range(1, 80):
        if sequence % 12:
            child.chunk(sequence, have=HAVE_ALL - 1)
        child.wait(CHUNK_US)
    assert child.uplink.state is Attachment.HEARING


def test_a_parent_that_delays_is_left_for_a_standby_that_is_well_ahead_twice(child: Any) -> None:
    child.attach(standbys=("one",))
    listen(child, list(range(1, 51)))
    child.beat("one", newest=55)
    assert not child.is_moving()
    listen(child, list(range(51, 101)))
    child.beat("one", newest=105)
    assert child.is_moving()


def test_a_polluter_is_cut_off_at_once(child: Any) -> None:
    child.attach(standbys=("one",))
    effects = child.uplink.cut_off(child.id("mum"), child.now)
    assert child.asked(effects) == [child.id("one")]
    assert any(isinstance(one, HangUp) and one.peer == child.id("mum") for one in effects)


def test_leaving_is_said_to_parent_and_standbys(child: Any) -> None:
    child.attach(standbys=("one",))
    assert child.uplink.leave() == [Send(child.id("one"), Detach(0)), Send(child.id("mum"), Detach(1))]
    assert child.uplink.state is Attachment.LEFT
