"""Chunks are taken in when they are of this run, new, and signed; whatever else comes is counted."""

from typing import Any

import pytest

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.identity import verify
from meshcast.protocol.intake import Intake, Verdict
from meshcast.protocol.limits import BACKLOG_US
from meshcast.protocol.sources import Sources
from meshcast.protocol.tally import Tally
from meshcast.protocol.units import MILLISECOND

ROOM = BACKLOG_US // (100 * MILLISECOND)


@pytest.fixture
def intake(crew: Any) -> Intake:
    sources = Sources(crew.broadcast, verify)
    sources.learn((crew.delegation(),), 0)
    return Intake(Backlog(), sources, Tally())


def test_a_signed_chunk_of_this_run_is_new_once(crew: Any, intake: Intake) -> None:
    assert intake.judge(crew.chunk(5)) is Verdict.NEW
    intake.keep(crew.chunk(5), 0, 0)
    assert intake.judge(crew.chunk(5)) is Verdict.KNOWN
    assert (intake.tally.verified, intake.tally.duplicates) == (1, 1)


def test_a_chunk_that_the_source_did_not_sign_is_forged(crew: Any, intake: Intake) -> None:
    assert intake.judge(crew.chunk(5, by="forger")) is Verdict.FORGED
    assert intake.tally.forged == 1


def test_a_forgery_of_a_chunk_that_is_here_already_is_noticed_too(crew: Any, intake: Intake) -> None:
    intake.keep(crew.chunk(5), 0, 0)
    assert intake.judge(crew.chunk(5, by="forger")) is Verdict.FORGED


def test_a_chunk_of_another_run_is_a_stray_and_costs_no_signature_check(crew: Any, intake: Intake) -> None:
    assert intake.judge(crew.chunk(5, run=6)) is Verdict.STRAY
    assert intake.tally.verified == intake.tally.forged == 0


def test_a_chunk_older_than_the_backlog_is_a_stray(crew: Any, intake: Intake) -> None:
    intake.keep(crew.chunk(ROOM + 10), 0, 0)
    assert intake.judge(crew.chunk(10)) is Verdict.STRAY
    assert intake.judge(crew.chunk(11)) is Verdict.NEW


def test_a_joiner_takes_no_replay_of_what_was_old_when_it_was_placed(crew: Any, intake: Intake) -> None:
    intake.start = 1_000
    assert intake.judge(crew.chunk(1_000 - ROOM)) is Verdict.STRAY
    assert intake.judge(crew.chunk(1_001 - ROOM)) is Verdict.NEW


def test_what_is_kept_remembers_when_it_came_and_how_old_it_was(crew: Any, intake: Intake) -> None:
    held = intake.keep(crew.chunk(5), 77, 33)
    assert (held.chunk.sequence, held.arrived_at, held.age_us) == (5, 77, 33)
