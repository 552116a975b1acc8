"""Children answer together: a parent is woken once for all of them, and nobody hears anything later for it."""

from typing import Any

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from meshcast.transport import limits
from meshcast.transport.fabric import Conditions
from meshcast.transport.lane import CLOSED
from meshcast.transport.link_events import FrameReceived
from meshcast.transport.roll_call import GATHERED_MIN, PEERS_MIN, RollCall

CROWD = [f"child {number}" for number in range(12)]
CHUNK_S = 0.1


async def crowd(street: Any, delay_us: Micros) -> tuple[Any, list[Any]]:
    """Make a parent with children so far away, each a little further than the one before, who answer at different chunks."""
    parent, *children = await street.linked("parent", *CROWD)
    for number, child in enumerate(children):
        way = Conditions(delay_us=delay_us + number * 300)
        street.fabric.between(parent.address[0], child.address[0], way)
        street.fabric.between(child.address[0], parent.address[0], way)
        for _ in range(number):
            parent.links.send_datagram(child.id, bytes(900))
            await trio.sleep(0.02)
    return parent, children


async def speak(parent: Any, children: list[Any], chunks: int) -> None:
    for _ in range(chunks):
        assert parent.links.send_datagram_to_all([child.id for child in children], bytes(900)) == 0
        await trio.sleep(CHUNK_S)


async def rests_while_speaking(parent: Any, children: list[Any], chunks: int) -> int:
    """Count for how many rounds the parent has left its socket alone."""
    rests = set()
    for _ in range(chunks):
        await speak(parent, children, 1)
        rests.add(parent.links._endpoint.turns._rest_until)
    return len(rests) - 1


@given(
    spacings=st.lists(st.floats(0.001, 2.0), min_size=1, max_size=60),
    peers=st.lists(st.integers(0, 64), min_size=60, max_size=60),
)
def test_nobody_is_left_unasked_for_so_long_that_it_answers_by_itself(
    spacings: list[float], peers: list[int]
) -> None:
    calls, now, rounds, called_at = RollCall(), 1_000.0, 0, 1_000.0
    calls.gather_s(PEERS_MIN, 0, now)
    for spacing, count in zip(spacings, peers, strict=False):
        now += spacing
        gather_s = calls.gather_s(count, GATHERED_MIN, now)
        if count < PEERS_MIN:
            assert gather_s == 0.0
            continue
        rounds += 1
        if gather_s:
            rounds, called_at = 0, now
        assert rounds < limits.ACK_PACKETS - 1
        assert now - called_at < limits.ACK_OLDEST_S
        assert gather_s <= limits.GATHER_S_MAX


@given(spacing=st.floats(0.001, 1.0))
def test_the_socket_is_never_left_alone_for_long_enough_to_delay_the_next_round(spacing: float) -> None:
    calls, now = RollCall(), 1_000.0
    waits = []
    for _ in range(30):
        waits.append(calls.gather_s(PEERS_MIN, PEERS_MIN, now))
        now += spacing
    assert 0.0 < max(waits[1:]) <= spacing / 4 + 1e-9


async def test_a_crowd_wakes_its_parent_once_a_second_and_not_once_a_child(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, children = await crowd(street, 3 * MILLISECOND)
    await speak(parent, children, 30)
    before = parent.turns
    await speak(parent, children, 100)
    # At each call one turn for all answers, and one for a timer; by themselves twelve would come a second.
    assert parent.turns - before <= 2 * 100 / limits.ROLL_CALL_ROUNDS + 2
    assert all(len(child.datagrams) == 130 + number for number, child in enumerate(children))


async def test_children_that_are_near_are_asked_at_every_call(autojump_clock: MockClock, street: Any) -> None:
    parent, children = await crowd(street, 3 * MILLISECOND)
    assert await rests_while_speaking(parent, children, 200) >= 200 // limits.ROLL_CALL_ROUNDS


async def test_those_who_have_answered_get_the_next_chunk_the_short_way(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, children = await crowd(street, 3 * MILLISECOND)
    await speak(parent, children, 30)
    lanes = [parent.links._links[child.id].lane for child in children]
    open_after_answers = []
    for _ in range(4 * limits.ROLL_CALL_ROUNDS):
        before = [lane.room for lane in lanes]
        await speak(parent, children, 1)
        if sum(lane.room > room for lane, room in zip(lanes, before, strict=True)) > len(lanes) // 2:
            open_after_answers.append(sum(lane.room > CLOSED for lane in lanes))
    assert len(open_after_answers) == 4
    # But for those whose clocks were looked at while nothing was on its way to them.
    assert min(open_after_answers) >= len(lanes) - 2


async def test_children_that_are_too_far_away_are_hardly_ever_asked_and_answer_all_the_same(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, children = await crowd(street, 60 * MILLISECOND)
    rests = await rests_while_speaking(parent, children, 200)
    calls = 200 / limits.ROLL_CALL_ROUNDS
    assert 1 <= rests <= 2 + calls / limits.ROLL_CALLS_LEFT_OUT
    assert all(parent.links.is_up(child.id) for child in children)
    assert all(len(child.datagrams) == 200 + number for number, child in enumerate(children))


async def test_what_else_arrives_meanwhile_waits_for_a_moment_and_no_longer(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, children = await crowd(street, 3 * MILLISECOND)
    latest, furthest = 0.0, 0.003 + len(CROWD) * 0.0003
    for number in range(100):
        parent.links.send_datagram_to_all([child.id for child in children], bytes(900))
        await trio.sleep(CHUNK_S * (number % 7) / 7)
        said_at = trio.current_time()
        children[number % len(children)].links.send(parent.id, b"a word")
        await trio.sleep(CHUNK_S * (7 - number % 7) / 7)
        latest = max(latest, parent.when(FrameReceived) - said_at)
    assert len(parent.frames) == 100
    assert furthest + 0.002 < latest < furthest + limits.GATHER_S_MAX + 0.002


async def test_the_round_trip_is_measured_too_long_by_the_wait_at_most(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, children = await crowd(street, 3 * MILLISECOND)
    await speak(parent, children, 300)
    for number, child in enumerate(children):
        round_trip_s = 2 * (0.003 + number * 0.0003)
        assert round_trip_s < parent.links.rtt_us(child.id) / SECOND < round_trip_s + limits.GATHER_S_MAX


async def test_who_hears_speech_pings_nobody_and_still_notices_when_it_is_over(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, child = await street.linked("parent", "child")
    before = child.links.totals().wire_bytes_sent
    await speak(parent, [child], 300)
    answers = 300 / limits.ACK_PACKETS
    assert child.links.totals().wire_bytes_sent - before < 35 * (answers + 2), "acknowledgements alone"
    street.fabric.kill(parent.address)
    start = trio.current_time()
    while child.links.is_up(parent.id):
        await trio.sleep(0.01)
    assert trio.current_time() - start < 8.0
