"""Whose chunks are good: the highest generation wins for good, and goes on with its run or begins another."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.identity import verify
from meshcast.protocol.limits import DELEGATIONS_MAX
from meshcast.protocol.sources import Sources, Turn
from meshcast.protocol.units import HOUR


@pytest.fixture
def sources(crew: Any) -> Sources:
    return Sources(crew.broadcast, verify)


def test_a_delegated_source_may_speak(crew: Any, sources: Sources) -> None:
    assert not sources.knows(crew.chunk(1))
    assert sources.learn((crew.delegation(),), 0) is Turn.NONE
    assert sources.knows(crew.chunk(1))
    assert sources.is_genuine(crew.chunk(1))
    assert not sources.is_genuine(crew.chunk(1, by="forger"))


def test_chunks_of_another_run_generation_or_source_are_not_known(crew: Any, sources: Sources) -> None:
    sources.learn((crew.delegation(),), 0)
    for change in ({"run": 8}, {"generation": 2}, {"generation": 4}, {"source_index": 1}):
        assert not sources.knows(crew.chunk(1, **change))
    assert not sources.is_genuine(crew.chunk(1, source_index=1))


def test_a_later_generation_takes_over_and_an_earlier_one_never_comes_back(
    crew: Any, sources: Sources
) -> None:
    old, new = crew.delegation(generation=3), crew.delegation("successor", run=8, generation=4)
    sources.learn((old,), 0)
    assert sources.learn((new,), 0) is Turn.BEGUN_ANEW
    assert sources.delegations == (new,)
    assert sources.learn((old,), 0) is Turn.NONE
    assert sources.delegations == (new,)
    assert not sources.knows(crew.chunk(1))


def test_every_order_of_three_generations_ends_with_the_last(crew: Any) -> None:
    statements = [crew.delegation(str(number), run=number, generation=number) for number in (1, 2, 3)]
    for order in itertools.permutations(statements):
        sources = Sources(crew.broadcast, verify)
        for one in order:
            sources.learn((one,), 0)
        assert sources.delegations == (statements[2],)
        assert sources.generation == 3


def test_two_sources_of_one_generation_may_both_speak(crew: Any, sources: Sources) -> None:
    spare = crew.delegation("spare", index=1)
    assert sources.learn((crew.delegation(), spare), 0) is Turn.NONE
    assert sources.is_genuine(crew.chunk(1))
    assert sources.is_genuine(crew.chunk(1, by="spare", source_index=1))


def test_what_the_broadcast_key_did_not_sign_or_what_has_ended_is_not_learnt(
    crew: Any, sources: Sources
) -> None:
    elsewhere = Sources(crew.id("another event"), verify)
    elsewhere.learn((crew.delegation(),), 0)
    assert elsewhere.delegations == ()
    sources.learn((crew.delegation(not_after_s=HOUR // 1_000_000),), HOUR)
    assert sources.delegations == ()


def test_learning_twice_changes_nothing(crew: Any, sources: Sources) -> None:
    sources.learn((crew.delegation(),), 0)
    assert sources.learn((crew.delegation(),), 0) is Turn.NONE
    assert len(sources.delegations) == 1


# ---- a spare takes over: the same run, a later generation


def test_who_takes_over_goes_on_with_the_run_and_its_predecessor_counts_below_what_was_seen_of_it(
    crew: Any, sources: Sources
) -> None:
    old, new = crew.delegation(), crew.delegation("spare", generation=4)
    sources.learn((old,), 0)
    assert sources.learn((new,), 0) is Turn.CONTINUED
    assert sources.delegations == (new, old)
    assert sources.is_superseded(crew.id("source"))
    assert not sources.is_superseded(crew.id("spare"))
    assert not sources.knows(crew.chunk(7)), "nothing of the later one has been seen yet"
    sources.seen(crew.chunk(10, by="spare", generation=4))
    assert sources.knows(crew.chunk(9))
    assert not sources.knows(crew.chunk(10))
    assert sources.knows(crew.chunk(10, by="spare", generation=4))
    sources.seen(crew.chunk(8, by="spare", generation=4))
    assert not sources.knows(crew.chunk(9)), "what is earlier still has been seen of it"


def test_a_joiner_learns_of_both_in_either_order(crew: Any) -> None:
    old, new = crew.delegation(), crew.delegation("spare", generation=4)
    for order in ((old, new), (new, old)):
        sources = Sources(crew.broadcast, verify)
        sources.learn(order, 0)
        assert sources.delegations == (new, old)


def test_one_that_comes_back_to_the_air_has_not_been_superseded(crew: Any, sources: Sources) -> None:
    sources.learn((crew.delegation(), crew.delegation("spare", generation=4)), 0)
    sources.learn((crew.delegation(generation=5),), 0)
    assert not sources.is_superseded(crew.id("source"))
    assert sources.is_superseded(crew.id("spare"))


def test_of_two_that_take_over_in_one_generation_everybody_ends_with_the_same(crew: Any) -> None:
    both = [crew.delegation(name, generation=4) for name in ("one spare", "another spare")]
    winner = max(both, key=lambda one: one.key)
    for order in (both, both[::-1]):
        sources = Sources(crew.broadcast, verify)
        sources.learn((crew.delegation(), *order), 0)
        assert sources.delegations[0] == winner


@given(generations=st.lists(st.integers(3, 12), unique=True, min_size=1), data=st.data())
def test_whatever_the_order_the_latest_speaks_and_no_more_are_kept_than_a_message_holds(
    crew: Any, generations: list[int], data: Any
) -> None:
    sources = Sources(crew.broadcast, verify)
    for number in data.draw(st.permutations(generations)):
        sources.learn((crew.delegation(f"source {number}", generation=number),), 0)
    assert [one.generation for one in sources.delegations] == sorted(generations, reverse=True)[
        :DELEGATIONS_MAX
    ]
    assert sources.generation == max(generations)
