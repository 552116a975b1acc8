"""What a listener shows: to people, to logs, and to programs."""

import json
from collections.abc import Callable

import pytest
from rich.console import Console

from meshcast.listener.display import display, table, words
from meshcast.listener.engine import View
from meshcast.protocol.events import Connected, Received
from meshcast.protocol.messages import Wait, WaitFor
from meshcast.protocol.units import SECOND, short


def drawn(view: View) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table(view))
    return captured.get()


def test_a_table_says_whom_one_hears_and_feeds(views: list[View]) -> None:
    first, second, third = views
    text = drawn(second)
    assert f"hears from  {short(first.machine.member.me)}" in text
    assert f"feeds       {short(third.machine.member.me)}" in text
    assert "simulated   hearing" in text
    assert "0 forged, 0 missing" in text
    assert "rank        4" in text


def test_a_table_of_one_that_has_not_begun_claims_nothing(newcomer: View) -> None:
    text = drawn(newcomer)
    assert "hears from  nobody" in text
    assert "feeds       nobody" in text
    assert "delay       -" in text
    assert "repairs     none" in text


@pytest.mark.parametrize("title", ["[/bold]", "[red]", "[bold", "\\", "[link=x]a[/link]"])
def test_a_title_is_shown_as_it_is_whatever_the_broadcaster_wrote_into_it(
    views: list[View], title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views[0].machine.enrolment, "title", title)
    assert drawn(views[0]).splitlines()[0].startswith(f"{title} ")


def test_in_a_few_words_one_hears_waits_or_is_at_the_end(views: list[View], newcomer: View) -> None:
    assert words(views[0]) == "hearing"
    views[0].listener.outcome.has_ended = True
    assert words(views[0]) == "the programme has ended"
    machine = newcomer.machine
    machine.handle(Connected(machine.member.tracker, ("10.0.0.1", 1), dialled=True), 0)
    machine.handle(Received(machine.member.tracker, Wait(WaitFor.PLACE, 7, SECOND, b"")), 0)
    assert words(newcomer).startswith("waiting ")


def test_programs_get_one_object_a_line_with_the_documented_fields(
    views: list[View], capsys: pytest.CaptureFixture[str], documented: Callable[[str], list[str]]
) -> None:
    with display("json") as show:
        show(views[1])
        show(views[1])
    one, other = capsys.readouterr().out.splitlines()
    line = json.loads(one)
    assert line == json.loads(other)
    assert set(line) == {*documented("## A listener's report"), *documented("**`listen` and `relay`**")}
    assert line["key"] == views[1].machine.member.me.hex()
    assert line["parent"] == views[0].machine.member.me.hex()
    assert line["children"] == [views[2].machine.member.me.hex()]
    assert line["hearing"]
    assert line["audible"]
    assert not line["ended"]
    assert 0 < line["buffer_ms"] <= 1_500
    assert line["wav"] is None


def test_a_log_gets_a_line_for_each_change_and_no_more(
    views: list[View], newcomer: View, capsys: pytest.CaptureFixture[str]
) -> None:
    with display("lines") as show:
        for view in (newcomer, newcomer, views[1], views[1], newcomer):
            show(view)
    out, lines = capsys.readouterr()
    assert out == ""
    assert lines.splitlines() == [
        f"meshcast: {words(newcomer)}, feeds 0, 0 missing",
        f"meshcast: hearing, hears from {short(views[0].machine.member.me)}, feeds 1, 0 missing",
        f"meshcast: {words(newcomer)}, feeds 0, 0 missing",
    ]


def test_the_live_table_goes_to_standard_error_and_nothing_shows_nothing(
    newcomer: View, capsys: pytest.CaptureFixture[str]
) -> None:
    with display("none") as show:
        show(newcomer)
    assert capsys.readouterr() == ("", "")
    with display("live") as show:
        show(newcomer)
    out, text = capsys.readouterr()
    assert out == ""
    assert "hears from" in text


def test_that_the_host_is_away_is_said(views: list[View], capsys: pytest.CaptureFixture[str]) -> None:
    views[0].machine.is_standby_programme = True
    assert words(views[0]) == "hearing: the standby programme"
    with display("json") as show:
        show(views[0])
    assert json.loads(capsys.readouterr().out)["standby_programme"] is True
