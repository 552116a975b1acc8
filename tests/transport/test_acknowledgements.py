"""What is owed in acknowledgements: datagrams wait for theirs, nothing else does, and what is owed to us is on record."""

import pytest

from meshcast.transport import limits
from meshcast.transport.connection import MeshConnection
from tests.transport.pair import Pair


def owed_since(quic: MeshConnection) -> float | None:
    return quic.waiting_since


def test_datagrams_are_acknowledged_late_and_all_together() -> None:
    pair = Pair()
    pair.run(1)
    before = pair.packets[pair.dialler]
    for _ in range(50):
        pair.acceptor.queue_datagram(bytes(300), pair.now)
        pair.run(0.04)
    assert pair.packets[pair.dialler] - before <= 50 / limits.ACK_PACKETS + 1
    assert len(pair.datagrams(pair.dialler)) == 50


@pytest.mark.parametrize("every_s", [0.01, 0.1, 0.19])
def test_an_acknowledgement_waits_for_so_many_datagrams_and_for_so_long(every_s: float) -> None:
    pair = Pair()
    pair.run(1)
    before, began, longest = pair.packets[pair.dialler], pair.now, 0.0
    while pair.now < began + 10:
        pair.acceptor.queue_datagram(bytes(300), pair.now)
        pair.run(every_s)
        since = owed_since(pair.acceptor)
        longest = max(longest, 0.0 if since is None else pair.now - since)
    answers = pair.packets[pair.dialler] - before
    waits_s = min(limits.ACK_PACKETS * every_s, limits.ACK_OLDEST_S)
    assert 10 / (waits_s + 2 * every_s) - 1 <= answers <= 10 / waits_s + 1
    assert longest < limits.ACK_OLDEST_S + 2 * every_s + 0.1


def test_a_gap_is_told_at_once() -> None:
    pair = Pair()
    pair.run(1)
    for number in range(3):
        pair.acceptor.queue_datagram(bytes(300), pair.now)
        if number == 1:
            assert pair.acceptor.datagrams_to_send(pair.now), "and it is lost"
        pair.run(0.05)
    assert owed_since(pair.acceptor) is None


def test_what_nobody_follows_is_acknowledged_after_the_delay() -> None:
    pair = Pair()
    pair.run(1)
    pair.acceptor.queue_datagram(bytes(300), pair.now)
    pair.run(limits.ACK_DELAY_S - 0.05)
    assert owed_since(pair.acceptor) is not None
    pair.run(0.15)
    assert owed_since(pair.acceptor) is None


@pytest.mark.parametrize("kind", ["stream", "ping"])
def test_everything_else_is_acknowledged_at_once_even_behind_a_datagram(kind: str) -> None:
    pair = Pair()
    pair.run(1)
    pair.acceptor.queue_datagram(bytes(300), pair.now)
    pair.step()
    if kind == "stream":
        pair.acceptor.send_stream_data(
            pair.acceptor.get_next_available_stream_id(is_unidirectional=True), b"x"
        )
    else:
        pair.acceptor.ping()
    pair.run(0.03)
    assert owed_since(pair.acceptor) is None


def test_the_record_of_what_is_owed_is_the_age_of_the_oldest_packet_without_an_answer() -> None:
    pair = Pair()
    pair.run(1)
    assert owed_since(pair.acceptor) is None
    start = pair.now
    for _ in range(50):
        pair.acceptor.queue_datagram(bytes(100), pair.now)
        pair.run(0.04, lose=pair.acceptor)
    assert owed_since(pair.acceptor) == pytest.approx(start, abs=0.01), (
        "probes and losses do not rejuvenate it"
    )
    pair.run(1)
    assert owed_since(pair.acceptor) is None


def test_a_lost_datagram_that_nobody_will_send_again_is_not_owed_for_ever() -> None:
    pair = Pair()
    pair.run(1)
    pair.acceptor.queue_datagram(b"lost", pair.now)
    pair.step(lose=pair.acceptor)
    pair.acceptor.queue_datagram(b"found", pair.now)
    pair.run(2)
    assert pair.datagrams(pair.dialler) == [b"found"]
    assert owed_since(pair.acceptor) is None
