"""A listener's report: what docs/REPORT says, and nothing else; written whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from meshcast.listener.engine import View
from meshcast.listener.report import check_writable, report_of, write_report
from meshcast.protocol.effects import Conceal, Play
from meshcast.protocol.errors import BadInputError

Documented = Callable[[str], list[str]]


def test_every_field_is_documented_and_every_documented_field_is_there(
    views: list[View], documented: Documented
) -> None:
    report = report_of(views[0], None)
    assert list(report) == documented("## A listener's report")
    assert list(report["delay_ms"]) == ["p50", "p99"]


def test_it_says_who_heard_from_when_on_and_how_much_was_passed_on(views: list[View]) -> None:
    first, _, last = (report_of(view, None) for view in views)
    assert first["id"] == views[0].machine.member.me[:4].hex()
    assert 0 < first["join_ms"] <= first["first_sound_ms"] < 2_000
    assert (first["rank"], last["rank"]) == (3, 5)
    assert first["verified_chunks"] > 40
    assert first["missing_chunks"] == first["forged_chunks"] == 0
    assert first["bytes_up"] > 40 * 800 > last["bytes_up"] == 0
    assert first["repairs_ms"] == []


def test_it_counts_what_was_handed_to_the_player(views: list[View]) -> None:
    view = views[0]
    chunk = view.machine.backlog.get(view.machine.backlog.newest)
    assert chunk is not None
    for age_us in (100_000, 200_000, 300_000):
        view.listener.perform(Play(chunk.chunk, age_us))
    view.listener.perform(Conceal(9, chunk.chunk.duration_us))
    report = report_of(view, "out.wav")
    assert report["heard_ratio"] == 0.75
    assert (report["concealed_chunks"], report["longest_gap_ms"]) == (1, 100)
    assert report["delay_ms"] == {"p50": 200.0, "p99": 300.0}
    assert report["forged_chunks_played"] == 0
    assert report["wav"] == "out.wav"


def test_one_that_has_not_begun_has_nothing_to_say_and_says_so(newcomer: View) -> None:
    report = report_of(newcomer, None)
    assert report["join_ms"] is report["first_sound_ms"] is report["wav"] is None
    assert report["delay_ms"] == {"p50": None, "p99": None}
    assert (report["heard_ratio"], report["rank"]) == (0, 32)


def test_it_is_written_whole_over_what_was_there_before(tmp_path: Path, newcomer: View) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    write_report(report_of(newcomer, None), path)
    assert json.loads(path.read_text()) == report_of(newcomer, None)
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no/r.json cannot be written: [^\n]*; choose another --report"):
        write_report({}, tmp_path / "no" / "r.json")


def test_a_path_that_cannot_work_is_refused_before_anything_begins(tmp_path: Path) -> None:
    check_writable(None)
    check_writable(tmp_path / "r.json")
    for path in (tmp_path, tmp_path / "no" / "r.json"):
        with pytest.raises(BadInputError, match="give a file in a folder that exists"):
            check_writable(path)
