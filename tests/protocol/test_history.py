"""What a joiner with a long delay lacks of the past: pulled oldest first, no more than could be played, and not for ever."""

from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.effects import Refill, SendChunk
from meshcast.protocol.limits import (
    HISTORY_CHUNKS,
    HISTORY_EVERY_US,
    HISTORY_FRUITLESS_MAX,
    PLAYOUT_DELAY_US_MAX,
)
from meshcast.protocol.messages import Pull
from meshcast.protocol.units import MILLISECOND, SECOND


def pulls(world: Any, name: str, since: int) -> list[tuple[int, str, int, int]]:
    """List what one has asked for: when, of whom, first and last."""
    return [
        (at, to, first, last)
        for at, _, to, message in world.sent(Pull, name, since)
        for first, last in message.ranges
    ]


def test_sound_of_thirty_seconds_ago_begins_at_once_and_has_no_hole(world: Any) -> None:
    world.add_origin()
    world.run(40 * SECOND)
    since = world.now
    world.join("late", "source", delay_us=PLAYOUT_DELAY_US_MAX)
    world.run(25 * SECOND)
    heard = world.heard("late")
    first_at = world.machines["late"].tally.first_play_at
    assert first_at - since <= 150 * MILLISECOND
    assert heard == list(range(heard[0], heard[-1] + 1))
    assert world.concealed("late") == []
    asked = pulls(world, "late", since)
    assert asked[0][2] == min(first for _, _, first, _ in asked), "what is due first comes first"
    assert max(at for at, *_ in asked) - since < 10 * SECOND, "and then it has enough"


def test_it_asks_for_no_more_at_a_time_than_a_neighbours_budget_allows(world: Any) -> None:
    world.add_origin()
    world.run(40 * SECOND)
    since = world.now
    world.join("late", "source", delay_us=PLAYOUT_DELAY_US_MAX)
    world.run(10 * SECOND)
    times = sorted({at for at, *_ in pulls(world, "late", since)})
    assert all(later - earlier >= HISTORY_EVERY_US for earlier, later in pairwise(times))
    for when in times:
        wanted = [(first, last) for at, _, first, last in pulls(world, "late", since) if at == when]
        assert sum(last - first + 1 for first, last in wanted) <= HISTORY_CHUNKS


@pytest.mark.parametrize("delay_us", [300 * MILLISECOND, SECOND, 3 * SECOND])
def test_where_a_refill_holds_it_all_nothing_is_asked_for(world: Any, delay_us: int) -> None:
    world.add_origin()
    world.run(20 * SECOND)
    since = world.now
    world.join("late", "source", delay_us=delay_us)
    world.run(3 * SECOND)
    assert pulls(world, "late", since) == []


def test_what_was_sent_between_the_accept_and_the_first_live_chunk_is_not_forgotten(world: Any) -> None:
    """The parent had no room on its line for it; the refill ended before it, and no later chunk showed that it was missing."""
    world.add_origin()
    world.run(20 * SECOND)
    lost: list[object] = []

    def keeps(_: str, to: str, effect: object) -> bool:
        is_early = to == "late" and isinstance(effect, Refill | SendChunk) and len(lost) < 2
        if is_early:
            lost.append(effect)
        return not is_early

    world.keeps = keeps
    world.join("late", "source", delay_us=SECOND)
    world.run(4 * SECOND)
    assert [type(one) for one in lost] == [Refill, SendChunk]
    assert world.concealed("late") == []
    heard = world.heard("late")
    assert heard == list(range(heard[0], heard[-1] + 1))


def test_what_a_parent_lacks_is_asked_of_the_standbys_and_then_no_more(world: Any) -> None:
    """The parent has just come itself, and so have they: the past is nowhere near."""
    world.add_origin()
    world.run(40 * SECOND)
    for name in ("mum", "one", "two"):
        world.join(name, "source")
    world.run(SECOND)
    since = world.now
    world.keeps = lambda _name, to, effect: (
        to != "late"
        or not (
            isinstance(effect, Refill | SendChunk)
            and world.machines["late"].playout.is_timed
            and is_old(effect, world)
        )
    )
    world.join("late", "mum", "one", "two", delay_us=PLAYOUT_DELAY_US_MAX)
    world.run(10 * SECOND)
    asked = pulls(world, "late", since)
    assert {to for _, to, *_ in asked} >= {"mum", "one"}
    assert len({at for at, *_ in asked}) <= HISTORY_FRUITLESS_MAX + 1


def is_old(effect: Any, world: Any) -> bool:
    chunk = effect.chunk if isinstance(effect, SendChunk) else effect.chunks[0][1]
    return bool(chunk.sequence < world.machines["source"].backlog.newest - 20)
