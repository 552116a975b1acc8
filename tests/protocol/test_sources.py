"""Whose chunks are good: the highest generation wins for good."""

import itertools
from typing import Any

import pytest

from meshcast.protocol.identity import verify
from meshcast.protocol.sources import Sources
from meshcast.protocol.units import HOUR


@pytest.fixture
def sources(crew: Any) -> Sources:
    return Sources(crew.broadcast, verify)


def test_a_delegated_source_may_speak(crew: Any, sources: Sources) -> None:
    assert not sources.knows(crew.chunk(1))
    assert sources.learn((crew.delegation(),), 0) is False
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
    old, new = crew.delegation(generation=3), crew.delegation("successor", generation=4)
    sources.learn((old,), 0)
    assert sources.learn((new,), 0)
    assert sources.delegations == (new,)
    assert not sources.learn((old,), 0)
    assert sources.delegations == (new,)
    assert not sources.knows(crew.chunk(1))


def test_every_order_of_three_generations_ends_with_the_last(crew: Any) -> None:
    statements = [crew.delegation(str(number), generation=number) for number in (1, 2, 3)]
    for order in itertools.permutations(statements):
        sources = Sources(crew.broadcast, verify)
        for one in order:
            sources.learn((one,), 0)
        assert sources.delegations == (statements[2],)
        assert sources.generation == 3


def test_two_sources_of_one_generation_may_both_speak(crew: Any, sources: Sources) -> None:
    spare = crew.delegation("spare", index=1)
    assert not sources.learn((crew.delegation(), spare), 0)
    assert sources.is_genuine(crew.chunk(1))
    assert sources.is_genuine(crew.chunk(1, by="spare", source_index=1))


def test_what_the_broadcast_key_did_not_sign_or_what_has_ended_is_not_learnt(
    crew: Any, sources: Sources
) -> None:
    assert not Sources(crew.id("another event"), verify).learn((crew.delegation(),), 0)
    sources.learn((crew.delegation(not_after_s=HOUR // 1_000_000),), HOUR)
    assert sources.delegations == ()


def test_learning_twice_changes_nothing(crew: Any, sources: Sources) -> None:
    sources.learn((crew.delegation(),), 0)
    assert not sources.learn((crew.delegation(),), 0)
    assert len(sources.delegations) == 1
