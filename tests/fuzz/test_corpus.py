"""What is kept is small, and is taken up again: as it lies there, and spoilt in whatever way hypothesis likes."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import mutations, seeds
from fuzz.wire import Wire

CORPUS_BYTES_MAX = 64 * 1024
KEPT = {**seeds.golden(), **seeds.corpus()}


def test_the_corpus_holds_one_of_each_kind_and_is_small() -> None:
    assert len(seeds.messages()) == 26
    assert {"initial", "retry", "short-header", "frames", "preamble", "link", "row"} <= set(seeds.corpus())
    assert sum(map(len, seeds.corpus().values())) < CORPUS_BYTES_MAX


@pytest.mark.parametrize("name", KEPT)
def test_every_reader_takes_what_is_kept_as_it_lies_there(name: str) -> None:
    Wire().read_all(KEPT[name], Random(name))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(KEPT)), seed=st.integers(0, 2**64 - 1))
def test_every_reader_takes_what_is_kept_however_it_is_spoilt(name: str, seed: int) -> None:
    chance = Random(seed)
    Wire().read_all(mutations.spoil(KEPT[name], list(KEPT.values()), chance), chance)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300))
def test_every_reader_takes_any_bytes(data: bytes) -> None:
    Wire().read_all(data, Random(0))


@given(seed=st.integers(0, 2**64 - 1))
def test_the_same_chance_spoils_in_the_same_way(seed: int) -> None:
    data, pool = KEPT["placed"], list(KEPT.values())
    assert mutations.spoil(data, pool, Random(seed)) == mutations.spoil(data, pool, Random(seed))
    assert mutations.confused(seeds.values(), Random(seed)) == mutations.confused(
        seeds.values(), Random(seed)
    )
    assert mutations.frames(Random(seed)) == mutations.frames(Random(seed))


def test_spoiling_reaches_every_way_of_being_wrong() -> None:
    chance, data = Random(1), KEPT["placed"]
    spoilt = [mutations.spoil(data, list(KEPT.values()), chance) for _ in range(2_000)]
    assert any(len(one) < len(data) for one in spoilt)
    assert any(len(one) > len(data) + 40 for one in spoilt)
    assert any(len(one) == len(data) and one != data for one in spoilt)
    assert data in spoilt, "and now and then nothing is wrong"
