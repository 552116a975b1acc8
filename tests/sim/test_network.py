"""The simulated network keeps the promises of the real transport: see meshcast.transport.links and its limits."""

from collections.abc import Callable
from typing import Any

from meshcast.protocol.events import Connected, Disconnected, Event, Received
from meshcast.protocol.messages import Detach
from meshcast.protocol.units import MILLISECOND, SECOND, PeerId
from meshcast.transport import limits
from sim.host import Host, Narrows
from sim.network import DIAL_US_MAX, PING_US, SILENCE_US
from sim.weather import Conditions

DELAY_US = 50 * MILLISECOND
Make = Callable[..., Any]


def said(sender: Host, number: int) -> Event:
    return Received(sender.key, Detach(number))


def numbers(events: list[Event]) -> list[int]:
    return [e.message.counter for e in events if isinstance(e, Received) and isinstance(e.message, Detach)]


def test_the_times_are_those_of_the_transport() -> None:
    assert SILENCE_US == limits.SILENCE_S_MAX * SECOND
    assert PING_US == limits.PING_S * SECOND
    assert DIAL_US_MAX == limits.DIAL_S_MAX * SECOND


def test_a_dialler_is_up_after_one_round_trip_and_its_peer_half_a_round_trip_later(toys: Make) -> None:
    t = toys()
    one, other = t.host("one"), t.host("other")
    t.network.dial(one, other.key, (other.address,))
    t.scheduler.run_until(SECOND)
    assert t.heard[one.key] == [(2 * DELAY_US, Connected(other.key, other.address, dialled=True))]
    assert t.heard[other.key] == [(3 * DELAY_US, Connected(one.key, one.address, dialled=False))]


def test_an_acceptor_hears_of_the_link_before_anything_that_the_dialler_says(toys: Make) -> None:
    t = toys()
    one, other = t.host("one"), t.host("other")
    t.network.dial(one, other.key, (other.address,))
    t.scheduler.at(2 * DELAY_US, t.network.send, one, other.key, said(one, 1))
    t.scheduler.run_until(SECOND)
    assert [type(event) for event in t.events(other)] == [Connected, Received]


def test_when_both_dial_there_is_one_link_and_each_end_hears_of_it_once(toys: Make) -> None:
    for lag_us in (0, DELAY_US // 2, 2 * DELAY_US + 1, 3 * DELAY_US - 1, SECOND):
        t = toys()
        one, other = t.host("one"), t.host("other")
        t.network.dial(one, other.key, (other.address,))
        t.scheduler.at(lag_us, t.network.dial, other, one.key, (one.address,))
        t.scheduler.run_until(5 * SECOND)
        t.network.send(one, other.key, said(one, 1))
        t.network.send(other, one.key, said(other, 2))
        t.scheduler.run_until(6 * SECOND)
        assert [type(event) for event in t.events(one)] == [Connected, Received], lag_us
        assert [type(event) for event in t.events(other)] == [Connected, Received], lag_us


def test_a_dial_to_the_dead_to_nobody_or_to_the_wrong_key_fails_after_three_seconds(toys: Make) -> None:
    t = toys()
    one, dead = t.host("one"), t.host("dead")
    t.network.kill(dead)
    t.network.dial(one, dead.key, (dead.address,))
    t.network.dial(one, PeerId(b"nobody".ljust(32)), (("10.9.9.9", 1),))
    t.network.dial(one, PeerId(b"other key".ljust(32)), (dead.address,))
    t.scheduler.run_until(10 * SECOND)
    assert [type(event) for event in t.events(one)] == [Disconnected] * 3
    assert t.times(one) == [3 * SECOND] * 3


def test_messages_come_in_order_whatever_is_lost(toys: Make) -> None:
    t = toys(Conditions(loss=0.3, jitter=1.0))
    one, other = t.linked()
    for number in range(1, 101):
        t.network.send(one, other.key, said(one, number))
    t.scheduler.run_until(60 * SECOND)
    assert numbers(t.events(other)) == list(range(1, 101))


def test_datagrams_may_be_lost_doubled_and_reordered(toys: Make) -> None:
    t = toys(Conditions(loss=0.2, jitter=1.0, duplication=0.2))
    one, other = t.linked()
    for number in range(1, 201):
        t.network.send_datagram(one, other.key, said(one, number))
    t.scheduler.run_until(60 * SECOND)
    came = numbers(t.events(other))
    assert 100 < len(set(came)) < 200
    assert len(came) > len(set(came))
    assert came != sorted(came)


def test_a_farewell_comes_after_what_was_said_before_it_and_is_told_at_both_ends(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.send(one, other.key, said(one, 1))
    t.network.hang_up(one, other.key, "enough")
    t.network.send(one, other.key, said(one, 2))
    t.scheduler.run_until(2 * SECOND)
    assert t.events(one) == [Disconnected(other.key, "enough")]
    assert t.events(other) == [said(one, 1), Disconnected(one.key, "enough")]


def test_the_dead_are_noticed_two_and_a_half_seconds_after_something_was_sent_to_them(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.kill(other)
    t.scheduler.run_until(2 * SECOND)
    t.network.send(one, other.key, said(one, 1))
    t.scheduler.run_until(20 * SECOND)
    assert t.times(one) == [2 * SECOND + SILENCE_US]


def test_the_dead_are_noticed_by_a_ping_when_nothing_is_said(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.send(one, other.key, said(one, 1))
    t.scheduler.run_until(1_500 * MILLISECOND)
    t.network.kill(other)
    t.scheduler.run_until(20 * SECOND)
    assert t.times(one) == [SECOND + PING_US + SILENCE_US]


def test_what_was_on_its_way_to_one_who_died_is_enough_to_notice(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.send_datagram(one, other.key, said(one, 1))
    t.network.kill(other)
    t.scheduler.run_until(20 * SECOND)
    assert t.times(one) == [SECOND + SILENCE_US]


def test_a_dialler_whose_peer_dies_before_the_link_is_whole_notices_it(toys: Make) -> None:
    t = toys()
    one, other = t.host("one"), t.host("other")
    t.network.dial(one, other.key, (other.address,))
    t.scheduler.run_until(2 * DELAY_US)
    t.network.kill(other)
    t.network.send(one, other.key, said(one, 1))
    t.scheduler.run_until(20 * SECOND)
    assert [type(event) for event in t.events(one)] == [Connected, Disconnected]


def test_a_network_torn_for_a_second_loses_datagrams_and_no_messages(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    other.side = 1
    t.network.look_again([other])
    t.network.send(one, other.key, said(one, 1))
    t.network.send_datagram(one, other.key, said(one, 2))
    t.network.send(one, other.key, said(one, 3))
    t.scheduler.run_until(2 * SECOND)
    other.side = 0
    t.network.look_again([other])
    t.network.send(one, other.key, said(one, 4))
    t.scheduler.run_until(20 * SECOND)
    assert numbers(t.events(other)) == [1, 3, 4]
    assert t.events(one) == []


def test_a_network_torn_for_long_ends_the_link_at_both_ends_and_a_new_one_can_be_dialled(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    other.is_deaf = True
    t.network.look_again([other])
    t.network.send(one, other.key, said(one, 1))
    t.scheduler.run_until(20 * SECOND)
    assert [type(event) for event in (*t.events(one), *t.events(other))] == [Disconnected, Disconnected]
    other.is_deaf = False
    t.network.look_again([other])
    t.network.dial(other, one.key, (one.address,))
    t.scheduler.run_until(30 * SECOND)
    assert isinstance(t.events(one)[-1], Connected)


def test_who_comes_back_after_a_silent_death_begins_anew(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.kill(other)
    again = Host(other.key, other.address)
    t.network.enter(again)
    t.network.dial(again, one.key, (one.address,))
    t.scheduler.run_until(2 * SECOND)
    assert [type(event) for event in t.events(one)] == [Disconnected, Connected]


def test_one_that_has_become_slow_is_slow_both_ways_and_for_new_links_too(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network._delay_us = lambda a, b: DELAY_US + a.lag_us + b.lag_us
    one.lag_us = 300 * MILLISECOND
    t.network.measure_again(one)
    start = t.scheduler.now
    t.network.send(one, other.key, said(one, 1))
    t.network.send(other, one.key, said(other, 2))
    t.scheduler.run_until(start + SECOND)
    assert t.times(one) == t.times(other) == [start + DELAY_US + 300 * MILLISECOND]
    assert t.network.rtt_us(other, one.key) == 2 * (DELAY_US + 300 * MILLISECOND)


def test_weather_changes_for_what_is_sent_from_then_on(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    assert t.network.weather.is_lossless
    t.network.weather.change(Conditions(loss=0.5, jitter=0.0, jitter_us=40 * MILLISECOND))
    assert not t.network.weather.is_lossless
    for number in range(200):
        t.network.send_datagram(one, other.key, said(one, number))
    sent_at = t.scheduler.now
    t.scheduler.run_until(10 * SECOND)
    late_us = [at - sent_at - DELAY_US for at in t.times(other)]
    assert 60 < len(late_us) < 140
    assert 20 * MILLISECOND < sum(late_us) / len(late_us) < 60 * MILLISECOND


def test_a_narrow_line_drops_datagrams_above_its_rate_and_lets_streams_wait(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    start = t.scheduler.now
    other.downlink = Narrows(10)
    for number in range(50):
        t.network.send_datagram(one, other.key, said(one, number))
    t.scheduler.run_until(start + SECOND)
    assert numbers(t.events(other)) == [0, 1, 2], "a fifth of a second is held, and one passes"
    start = t.scheduler.now
    t.network.send(one, other.key, said(one, 100), 20)
    t.network.send(one, other.key, said(one, 101))
    t.network.send(one, other.key, said(one, 102), 20)
    t.scheduler.run_until(start + 10 * SECOND)
    assert numbers(t.events(other))[3:] == [101, 100], "what is said does not wait, and too much is refused"
    assert t.times(other)[-1] == start + DELAY_US + 2 * SECOND


def test_one_end_may_give_a_link_up_before_the_other_knows(toys: Make) -> None:
    t = toys()
    one, other = t.linked()
    t.network.give_up(one, other.key)
    assert t.events(one) == [Disconnected(other.key, "silent")]
    t.scheduler.run_until(20 * SECOND)
    assert [type(event) for event in t.events(other)] == [Disconnected]
