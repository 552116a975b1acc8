"""The verdict: `ok` only if every survivor heard everything, by its own count and by its recording."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from meshcast.demo.director import REPORTED
from meshcast.demo.verdict import Facts, compare_recordings, make_report, table, verdict
from meshcast.media.sinks import open_sink
from meshcast.media.timeline import Timeline, compare

FACTS = Facts(
    bitrate_bps=64_000,
    chunk_ms=100,
    copies_sent=2.5,
    copies_sent_in_emergencies=0.1,
    children_peak=3,
    children_peak_in_emergencies=4,
    emergencies=2,
    kills=1,
    killed_with_children=1,
    tracker_outages=1,
)


@pytest.fixture(scope="module")
def sound() -> Any:
    return np.random.default_rng(3).standard_normal(48_000 * 4).astype(np.float32) * 0.1


@pytest.fixture(scope="module")
def whole(sound: Any) -> Timeline:
    return compare(sound, sound)


def listener(name: str = "listener-01", **changes: Any) -> dict[str, Any]:
    heard = {
        "name": name,
        "survived": True,
        "join_ms": 50.0,
        "first_sound_ms": 120.0,
        "heard_ratio": 1.0,
        "missing_chunks": 0,
        "concealed_chunks": 0,
        "longest_gap_ms": 0,
        "delay_ms": {"p50": 1010.0, "p99": 1020.0},
        "rank": 3,
        "repairs_ms": [305.0],
        "forged_chunks_played": 0,
        "wav": f"{name}.wav",
    }
    return heard | changes


def test_who_heard_everything_makes_it_ok(whole: Timeline) -> None:
    report = make_report(FACTS, [listener()], {"listener-01.wav": whole})
    assert report["ok"]
    assert report["listeners"][0]["found_share"] == 1.0
    assert report["listeners"][0]["jumps"] == 0
    assert verdict(report).startswith("OK: 1 relays killed")


@pytest.mark.parametrize(
    "flaw",
    [{"heard_ratio": 0.99}, {"missing_chunks": 1}, {"longest_gap_ms": 100}, {"forged_chunks_played": 1}],
)
def test_one_survivor_who_missed_anything_is_not_ok(whole: Timeline, flaw: dict[str, Any]) -> None:
    heard = {"listener-01.wav": whole, "listener-02.wav": whole}
    report = make_report(FACTS, [listener(), listener("listener-02", **flaw)], heard)
    assert not report["ok"]
    assert verdict(report).startswith("NOT OK")


def test_a_recording_with_a_hole_or_a_jump_is_not_ok_whatever_its_listener_counted(sound: Any) -> None:
    hole = sound.copy()
    hole[96_000:120_000] = 0
    skipped = np.concatenate([sound[:96_000], sound[120_000:]])
    for recording in (hole, skipped):
        assert not make_report(FACTS, [listener()], {"listener-01.wav": compare(sound, recording)})["ok"]


def test_the_killed_are_listed_and_not_judged(whole: Timeline) -> None:
    killed = listener("listener-02", survived=False, heard_ratio=0.5)
    report = make_report(FACTS, [listener(), killed], {"listener-01.wav": whole})
    assert report["ok"]
    assert report["listeners"][1]["found_share"] is None


def test_without_any_survivor_nothing_is_ok() -> None:
    assert not make_report(FACTS, [listener(survived=False)], {})["ok"]


def test_the_table_names_everybody_and_fits_eighty_columns(whole: Timeline) -> None:
    rows = [listener(f"listener-{n:02}", repairs_ms=[304.0, 305.0, 306.0]) for n in range(1, 4)]
    rows.append(listener("listener-04", survived=False))
    report = make_report(FACTS, rows, {f"listener-{n:02}.wav": whole for n in range(1, 4)})
    console = Console(width=80)
    with console.capture() as shown:
        console.print(table(report))
    text = shown.get()
    assert all(row["name"] in text for row in rows)
    assert all(repair in text for repair in ("304", "305", "306"))
    assert "…" not in text


def test_every_field_is_documented_and_every_documented_field_is_there(demo_page: str) -> None:
    report = make_report(FACTS, [listener()], {})
    tables = [part for part in re.split(r"(?m)^\|[-|]+\|$", demo_page) if "\n| `" in part]
    fields, compared = (re.findall(r"(?m)^\|([^|]*)\|", table) for table in tables)
    assert list(report) == re.findall(r"`(\w+)`", "".join(fields))
    sentence = demo_page.split("Each listener has", 1)[1].split("For one that was killed", 1)[0]
    own = re.findall(r"`(\w+)`", sentence)
    assert set(report["listeners"][0]) == {*own, *re.findall(r"`(\w+)`", "".join(compared))}
    assert set(REPORTED) < set(own)


def test_recordings_are_found_in_the_source_by_their_names(sound: Any, tmp_path: Path) -> None:
    for name, heard in (("source", sound), ("whole", sound[48_000:])):
        with open_sink(str(tmp_path / f"{name}.wav")) as sink:
            sink.write(np.stack([heard, heard], axis=1))
    wav = tmp_path / "whole.wav"
    (found,) = compare_recordings(tmp_path / "source.wav", [wav]).items()
    assert found[0] == str(wav)
    assert (found[1].found_share, found[1].jumps) == (1.0, ())


def test_what_never_happened_is_a_dash() -> None:
    silent = listener(
        first_sound_ms=None, delay_ms={"p50": None, "p99": None}, repairs_ms=[], heard_ratio=0.0
    )
    console = Console(width=80)
    with console.capture() as shown:
        console.print(table(make_report(FACTS, [silent], {})))
    (line,) = (line for line in shown.get().splitlines() if "listener-01" in line)
    assert line.split() == ["listener-01", "-", "0.0%", "0", "-", "-", "3", "none", "-"]


def test_a_tracker_that_was_left_alone_is_not_mentioned() -> None:
    report = make_report(FACTS, [listener()], {}) | {"tracker_outages": 0}
    assert "tracker" not in verdict(report)
