"""What was in time, at several delays at once, by when it came."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bed.ear import DELAYS_US, Ear, Score
from bed.talk import chunk_of
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Flag, sign_chunk
from meshcast.protocol.identity import Identity
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND, BroadcastId, Micros, Sequence

CHUNK = chunk_of(64_000, 100 * MILLISECOND)


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


@pytest.fixture
def ear(backlog: Backlog) -> Ear:
    """An ear needs nothing of a peer but what it holds."""
    return Ear(cast("PeerMachine", cast("Any", SimpleNamespace(backlog=backlog))))


def hold(backlog: Backlog, sequence: Sequence, late_us: Micros) -> None:
    """Let a chunk come so long after it could have come at the earliest."""
    identity = Identity.from_seed(random.Random(1).randbytes(32))
    sent_at = sequence * CHUNK.duration_us
    chunk = sign_chunk(
        identity,
        BroadcastId(bytes(32)),
        source_index=0,
        run=1,
        generation=1,
        sequence=sequence,
        media_time_us=sent_at,
        duration_us=CHUNK.duration_us,
        flags=Flag.NONE,
        packets=CHUNK.packets,
    )
    backlog.add(chunk, sent_at + 20 * MILLISECOND + late_us, 0)


def test_a_chunk_is_missing_at_every_delay_that_is_shorter_than_its_lateness(
    backlog: Backlog, ear: Ear
) -> None:
    for sequence, late_us in enumerate((0, *(delay + 1 for delay in DELAYS_US)), 1):
        hold(backlog, sequence, late_us)
    score = ear.fold(5)
    assert score.due == 5
    assert score.missing == [4, 3, 2, 1]


def test_what_never_came_is_missing_at_all_of_them_and_counted_once(backlog: Backlog, ear: Ear) -> None:
    hold(backlog, 1, 0)
    hold(backlog, 3, 0)
    total = Score()
    total.add(ear.fold(3))
    total.add(ear.fold(3))
    assert (total.due, total.missing) == (3, [1] * len(DELAYS_US))
    assert total.ppm(SECOND) == pytest.approx(1e6 / 3)


def test_lateness_is_counted_from_the_earliest_way_there_ever_was(backlog: Backlog, ear: Ear) -> None:
    hold(backlog, 1, 0)
    ear.fold(1)
    for sequence in range(2, 9):
        hold(backlog, sequence, SECOND + MILLISECOND)
    assert ear.fold(8).missing_at(SECOND) == 7


def test_what_is_left_out_is_nobodys_loss(backlog: Backlog, ear: Ear) -> None:
    ear.skip(10)
    assert ear.fold(10).due == 0
    assert ear.fold(11).due == 1
