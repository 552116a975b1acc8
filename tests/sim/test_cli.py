import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from meshcast.protocol.units import SECOND
from sim.scenario_file import shipped

Command = Callable[..., Result]
SHORT = ("--set", "duration_s=12")


def report_in(folder: Path) -> dict[str, Any]:
    """Read what a run wrote."""
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def steady(report: dict[str, Any]) -> dict[str, Any]:
    """Give what may not differ between two runs of one seed."""
    return {
        name: value for name, value in report.items() if name not in {"wall_s", "peak_rss_bytes", "tracker"}
    }


# ---- list


def test_list_names_every_scenario_with_its_size_and_what_it_shows(meshcast_sim: Command) -> None:
    found = meshcast_sim("list")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == shipped()
    assert "8,000,000" in lines[1]
    assert "flow" in lines[1]
    assert "Eight million listeners come" in lines[1]
    assert [row["name"] for row in json.loads(meshcast_sim("list", "--json").stdout)] == shipped()


def test_the_simulator_is_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sim", "list"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "tracker-outage" in done.stdout


# ---- run


def test_run_shows_a_table_and_writes_a_report_and_a_page(meshcast_sim: Command, tmp_path: Path) -> None:
    found = meshcast_sim("run", "smoke", "--seed", 5, *SHORT, "--out", "here")
    assert found.exit_code == 0
    assert "smoke, seed 5, packets fidelity" in found.stdout
    assert "missing at 1 s, ppm" in found.stdout
    assert "here/report.html" in found.stderr
    assert report_in(tmp_path / "here")["seed"] == 5
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["report.html", "report.json"]


def test_reports_go_to_a_folder_of_their_own_if_nothing_is_said(
    meshcast_sim: Command, tmp_path: Path
) -> None:
    assert meshcast_sim("run", "smoke", *SHORT).exit_code == 0
    assert report_in(tmp_path / "sim-output" / "smoke-1")["scenario"] == "smoke"


def test_two_runs_of_one_seed_differ_only_in_what_they_cost(meshcast_sim: Command, tmp_path: Path) -> None:
    for name in ("one", "other"):
        meshcast_sim("run", "smoke", *SHORT, "--out", name)
    assert steady(report_in(tmp_path / "one")) == steady(report_in(tmp_path / "other"))


def test_run_says_its_report_as_json(meshcast_sim: Command, tmp_path: Path) -> None:
    found = meshcast_sim("run", "smoke", *SHORT, "--json", "--out", "here")
    assert json.loads(found.stdout) == report_in(tmp_path / "here")


def test_options_are_laid_over_the_scenario(meshcast_sim: Command, tmp_path: Path) -> None:
    words = (
        "--peers",
        30,
        "--fidelity",
        "flow",
        "--set",
        "sessions.median_s=7",
        "--set",
        "faults.0.share=0.5",
    )
    assert meshcast_sim("run", "smoke", *SHORT, *words, "--out", "here").exit_code == 0
    report = report_in(tmp_path / "here")
    assert report["fidelity"] == "flow"
    assert report["settings"]["waves"][0]["peers"] == 30
    assert report["settings"]["sessions"]["median_s"] == 7
    assert report["settings"]["faults"][0]["share"] == 0.5


def test_a_report_says_the_command_that_runs_it_again(meshcast_sim: Command, tmp_path: Path) -> None:
    meshcast_sim("run", "smoke", "--seed", 4, *SHORT, "--peers", 30, "--fidelity", "flow", "--out", "one")
    command = report_in(tmp_path / "one")["command"]
    assert command == "meshcast-sim run smoke --seed 4 --peers 30 --set duration_s=12 --set fidelity=flow"
    meshcast_sim(*command.split()[1:], "--out", "other")
    assert steady(report_in(tmp_path / "one")) == steady(report_in(tmp_path / "other"))


def test_a_run_tells_how_far_it_is_where_there_is_no_terminal(meshcast_sim: Command) -> None:
    lines = meshcast_sim("run", "smoke", *SHORT).stderr.splitlines()
    assert "smoke 1: 6.0 of 12 s, " in "\n".join(lines)
    assert 5 <= sum(" peers, " in line and line.endswith("events/s") for line in lines) <= 10


def test_who_runs_a_crowd_on_plain_modules_is_told_how_it_takes_less(
    meshcast_sim: Command, tmp_path: Path
) -> None:
    short = ("--set", "duration_s=1")
    large = meshcast_sim("run", "flash-crowd", "--peers", 200_000, *short, "--out", "large")
    is_compiled = report_in(tmp_path / "large")["is_compiled"]
    assert ("A rehearsal" in large.stderr) != is_compiled
    assert "A rehearsal" not in meshcast_sim("run", "smoke", *SHORT).stderr


def test_a_broken_promise_is_told_with_the_command_that_shows_it_again(
    meshcast_sim: Command, mood: Any, tmp_path: Path
) -> None:
    mood.violations = ["I1: a loop of three (at 5 s)", "I3: too many"]
    found = meshcast_sim("run", "smoke", "--seed", 9, *SHORT, "--out", "here")
    assert found.exit_code == 1
    assert "broken promise: I1: a loop of three (at 5 s)\n" in found.stderr
    assert "broken promise: I3: too many\n" in found.stderr
    assert "to see it again: meshcast-sim run smoke --seed 9 --set duration_s=12\n" in found.stderr
    assert report_in(tmp_path / "here")["violations"] == mood.violations


def test_ctrl_c_writes_what_there_is(meshcast_sim: Command, mood: Any, tmp_path: Path) -> None:
    mood.interrupts_at = 5 * SECOND
    found = meshcast_sim("run", "smoke", *SHORT, "--out", "here", "--trace", "cut.trace")
    assert found.exit_code == 130
    assert "interrupted at 5 s of simulated time; the reports say what there was until then" in found.stderr
    assert "cut short" in found.stdout
    report = report_in(tmp_path / "here")
    assert (report["is_cut_short"], report["simulated_s"]) == (True, 5.0)
    assert "cut short" in (tmp_path / "here" / "report.html").read_text()
    mood.interrupts_at = None
    assert meshcast_sim("replay", "cut.trace").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "smoky"), "there is no scenario smoky"),
        (("run", "smoke", "--set", "relais=3"), '--set relais=3: a scenario has no key "relais"; did you mean "relays"?'),
        (("run", "smoke", "--set", "relays=-3"), "--set relays=-3: relays is -3; expected a whole number from 0"),
        (("run", "smoke", "--peers", "1000000"), "--peers 1000000: 1,000,000 peers in packets fidelity"),
        (("run", "smoke", "--out", "file/here"), "file/here cannot be made: Not a directory; choose another --out"),
        (("run", "smoke", "--trace", "none/x.trace"), "the trace none/x.trace cannot be written"),
        (("sweep", "smoke", "--over", "relays"), "--over relays: expected key=a,b,c"),
        (("sweep", "smoke", "--over", "relays=1,-1"), "--set relays=-1: relays is -1; expected"),
        (("replay", "none"), "none cannot be read"),
        (("compare", "none", "none"), "none cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_an_exit_code(
    meshcast_sim: Command, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "file").write_text("")
    found = meshcast_sim(*words)
    assert found.exit_code == 1
    assert found.stderr.startswith(f"meshcast-sim: {said}")
    assert found.stderr.count("\n") == 1
    assert found.stdout == ""
    assert not (tmp_path / "sim-output").exists()


# ---- replay


def test_replay_tells_that_a_run_is_the_same_to_its_end(meshcast_sim: Command) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--trace", "smoke.trace")
    found = meshcast_sim("replay", "smoke.trace")
    assert found.exit_code == 0
    assert found.stdout == "smoke, seed 1: the same run up to 12.000000 s, to its end (4 digests)\n"


def test_replay_tells_at_which_simulated_time_a_run_departs(meshcast_sim: Command, mood: Any) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--trace", "smoke.trace")
    mood.flaw = 1
    found = meshcast_sim("replay", "smoke.trace")
    assert found.exit_code == 1
    assert "the run departs from its trace between " in found.stderr
    since, until = marks(found.stderr)
    assert since < 10 <= until


def marks(said: str) -> tuple[float, float]:
    """Read the two times of a departure."""
    words = said[said.index("between") :].split()
    return float(words[1]), float(words[4])


def test_replay_of_a_truncated_trace_says_where_it_breaks(meshcast_sim: Command, tmp_path: Path) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--trace", "smoke.trace")
    path = tmp_path / "smoke.trace"
    path.write_text(path.read_text()[:-30])
    found = meshcast_sim("replay", "smoke.trace")
    assert found.exit_code == 0
    assert "smoke.trace, line 5: this is no mark; expected " in found.stderr
    assert "it is replayed up to there" in found.stderr
    assert "the same run up to " in found.stdout
    assert "to its end" not in found.stdout


def test_replay_of_a_header_alone_has_nothing_to_compare(meshcast_sim: Command, tmp_path: Path) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--trace", "smoke.trace")
    path = tmp_path / "smoke.trace"
    path.write_text(path.read_text().splitlines()[0])
    found = meshcast_sim("replay", "smoke.trace")
    assert found.exit_code == 1
    assert "there is no mark to compare with" in found.stderr


# ---- sweep


def test_sweep_has_a_row_for_each_value_and_a_report_for_each_run(
    meshcast_sim: Command, tmp_path: Path
) -> None:
    found = meshcast_sim(
        "sweep", "smoke", "--over", "waves.0.peers=20,40", "--seeds", 2, *SHORT, "--out", "s"
    )
    assert found.exit_code == 0
    assert "over waves.0.peers" in found.stdout
    rows = [line.split("│")[1].strip() for line in found.stdout.splitlines() if line.startswith("│")]
    assert rows == ["20", "40"]
    reports = sorted(str(path.parent.relative_to(tmp_path / "s")) for path in tmp_path.rglob("report.json"))
    assert reports == [f"waves.0.peers={value}/seed-{seed}" for value in (20, 40) for seed in (1, 2)]
    report = report_in(tmp_path / "s" / "waves.0.peers=40" / "seed-2")
    assert (report["peers_peak"], report["seed"]) == (40, 2)


def test_sweep_takes_lists_in_brackets(meshcast_sim: Command) -> None:
    found = meshcast_sim("sweep", "smoke", "--over", "crowd.shares=[1,0,0],[0.5,0.5,0]", *SHORT, "--json")
    reports = json.loads(found.stdout)
    assert list(reports) == ["[1,0,0]", "[0.5,0.5,0]"]
    assert reports["[1,0,0]"][0]["settings"]["crowd"]["shares"] == [1, 0, 0]


def test_sweep_ends_at_ctrl_c_with_the_rows_that_there_are(meshcast_sim: Command, mood: Any) -> None:
    mood.interrupts_at = 5 * SECOND
    found = meshcast_sim("sweep", "smoke", "--over", "relays=1,2,3", *SHORT)
    assert found.exit_code == 130
    rows = [line.split("│")[1].strip() for line in found.stdout.splitlines() if line.startswith("│")]
    assert rows == ["1"]


# ---- compare


def test_compare_shows_both_and_the_ratio_and_in_what_they_differ(meshcast_sim: Command) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--out", "a")
    meshcast_sim(
        "run", "smoke", *SHORT, "--seed", 2, "--set", "faults.0.share=0.4", "--peers", 120, "--out", "b"
    )
    found = meshcast_sim("compare", "a", "b/report.json")
    assert found.exit_code == 0
    (row,) = [line.split("│")[1:5] for line in found.stdout.splitlines() if "peers at the peak" in line]
    assert [cell.strip() for cell in row] == ["peers at the peak", "60", "120", "2"]
    assert found.stdout.splitlines()[-4:] == [
        "These two were not asked for the same:",
        "  seed: A has 1, B has 2",
        "  waves.0.peers: A has 60, B has 120",
        "  faults.0.share: A has 0.2, B has 0.4",
    ]


def test_compare_tells_the_same_run_from_other_code(meshcast_sim: Command, mood: Any) -> None:
    meshcast_sim("run", "smoke", *SHORT, "--out", "a")
    meshcast_sim("run", "smoke", *SHORT, "--out", "b")
    assert "seed and digest: the same run." in meshcast_sim("compare", "a", "b").stdout
    mood.flaw = 1
    meshcast_sim("run", "smoke", *SHORT, "--out", "b")
    assert "another digest: the code has changed" in meshcast_sim("compare", "a", "b").stdout
