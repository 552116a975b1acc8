"""Requests under way: each with a counter of its own, answered by whom it was put to, and good for one second."""

from meshcast.protocol.asks import Asks
from meshcast.protocol.limits import ACCEPT_AGE_US_MAX
from meshcast.protocol.units import SECOND, PeerId

ANN, BOB = PeerId(b"a" * 32), PeerId(b"b" * 32)
NOW = 7 * SECOND


def test_every_request_has_a_higher_counter_than_the_one_before() -> None:
    asks = Asks()
    assert [asks.begin(peer, NOW) for peer in (ANN, BOB, ANN)] == [1, 2, 3]
    asks.clear()
    assert asks.begin(ANN, NOW) == 4, "also when the others are forgotten"


def test_only_whom_it_was_put_to_answers_a_request_and_only_once() -> None:
    asks = Asks()
    counter = asks.begin(ANN, NOW)
    assert asks.take(counter, BOB) is None
    assert asks.take(counter + 1, ANN) is None
    asked = asks.take(counter, ANN)
    assert asked is not None
    assert asked.peer == ANN
    assert asks.take(counter, ANN) is None


def test_an_answer_counts_for_one_second() -> None:
    asks = Asks()
    asked = asks.take(asks.begin(ANN, NOW), ANN)
    assert asked is not None
    assert asked.is_answered_in_time(NOW + ACCEPT_AGE_US_MAX)
    assert not asked.is_answered_in_time(NOW + ACCEPT_AGE_US_MAX + 1)


def test_what_nobody_has_answered_in_time_is_dropped_when_it_is_due() -> None:
    asks = Asks()
    asks.begin(ANN, NOW)
    asks.begin(BOB, NOW + 5)
    due = asks.deadline()
    assert due == NOW + ACCEPT_AGE_US_MAX + 1
    asks.expire(due - 1)
    assert asks.peers == [ANN, BOB]
    asks.expire(due)
    assert asks.peers == [BOB]
    asks.expire(due + 5)
    assert not asks
    assert asks.deadline() is None


def test_a_peer_whose_link_is_gone_answers_nothing_and_is_not_asked_when_it_comes_back() -> None:
    asks = Asks()
    asks.begin(ANN, NOW)
    asks.when_up[ANN] = None
    asks.when_up[BOB] = None
    asks.gone(ANN)
    assert asks.peers == [BOB]


def test_once_somebody_has_accepted_nobody_else_is_needed() -> None:
    asks = Asks()
    asks.begin(ANN, NOW)
    asks.when_up[BOB] = None
    asks.clear()
    assert asks.peers == []
