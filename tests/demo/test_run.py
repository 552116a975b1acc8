"""`meshcast demo` around its director: what is refused before anything begins, and what is left afterwards."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from meshcast.demo.director import DemoSettings
from meshcast.demo.run import run_demo
from meshcast.protocol.errors import BadInputError

LISTENER = {
    "name": "listener-01", "survived": True, "join_ms": 12.0, "first_sound_ms": 23.0, "heard_ratio": 1.0,
    "missing_chunks": 0, "concealed_chunks": 0, "longest_gap_ms": 0, "delay_ms": {"p50": 1001.0, "p99": 1013.0},
    "rank": 3, "repairs_ms": [], "forged_chunks_played": 0, "wav": "listener-01.wav", "found_share": 1.0, "jumps": 0,
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., DemoSettings]:
    def settings(**otherwise: Any) -> DemoSettings:
        source = tmp_path / "source.wav"
        source.write_bytes(b"sound")
        wishes: dict[str, Any] = {
            "source": source, "listeners": 1, "max_children": 1, "seconds": 5.0, "kill": 0, "tracker_outage_s": 0.0,
            "report": None, "output_dir": tmp_path / "out [/x]",
        }  # fmt: skip
        return DemoSettings(**wishes | otherwise)

    return settings


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the demo find this of its one listener, instead of playing."""

    def play(**flaw: Any) -> None:
        report = {
            "ok": not flaw, "listeners": [LISTENER | flaw], "killed_with_children": 0, "tracker_outages": 0, "copies_sent": 1.0,
        }  # fmt: skip

        async def found(_: DemoSettings) -> dict[str, Any]:
            return report

        monkeypatch.setattr("meshcast.demo.run._play", found)

    return play


def test_a_source_that_is_no_file_and_a_folder_that_cannot_be_are_bad_input(
    settings: Callable[..., DemoSettings], tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=r"no\.ogg is no file"):
        run_demo(settings(source=tmp_path / "no.ogg"))
    with pytest.raises(BadInputError, match="choose another --output-dir"):
        run_demo(settings(output_dir=tmp_path / "source.wav" / "out"))


def test_what_was_found_is_shown_and_written_and_is_the_exit_code(
    settings: Callable[..., DemoSettings], play: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings()
    play()
    assert run_demo(chosen) == 0
    out = capsys.readouterr().out
    assert "listener-01" in out
    assert "OK: 0 relays killed" in out
    path = chosen.output_dir / "report.json"
    assert "".join(str(path).split()) in "".join(out.split())
    assert json.loads(path.read_text())["ok"] is True
    play(missing_chunks=3)
    assert run_demo(chosen) == 1
    assert "NOT OK" in capsys.readouterr().out
    assert json.loads(path.read_text())["ok"] is False


def test_a_report_goes_where_it_is_wanted(
    settings: Callable[..., DemoSettings], play: Callable[..., None], tmp_path: Path
) -> None:
    play()
    chosen = settings(report=tmp_path / "r.json")
    assert run_demo(chosen) == 0
    assert (tmp_path / "r.json").exists()
    assert list(chosen.output_dir.iterdir()) == []


def test_an_interrupt_ends_it_with_a_code_of_its_own_and_without_a_report(
    settings: Callable[..., DemoSettings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wait(_: DemoSettings) -> dict[str, Any]:
        await wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGINT)
        await trio.sleep_forever()

    monkeypatch.setattr("meshcast.demo.run._play", wait)
    chosen = settings()
    assert run_demo(chosen) == 130
    assert capsys.readouterr().err == "meshcast: interrupted; all processes have been ended\n"
    assert list(chosen.output_dir.iterdir()) == []
