"""Whom to ask next, and when: every time below is a value."""

from meshcast.protocol.limits import COLD_DIAL_US, DIAL_ALL_AFTER_US, HEDGE_US_MIN, ROUND_US
from meshcast.protocol.repair import Ask, Candidate, Decision, DialAll, NewRound, Repair
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId

ONE, TWO, THREE = (PeerId(bytes([number]) * 32) for number in (1, 2, 3))
START = 5 * SECOND


def warm(peer: PeerId, rtt_ms: int = 40) -> Candidate[PeerId]:
    return Candidate(peer, is_warm=True, rtt_us=rtt_ms * MILLISECOND)


def cold(peer: PeerId) -> Candidate[PeerId]:
    return Candidate(peer, is_warm=False, rtt_us=100 * MILLISECOND)


def schedule(repair: Repair[PeerId], until: Micros) -> list[tuple[Micros, Decision[PeerId]]]:
    """Let nobody answer, and list what is decided when."""
    decided: list[tuple[Micros, Decision[PeerId]]] = []
    while (now := repair.deadline()) <= until:
        decisions = repair.decide(now)
        decided += [(now - START, one) for one in decisions]
        if NewRound.NOW in decisions:
            break
    return decided


def test_standby_1_at_once_standby_2_after_100_ms_all_others_100_ms_later_a_new_round_after_a_second() -> (
    None
):
    assert schedule(Repair([warm(ONE), warm(TWO)], START), START + 5 * SECOND) == [
        (0, Ask(ONE)),
        (HEDGE_US_MIN, Ask(TWO)),
        (HEDGE_US_MIN + DIAL_ALL_AFTER_US, DialAll.NOW),
        (HEDGE_US_MIN + DIAL_ALL_AFTER_US + ROUND_US, NewRound.NOW),
    ]


def test_a_distant_standby_has_one_and_a_half_round_trips_to_answer() -> None:
    decided = schedule(Repair([warm(ONE, rtt_ms=200), warm(TWO)], START), START + SECOND)
    assert decided[1] == (300 * MILLISECOND, Ask(TWO))


def test_a_joiners_parent_has_time_to_connect_before_a_standby_is_asked() -> None:
    decided = schedule(Repair([cold(ONE), cold(TWO)], START), START + 3 * SECOND)
    assert decided[:3] == [(0, Ask(ONE)), (COLD_DIAL_US, Ask(TWO)), (2 * COLD_DIAL_US, DialAll.NOW)]


def test_without_standbys_all_are_dialled_at_once() -> None:
    assert schedule(Repair([], START), START + SECOND) == [(0, DialAll.NOW), (ROUND_US, NewRound.NOW)]


def test_a_refusal_is_not_waited_for() -> None:
    repair = Repair([warm(ONE), warm(TWO)], START)
    assert repair.decide(START) == [Ask(ONE)]
    repair.refused(ONE, START + 10)
    assert repair.deadline() == START + 10
    assert repair.decide(START + 10) == [Ask(TWO)]


def test_one_that_is_gone_is_not_asked_at_all() -> None:
    repair = Repair([warm(ONE), warm(TWO)], START)
    repair.refused(TWO, START)
    assert [one for _, one in schedule(repair, START + SECOND)] == [Ask(ONE), DialAll.NOW]


def test_of_all_that_connect_only_one_is_asked_at_a_time() -> None:
    repair: Repair[PeerId] = Repair([], START)
    repair.decide(START)
    for peer in (ONE, TWO, THREE):
        repair.connected(warm(peer), START + 50)
    assert repair.decide(START + 50) == [Ask(ONE)]
    assert repair.decide(START + 51) == []
    assert repair.deadline() == START + 50 + HEDGE_US_MIN
    repair.refused(ONE, START + 60)
    assert repair.decide(START + 60) == [Ask(TWO)]


def test_whoever_was_asked_in_a_round_is_not_asked_again_in_it() -> None:
    repair = Repair([warm(ONE)], START)
    repair.decide(START)
    repair.decide(START + DIAL_ALL_AFTER_US)
    repair.connected(warm(ONE), START + DIAL_ALL_AFTER_US)
    assert repair.decide(START + DIAL_ALL_AFTER_US) == []


def test_a_round_lasts_as_long_as_somebody_may_still_answer() -> None:
    repair: Repair[PeerId] = Repair([], START)
    repair.decide(START)
    late = START + ROUND_US - 1
    repair.connected(warm(ONE), late)
    assert repair.decide(late) == [Ask(ONE)]
    assert repair.decide(START + ROUND_US) == []
    assert repair.decide(late + HEDGE_US_MIN) == [NewRound.NOW]


def test_those_that_were_asked_and_said_nothing_are_known_at_the_end_of_a_round() -> None:
    repair: Repair[PeerId] = Repair([warm(ONE), warm(TWO)], START)
    repair.decide(START)
    repair.decide(START + HEDGE_US_MIN)
    repair.refused(TWO, START + HEDGE_US_MIN)
    assert repair.unanswered == [ONE]
