"""Accusations: whose word counts, and how often."""

from meshcast.protocol.limits import ACCUSERS_MIN
from meshcast.protocol.units import PeerId
from tracker.overlay.trust import ACCUSATIONS_MAX, Trust, Verdict

POLLUTER, *PEERS = (PeerId(bytes([number]) * 32) for number in range(1, 20))


def test_one_word_is_distrust_and_independent_ones_are_a_ban() -> None:
    trust = Trust()
    verdicts = [trust.accuse(one, POLLUTER) for one in PEERS[:ACCUSERS_MIN]]
    assert verdicts == [Verdict.DISTRUST] * (ACCUSERS_MIN - 1) + [Verdict.BAN]
    assert trust.accusers(POLLUTER) == PEERS[:ACCUSERS_MIN]


def test_nobody_is_two_witnesses() -> None:
    trust = Trust()
    assert trust.accuse(PEERS[0], POLLUTER) is Verdict.DISTRUST
    assert trust.accuse(PEERS[0], POLLUTER) is Verdict.NOTHING


def test_nobody_has_many_words() -> None:
    trust = Trust()
    verdicts = [trust.accuse(POLLUTER, one) for one in PEERS]
    assert verdicts.count(Verdict.DISTRUST) == ACCUSATIONS_MAX
    assert set(verdicts[ACCUSATIONS_MAX:]) == {Verdict.NOTHING}


def test_what_was_said_of_one_who_left_is_forgotten_and_what_it_said_of_others_is_not() -> None:
    trust = Trust()
    trust.accuse(PEERS[0], POLLUTER)
    trust.accuse(PEERS[0], PEERS[1])
    trust.forget(POLLUTER)
    assert trust.accusers(POLLUTER) == []
    trust.forget(PEERS[0])
    assert trust.accusers(PEERS[1]) == [PEERS[0]]


def test_nobody_has_said_anything_of_a_stranger() -> None:
    assert Trust().accusers(POLLUTER) == []
