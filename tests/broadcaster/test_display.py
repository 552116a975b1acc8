"""What a broadcaster shows: the link first and alone, then how it goes."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from meshcast.broadcaster.desk import Desk
from meshcast.broadcaster.display import copies, display, table
from meshcast.broadcaster.engine import View
from meshcast.media.pacing import ScriptedSource
from meshcast.protocol.broadcaster import Post
from meshcast.protocol.link import Link
from meshcast.protocol.units import short


def drawn(view: View) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table(view))
    return captured.get()


def silent(view: View, slots: int) -> View:
    """Give the same view of a source that has said nothing for so many blocks."""
    source = ScriptedSource([])
    source._paused_in_a_row = slots
    return View(view.machine, view.links, view.link, source)


def test_a_table_says_what_is_broadcast_and_who_is_fed(view: View) -> None:
    text = drawn(view)
    assert "simulated" in text
    assert "64 kbit/s" in text
    assert "speaks" in text
    assert "known" in text
    children = list(view.machine.relay.children)
    assert len(children) == 2
    assert f"{short(children[0])}, {short(children[1])}" in text


def test_a_table_of_one_that_has_just_begun_claims_nothing(beginner: View) -> None:
    text = drawn(beginner)
    assert "nobody yet" in text
    assert "0.00" in text


@pytest.mark.parametrize("title", ["[/bold]", "Evening [live]", "\\"])
def test_a_title_is_shown_as_it_is(view: View, title: str) -> None:
    view.machine.programme = replace(view.machine.programme, title=title)
    assert drawn(view).splitlines()[0].startswith(f"{title} ")


def test_a_source_that_stalls_is_told_of(view: View) -> None:
    assert "silent for 3 s" in drawn(silent(view, 150))
    assert "speaks" in drawn(silent(view, 49))


def test_copies_are_counted_against_one_copy_of_the_programme(view: View, beginner: View) -> None:
    assert copies(beginner) == 0
    assert 1.5 < copies(view) <= 2.1


@pytest.mark.parametrize("kind", ["live", "lines", "none"])
def test_the_link_comes_once_alone_on_standard_output_when_the_tracker_knows_the_broadcast(
    kind: str, view: View, beginner: View, capsys: pytest.CaptureFixture[str]
) -> None:
    with display(kind) as show:
        for one in (beginner, view, view):
            show(one)
    (line,) = capsys.readouterr().out.splitlines()
    assert Link.parse(line) == view.link


def test_programs_get_one_object_a_line_with_the_documented_fields(
    view: View, beginner: View, capsys: pytest.CaptureFixture[str], documented: list[str]
) -> None:
    with display("json") as show:
        show(beginner)
        show(view)
    first, then = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(first) == set(then) == set(documented)
    assert first["link"] is None
    assert then["link"] == str(view.link)
    assert then["key"] == view.machine.member.me.hex()
    assert then["children"] == [one.hex() for one in view.machine.relay.children]
    assert (then["bitrate_bps"], then["chunk_ms"], then["children_peak"]) == (64_000, 100, 2)
    assert 1.5 < then["copies_sent"] <= 2.1
    assert (then["emergencies"], then["copies_sent_in_emergencies"], then["stalled_for_s"]) == (0, 0, 0)


def test_a_log_gets_a_line_for_each_change(view: View, capsys: pytest.CaptureFixture[str]) -> None:
    with display("lines") as show:
        for one in (view, view, silent(view, 100), view):
            show(one)
    assert capsys.readouterr().err.splitlines() == [
        "meshcast: simulated: on the air, feeds 2, tracker known",
        "meshcast: simulated: the source is silent; listeners hear silence, feeds 2, tracker known",
        "meshcast: simulated: on the air, feeds 2, tracker known",
    ]


def test_that_the_host_is_away_and_where_a_spare_stands_is_said(
    view: View, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(view.source, None, 5)
    desk.is_away = True
    away = replace(view, desk=desk)
    assert "away: the standby programme is heard" in drawn(away)
    view.machine.post = Post.STANDING_BY
    with display("lines") as show:
        for one in (away, silent(view, 100), view):
            show(one)
    assert [line.split(": ", 2)[2].split(", feeds")[0] for line in capsys.readouterr().err.splitlines()] == [
        "standing by, with the standby programme",
        "standing by, but its own source is silent",
        "standing by",
    ]
