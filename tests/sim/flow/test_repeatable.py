"""One seed, one run: in every process, by the command that people use, and without a broken promise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main

SAY_DIGEST = """
from sim.flow.flow import Flow
from sim.scenario_file import read_scenario
scenario = read_scenario("mass-crash", ("sessions.law=log-normal", "sessions.median_s=30", "waves.0.over_s=20",
    "faults.0.at_s=40", "duration_s=60"), 300)
flow = Flow(scenario, 7)
flow.run_until(scenario.duration_us)
print(flow.digest(), flow.events, flow.measures())
"""


def said(hash_seed: str) -> str:
    """Run a crowd with churn and a crash in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SAY_DIGEST],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_two_processes_with_different_hash_seeds_find_the_same() -> None:
    one, other = said("1"), said("4242")
    assert one == other
    assert one


@pytest.mark.parametrize(("scenario", "peers"), [("flash-crowd", 3_000), ("mass-crash", 2_000)])
def test_small_crowds_of_the_shipped_scenarios_break_no_promise(
    scenario: str, peers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", scenario, "--peers", str(peers), "--out", "here", "--json"]
    found = CliRunner().invoke(main, words, prog_name="meshcast-sim")
    assert found.exit_code == 0, found.stderr
    report = json.loads((tmp_path / "here/report.json").read_text())
    assert report["fidelity"] == "flow"
    assert report["violations"] == []
    assert report["joins"] >= peers
    assert report["missing_ppm"]["2"] == 0
    assert report["depth"]["max"] <= report["depth"]["least_possible"] + 3
    assert (tmp_path / "here/report.html").stat().st_size > 10_000
