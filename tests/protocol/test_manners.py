"""What an honest neighbour says is always welcome; a flood of messages or streams ends a link, one of datagrams is ignored."""

from typing import Any, get_args

import pytest

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.limits import (
    BLOBS_BURST,
    CHUNK_US_MIN,
    DATAGRAMS_BURST,
    DATAGRAMS_PER_SECOND,
    MESSAGES_BURST,
    MESSAGES_PER_SECOND,
    PULL_US_MIN,
    REPORT_AFTER_US,
)
from meshcast.protocol.manners import Manners, price
from meshcast.protocol.messages import Beat, Message, Pull
from meshcast.protocol.units import MINUTE, SECOND

BEAT = Beat(1, 0, 3, (), 0)


def said(manners: Manners, message: Message | None, times: int, now: int = 0) -> int:
    """Say something so often, or until it is too much."""
    for number in range(times):
        try:
            manners.message(message, now)
        except RemoteProtocolError:
            return number
    return times


def test_a_flood_of_messages_ends_after_its_burst() -> None:
    assert said(Manners(), BEAT, 10_000) == MESSAGES_BURST
    assert said(Manners(), None, 10_000) == MESSAGES_BURST, "of a type that nobody knows too"


def test_what_is_signed_costs_what_it_costs_to_check(golden: dict[str, Any]) -> None:
    notice = golden["notice"]
    assert price(notice) == 1 + len(notice.delegations) + len(notice.bans)
    assert said(Manners(), notice, 10_000) == MESSAGES_BURST // price(notice)
    messages = [value for value in golden.values() if isinstance(value, get_args(Message))]
    assert all(1 <= price(message) <= 32 for message in messages)
    assert price(golden["adopt"]) == price(golden["hello"]) == 2
    assert price(golden["uncles"]) == 3
    assert price(golden["beat"]) == price(golden["pull"]) == 1


def test_the_busiest_honest_peer_is_never_too_much() -> None:
    manners = Manners()
    for now in range(0, MINUTE, PULL_US_MIN + PULL_US_MIN // 2):
        manners.message(Pull(((1, 2),)), now)
        if now % REPORT_AFTER_US < PULL_US_MIN:
            manners.message(BEAT, now)
        assert manners.datagram(now)
        assert manners.datagram(now + CHUNK_US_MIN // 2)


def test_too_many_datagrams_are_not_looked_at_and_do_no_harm() -> None:
    manners = Manners()
    assert sum(manners.datagram(0) for _ in range(10_000)) == DATAGRAMS_BURST
    assert manners.ignored == 10_000 - DATAGRAMS_BURST
    assert sum(manners.datagram(SECOND) for _ in range(10_000)) == DATAGRAMS_PER_SECOND


def test_a_flood_of_short_streams_ends_after_its_burst() -> None:
    manners = Manners()
    for _ in range(BLOBS_BURST):
        manners.blob(0)
    with pytest.raises(RemoteProtocolError, match="short streams"):
        manners.blob(0)


def test_messages_are_earned_back() -> None:
    manners = Manners()
    said(manners, BEAT, MESSAGES_BURST)
    assert said(manners, BEAT, 10_000, now=SECOND) == MESSAGES_PER_SECOND
