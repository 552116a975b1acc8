"""The timetable of a repair, to the microsecond. All are 10 ms from each other, unless a test says otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from meshcast.protocol.limits import (
    COLD_DIAL_US,
    DIAL_ALL_AFTER_US,
    HEDGE_US_MIN,
    LEASE_US,
    RANK_MAX,
    REFERRALS_MAX,
    REPORT_AFTER_US,
    ROUND_US,
    SHED_AFTER_US,
    STALLED_PATIENCE_US,
)
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from tracker.overlay.columns import ORIGIN

WAY_US = 10 * MILLISECOND
AT_US = 10 * SECOND + 37
Seated = Callable[..., Any]


def deaf(stand: Any, *peers: int) -> None:
    """Let these be gone without anybody having noticed."""
    for peer in peers:
        stand.mesh.alive[peer] = 0


@pytest.fixture
def family(seated: Seated) -> Any:
    """Give a peer 4 under 3, with 1 and 2 to stand by for it, long ago; 5 is its child."""
    stand = seated({1: 0, 2: 0, 3: 0, 4: 3, 5: 4})
    stand.stand_by(4, 1, 2)
    stand.calendar.run_until(AT_US)
    return stand


def test_the_first_standby_is_asked_at_once_and_its_accept_ends_the_repair(family: Any) -> None:
    family.kill(3)
    family.calendar.run_until(AT_US + 2 * WAY_US - 1)
    assert 4 in family.orphans.of
    family.calendar.run_until(AT_US + 2 * WAY_US)
    assert family.found == [(AT_US + 2 * WAY_US, 4, 1)]
    assert not family.orphans.of
    assert family.mesh.parent[4] == 1
    assert family.mesh.standbys(4) == [2], "a parent stands by no more"
    family.calendar.run_until(AT_US + 10 * SECOND)
    assert len(family.found) == 1
    assert not family.sought


def test_the_nearest_standby_is_asked_first_and_the_origin_last(seated: Seated) -> None:
    stand = seated({1: 0, 3: 0, 4: 3})
    stand.stand_by(4, ORIGIN, 1)
    stand.far(4, ORIGIN, MILLISECOND)
    stand.calendar.run_until(AT_US)
    stand.kill(3)
    stand.calendar.run_until(AT_US + SECOND)
    assert stand.found == [(AT_US + 2 * WAY_US, 4, 1)]


def test_the_second_standby_is_asked_when_the_first_has_not_answered(family: Any) -> None:
    deaf(family, 1)
    family.kill(3)
    family.calendar.run_until(AT_US + SECOND)
    assert family.found == [(AT_US + HEDGE_US_MIN + 2 * WAY_US, 4, 2)]


def test_a_distant_standby_has_one_and_a_half_round_trips_to_answer(family: Any) -> None:
    deaf(family, 1)
    for one in (1, 2):
        family.far(4, one, 60 * MILLISECOND)
    family.kill(3)
    family.calendar.run_until(AT_US + SECOND)
    assert family.found == [(AT_US + 180 * MILLISECOND + 120 * MILLISECOND, 4, 2)]


def test_who_refuses_is_not_waited_for(family: Any) -> None:
    family.crowd(1)
    family.kill(3)
    family.calendar.run_until(AT_US + SECOND)
    assert family.found == [(AT_US + 2 * WAY_US + 2 * WAY_US, 4, 2)]


@pytest.mark.parametrize("accepts_first", [1, 2])
def test_of_two_that_accept_the_first_is_the_parent(family: Any, accepts_first: int) -> None:
    family.far(4, 1, {1: 100, 2: 200}[accepts_first] * MILLISECOND)
    family.far(4, 2, 201 * MILLISECOND)
    family.kill(3)
    family.calendar.run_until(AT_US + 10 * SECOND)
    assert [parent for _, _, parent in family.found] == [1]
    assert 4 not in family.mesh.children.of(2)
    assert family.mesh.room(2) == 6, "its place was held only until the other had accepted"


def test_without_standbys_all_are_dialled_at_once_and_the_first_that_connects_is_asked(
    seated: Seated,
) -> None:
    stand = seated({1: 0, 2: 1, 3: 2, 4: 3})
    stand.stand_by(3, 1)
    stand.calendar.run_until(AT_US)
    stand.far(4, 2, 30 * MILLISECOND)
    stand.kill(3)
    stand.calendar.run_until(AT_US + SECOND)
    # Uncles: 2, 1 and the origin. A round trip to connect, and one to be adopted.
    (at, node, parent), *_ = stand.found
    assert (at, node) == (AT_US + 4 * WAY_US, 4)
    assert parent in (1, ORIGIN)
    assert stand.sought == [], "the tracker hears of it later than that"


def test_when_both_standbys_are_silent_all_are_dialled_and_the_tracker_hears_of_it(family: Any) -> None:
    deaf(family, 1, 2)
    family.far(4, ORIGIN, 200 * MILLISECOND)
    family.kill(3)
    family.calendar.run_until(AT_US + 5 * SECOND)
    dialled_at = AT_US + HEDGE_US_MIN + DIAL_ALL_AFTER_US
    assert family.sought == [(dialled_at + REPORT_AFTER_US + 200 * MILLISECOND, 4)]
    assert family.found == [(dialled_at + 4 * 200 * MILLISECOND, 4, ORIGIN)]


def test_whoever_is_full_names_children_that_are_dialled_and_asked(seated: Seated) -> None:
    stand = seated({1: 0, 2: 0, 3: 2, 6: 1, 7: 6})
    stand.stand_by(3, 1)
    stand.mesh.rank[3] = RANK_MAX
    stand.crowd(1)
    stand.calendar.run_until(AT_US)
    stand.kill(2)
    stand.crowd(ORIGIN)
    stand.calendar.run_until(AT_US + 5 * SECOND)
    assert [(node, parent) for _, node, parent in stand.found] == [(3, 6)]
    at, _, _ = stand.found[0]
    # Refused, it turns to all; the origin is asked, refused too; 6 was dialled when everybody was.
    assert AT_US + 2 * WAY_US + 4 * WAY_US <= at <= AT_US + 2 * WAY_US + 6 * WAY_US


def test_referrals_are_children_that_can_serve_and_that_the_askers_rank_allows(seated: Seated) -> None:
    stand = seated({1: 0, 9: 0, **dict.fromkeys(range(2, 8), 1)}, {1: 6, 2: 0})
    assert stand.orphans.uncles.referrals(1, 9) == (), "it has emergency places"
    stand.crowd(1)
    stand.mesh.rank[9] = RANK_MAX
    named = [one for one, _ in stand.orphans.uncles.referrals(1, 9)]
    assert named == [3, 4, 5, 6]
    assert len(named) == REFERRALS_MAX
    stand.mesh.rank[9] = stand.mesh.rank[3]
    assert stand.orphans.uncles.referrals(1, 9) == ()


def lonely(stand: Any) -> None:
    """Let 4 know nobody who answers."""
    deaf(stand, 1, 2, ORIGIN)


def test_a_round_without_an_answer_is_followed_by_another_with_those_who_were_not_asked(family: Any) -> None:
    lonely(family)
    family.kill(3)
    round_us = HEDGE_US_MIN + DIAL_ALL_AFTER_US + ROUND_US
    family.calendar.run_until(AT_US + round_us - 1)
    family.mesh.alive[1] = family.mesh.alive[ORIGIN] = 1
    family.calendar.run_until(AT_US + SHED_AFTER_US)
    assert family.found == [(AT_US + round_us + 4 * WAY_US, 4, ORIGIN)]
    assert family.mesh.standbys(4) == [], "who has not answered in a whole round stands by no more"


def shed_at(stand: Any) -> Micros:
    """Let time pass until 4 has shed its children; say when."""
    times = range(AT_US, AT_US + 4 * SECOND, MILLISECOND)
    return next(at for at in times if not run(stand, at).mesh.feeds[4])


def test_a_head_that_has_found_nobody_sheds_its_children_who_look_for_themselves(family: Any) -> None:
    lonely(family)
    family.kill(3)
    at = shed_at(family)
    assert AT_US + SHED_AFTER_US <= at <= AT_US + STALLED_PATIENCE_US + MILLISECOND
    assert 5 not in family.orphans.of
    run(family, at + WAY_US)
    assert 5 in family.orphans.of
    assert [one for one, _ in family.orphans.of[5].uncles] == [ORIGIN], "whom its parent knew"


def test_who_has_shed_children_raises_its_rank_only_when_its_lease_is_over(family: Any) -> None:
    lonely(family)
    rank = family.mesh.rank[4]
    family.kill(3)
    at = shed_at(family)
    run(family, at + LEASE_US - MILLISECOND)
    assert family.mesh.rank[4] == rank
    run(family, at + LEASE_US + 2 * ROUND_US)
    assert family.mesh.rank[4] == RANK_MAX


def run(stand: Any, until: Micros) -> Any:
    """Let time pass."""
    stand.calendar.run_until(until)
    return stand


def test_who_is_childless_raises_its_rank_with_its_second_round(seated: Seated) -> None:
    stand = seated({1: 0, 3: 0, 4: 3})
    deaf(stand, ORIGIN, 1)
    stand.calendar.run_until(AT_US)
    stand.kill(3)
    run(stand, AT_US + ROUND_US - 1)
    assert stand.mesh.rank[4] == 4
    run(stand, AT_US + ROUND_US)
    assert stand.mesh.rank[4] == RANK_MAX


def test_who_raises_its_rank_stands_by_for_nobody_any_more(seated: Seated) -> None:
    stand = seated({1: 0, 3: 0, 4: 3, 5: 1, 6: 5})
    stand.stand_by(6, 4)
    stand.calendar.run_until(AT_US)
    deaf(stand, ORIGIN)
    stand.kill(3)
    run(stand, AT_US + ROUND_US)
    assert stand.mesh.standbys(6) == []
    assert stand.sound.lowered == [6], "it asks for another"


def test_a_raised_rank_falls_below_the_next_parents(seated: Seated) -> None:
    stand = seated({1: 0, 2: 1, 3: 2, 4: 3})
    stand.calendar.run_until(AT_US)
    deaf(stand, ORIGIN, 1, 2)
    stand.kill(3)
    run(stand, AT_US + ROUND_US)
    assert stand.mesh.rank[4] == RANK_MAX
    stand.mesh.alive[2] = 1
    run(stand, AT_US + 3 * SECOND)
    assert [parent for _, _, parent in stand.found] == [2]
    assert stand.mesh.rank[4] == stand.mesh.rank[2] + 1


def test_whom_the_tracker_names_is_dialled_and_asked(family: Any) -> None:
    lonely(family)
    family.kill(3)
    run(family, AT_US + 400 * MILLISECOND)
    family.mesh.alive[ORIGIN] = 1
    family.orphans.name(4, ORIGIN, (), family.calendar.now)
    run(family, AT_US + 600 * MILLISECOND)
    assert family.found == [(AT_US + 400 * MILLISECOND + 4 * WAY_US, 4, ORIGIN)]


def test_a_joiner_gives_its_first_parent_longer_than_a_standby_has(stand: Any) -> None:
    stand.seat(1, ORIGIN)
    stand.seat(2, ORIGIN)
    stand.mesh.enter(9, capacity=0, city=9, access_us=0)
    stand.stand_by(9, 2)
    deaf(stand, 1)
    stand.sound.have[9] = -1
    stand.orphans.begin(9, 0, unheard_since=0, named=1, has_heard=False)
    run(stand, 5 * SECOND)
    assert stand.found == [(COLD_DIAL_US + 2 * WAY_US, 9, 2)]


def test_a_place_that_an_accept_holds_is_not_given_twice(seated: Seated) -> None:
    stand = seated({1: 0, 2: 0, 3: 2, 4: 2})
    stand.stand_by(3, 1)
    stand.stand_by(4, 1)
    stand.crowd(1, but=1)
    stand.calendar.run_until(AT_US)
    stand.kill(2)
    run(stand, AT_US + SECOND)
    assert [parent for _, _, parent in stand.found] == [1, ORIGIN]
    assert stand.mesh.room(1) == 0


def test_an_adopter_that_dies_before_its_accept_arrives_adopts_nobody(family: Any) -> None:
    family.kill(3)
    run(family, AT_US + WAY_US + 1)
    family.kill(1)
    run(family, AT_US + SECOND)
    assert [parent for _, _, parent in family.found] == [2]


def test_somebody_new_under_a_known_number_is_not_taken_for_the_one_who_had_it(family: Any) -> None:
    family.kill(3)
    family.kill(1)
    family.mesh.enter(1, capacity=8, city=1, access_us=0)
    family.mesh.rank[1] = 3
    run(family, AT_US + SECOND)
    assert [parent for _, _, parent in family.found] == [2]


def test_an_orphan_that_leaves_is_forgotten(family: Any) -> None:
    family.kill(3)
    family.kill(4, begins=False)
    run(family, AT_US + 10 * SECOND)
    assert family.found == []
    assert not family.orphans.of


def test_uncles_are_the_grandparents_and_their_standbys_upwards(seated: Seated) -> None:
    stand = seated({1: 0, 2: 0, 3: 1, 4: 3, 5: 4})
    stand.stand_by(3, 2)
    stand.stand_by(4, 1)
    assert [one for one, _ in stand.orphans.uncles.known(4)] == [3, 1, 2, ORIGIN]
    assert stand.orphans.uncles.known(ORIGIN) == ()
