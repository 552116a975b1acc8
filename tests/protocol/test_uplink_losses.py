"""The hearing half: losing a parent, or leaving one that brings too little."""

from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.chunk import HAVE_ALL
from meshcast.protocol.effects import HangUp, Probe, Send, SendDatagram
from meshcast.protocol.limits import HEDGE_US_MIN, STALLED_EVERY_US
from meshcast.protocol.messages import Detach, Pull, Stalled
from meshcast.protocol.units import MILLISECOND, SECOND
from tests.protocol.sayings import said

CHUNK_US = 100 * MILLISECOND


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
    assert child.uplink.search.left_for_silence == child.id("mum")


def test_a_bye_is_not_waited_out(child: Any) -> None:
    child.attach(standbys=("one",))
    assert child.asked(child.uplink.bye(child.id("mum"), child.now)) == [child.id("one")]


def test_a_link_that_breaks_is_not_waited_out_either(child: Any) -> None:
    child.attach(standbys=("one",))
    assert child.asked(child.uplink.disconnected(child.id("mum"), child.now)) == [child.id("one")]
    assert child.uplink.search.left_for_silence == child.id("mum")


def test_a_former_parent_is_told_to_feed_this_peer_no_more(child: Any) -> None:
    child.attach(standbys=("one",))
    child.chunk(1)
    child.wait(350 * MILLISECOND)
    effects = child.accept("one")
    assert [one for one in effects if isinstance(one, Send) and one.to == child.id("mum")] == [
        Send(child.id("mum"), Detach(1))
    ]


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
