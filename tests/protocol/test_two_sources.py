"""Where two sources of one run meet: whatever comes in whatever order, numbers only grow, and the superseded is not passed on."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.chunk import HAVE_ALL, Hop
from meshcast.protocol.effects import Play, Refill, SendChunk
from meshcast.protocol.events import ChunkReceived, Received, RefillReceived
from meshcast.protocol.messages import Notice
from meshcast.protocol.units import MILLISECOND, SECOND

CHUNK_US = 100 * MILLISECOND
OLD, NEW = 3, 4
LENGTH = 14

chunks = st.tuples(st.sampled_from([OLD, NEW]), st.integers(1, LENGTH))
steps = st.one_of(
    chunks,
    st.lists(chunks, min_size=2, max_size=6),
    st.just("notice"),
    st.just("predecessor"),
    st.integers(1, 5),
)


@settings(max_examples=25, deadline=None)
@given(story=st.lists(steps, min_size=10, max_size=60), spoken=st.integers(2, LENGTH - 2))
def test_numbers_handed_over_only_grow_and_nothing_superseded_is_passed_on(
    make_world: Callable[[], Any], story: list[Any], spoken: int
) -> None:
    world = make_world()
    crew = world.crew
    world.add_origin()
    world._next_chunk_at = None
    world.run(SECOND)
    mum = world.join("mum", "source")
    world.join("kid", "mum")
    world.run(SECOND)
    source = crew.id("source")

    def chunk(generation: int, number: int) -> Any:
        """The spare goes on after what the old source has spoken; the old one speaks on all the same."""
        sequence = spoken + number if generation == NEW else number
        by = "spare" if generation == NEW else "source"
        return ChunkReceived(source, Hop(HAVE_ALL, 0), crew.chunk(sequence, by=by, generation=generation))

    for step in story:
        if step == "notice":
            world.feed("mum", Received(source, Notice((crew.delegation("spare", generation=NEW),), ())))
        elif step == "predecessor":
            both = (crew.delegation("spare", generation=NEW), crew.delegation())
            world.feed("mum", Received(source, Notice(both, ())))
        elif isinstance(step, int):
            world.run(step * CHUNK_US)
        elif isinstance(step, list):
            world.feed("mum", RefillReceived(source, tuple(chunk(*one) for one in step)))
        else:
            world.feed("mum", chunk(*step))
        first = mum.sources._first.get(NEW)
        for number in range(1, 2 * LENGTH):
            held = mum.backlog.get(number)
            if held is not None and held.chunk.generation == OLD and first is not None:
                assert number != first, "what the later one has said is what is kept"
    for name in ("mum", "kid"):
        played = [one.chunk.sequence for one in world.done(Play, name)]
        assert played == sorted(set(played))
    firsts: list[int] = []
    for _, name, effect in world.log:
        if name != "mum":
            continue
        passed = [effect.chunk] if isinstance(effect, SendChunk) else []
        if isinstance(effect, Refill):
            passed = [one for _, one in effect.chunks]
        live = [one for one in passed if one.generation == OLD]
        assert all(one.sequence < min(firsts, default=10**9) for one in live), (
            "below what was seen of the later one"
        )
        firsts += [one.sequence for one in passed if one.generation == NEW]
    for name in ("mum", "kid"):
        assert world.machines[name].tally.forged == 0
