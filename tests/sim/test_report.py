import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.measures import Measures, Sample, Spread
from sim.report import DELAYS, NEEDED, Cost, read_report, repairs_of, report_of, write_report
from sim.scenario import Scenario, Wave

SCENARIO = Scenario("some", waves=(Wave(3),))


@pytest.fixture
def measured() -> Measures:
    """Figures that are all different."""
    sample = Sample(
        SECOND, 5, 2, 1, 4, 3, 110_000, 390_000, 60_500, 160_000, 7, 10, 2, 3, 4, 6, (4, 3, 2, 1), 5 * SECOND
    )
    return Measures(
        simulated_us=61_500_000,
        events=100,
        peers_peak=40,
        joins=50,
        leaves=6,
        crashes=7,
        repairs=9,
        repairs_without_tracker=8,
        moves=11,
        due_us=1_000 * SECOND,
        missing_us=[4_000, 3_000, 2_000, 1_000],
        gapped=[10, 5, 1, 0],
        heard=20,
        delay_us=Spread(120_000.6, 400_000.0, 500_000.0),
        unicast_us=Spread(60_000.0, 160_000.0, 170_000.0),
        wait_us=Spread(0.5e6, 1.25e6, 3e6),
        depth=Spread(3, 5, 6),
        depth_least=4,
        origin_copies_median=8,
        origin_copies_peak=12,
        emergency_copies_peak=5,
        join_us=11.5,
        leave_us=9.25,
        bytes_per_peer=321.0,
        repair_us=[120_000, 340_000, 360_000],
        samples=[sample, replace(sample, at_us=2 * SECOND)],
        violations=["I1: a loop"],
        digest="abc",
    )


@pytest.fixture
def make(measured: Measures) -> Callable[..., dict[str, Any]]:
    """Make the report of these figures."""
    return lambda: report_of(SCENARIO, 7, measured, Cost(12.3456, 2**30), "meshcast-sim run some --seed 7")


def test_a_report_says_every_figure_under_its_name(make: Callable[..., dict[str, Any]]) -> None:
    report = make()
    expected = {
        "scenario": "some", "seed": 7, "fidelity": "packets", "peers_peak": 40, "simulated_s": 61.5, "wall_s": 12.346,
        "peak_rss_bytes": 2**30, "events": 100, "joins": 50, "leaves": 6, "crashes": 7, "repairs": 9,
        "repairs_without_tracker": 8, "missing_ppm": {"0.5": 4.0, "1": 3.0, "2": 2.0, "4": 1.0},
        "gap_share": {"0.5": 0.5, "1": 0.25, "2": 0.05, "4": 0.0}, "delay_ms": {"p50": 120.001, "p99": 400.0},
        "unicast_ms": {"p50": 60.0, "p99": 160.0}, "wait_s": {"p50": 0.5, "p99": 1.25, "max": 3.0},
        "depth": {"max": 6, "p99": 5, "least_possible": 4}, "origin_copies": {"median": 8, "peak": 12},
        "tracker": {"us_per_join": 11.5, "us_per_leave": 9.25, "bytes_per_peer": 321.0}, "violations": ["I1: a loop"],
        "digest": "abc",
    }  # fmt: skip
    assert {name: report[name] for name in expected} == expected
    assert set(expected) == set(NEEDED)
    assert (report["version"], report["moves"], report["emergency_copies_peak"]) == (1, 11, 5)
    assert report["settings"]["waves"] == [{"peers": 3, "at_s": 0, "over_s": 60}]


def test_series_have_a_number_for_each_sample(make: Callable[..., dict[str, Any]]) -> None:
    samples = make()["samples"]
    assert samples["at_s"] == [1.0, 2.0]
    assert samples["unicast_p50_ms"] == [60.5, 60.5]
    assert list(samples["missing_s"]) == list(DELAYS)
    assert {len(one) for name, one in samples.items() if name != "missing_s"} == {2}


def test_repairs_are_counted_in_steps_and_summed_up() -> None:
    found = repairs_of([at * MILLISECOND for at in (10, 40, 60, 149, 5_000)])
    assert found["counts"][:4] == [2, 1, 1, 0]
    assert found["beyond"] == 1
    assert (found["p50"], found["p99"], found["max"]) == (60.0, 5000.0, 5000.0)
    assert sum(repairs_of([])["counts"]) == repairs_of([])["p99"] == 0


def test_a_report_is_read_as_it_was_written_from_its_folder_too(
    make: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    report = make()
    write_report(report, tmp_path / "deep" / "report.json")
    assert read_report(tmp_path / "deep") == read_report(tmp_path / "deep" / "report.json") == report
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_told(make: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=r"cannot be written: .*; choose another --out"):
        write_report(make(), tmp_path / "file" / "report.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n"scenario": ', "line 2: this is not JSON; expected a report that meshcast-sim run wrote"),
        ("[]", 'line 1: this is no report, for it has no "scenario"'),
        (json.dumps({"scenario": "x"}), 'line 1: this is no report, for it has no "seed"'),
    ],
)
def test_what_is_no_report_is_told_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_report(tmp_path)
    assert said in str(caught.value)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_report(tmp_path / "none.json")
