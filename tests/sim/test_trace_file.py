import json
from pathlib import Path

import pytest

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import SECOND
from sim.playing import play, replay
from sim.rehearsals import rehearsal_of
from sim.scenario import Scenario, Wave
from sim.trace_file import Trace, TraceWriter, read_trace

SCENARIO = Scenario("some", duration_us=20 * SECOND, waves=(Wave(200, 0, 5 * SECOND),))


@pytest.fixture
def traced(mood: object, tmp_path: Path) -> Path:
    """The trace of a run."""
    path, run = tmp_path / "some.trace", rehearsal_of(SCENARIO, 3)
    with TraceWriter(path, SCENARIO, 3) as writer:
        play(run, SCENARIO, writer.follow, lambda: False)
        writer.end(run)
    return path


def again(path: Path) -> tuple[Trace, int]:
    """Replay a trace, and give it with the count of digests that agreed."""
    trace = read_trace(path)
    found = replay(trace, lambda _: None, lambda: False)
    assert found.departed is None
    return trace, found.marks


def test_a_trace_says_how_to_run_it_again_and_what_was_on_the_way(traced: Path) -> None:
    trace = read_trace(traced)
    assert (trace.scenario, trace.seed, trace.broken) == (SCENARIO, 3, "")
    assert len(trace.marks) > 20
    assert trace.marks[-1].is_end
    assert trace.marks[-1].at_us == 20 * SECOND


def test_a_replay_is_the_same_run_to_its_end(traced: Path) -> None:
    trace, agreed = again(traced)
    assert agreed == len(trace.marks)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
def test_a_truncated_trace_is_replayed_up_to_where_it_breaks(traced: Path, kept: float) -> None:
    text = traced.read_text()
    whole = len(read_trace(traced).marks)
    traced.write_text(text[: int(kept * len(text))])
    trace, agreed = again(traced)
    assert agreed == len(trace.marks)
    assert 0 < agreed < whole
    assert f"{traced}, line {agreed + 2}: this is no mark" in trace.broken


def test_a_trace_cut_between_two_lines_says_so(traced: Path) -> None:
    lines = traced.read_text().splitlines(keepends=True)
    traced.write_text("".join(lines[:5]))
    trace, agreed = again(traced)
    assert agreed == 4
    assert trace.broken == f"{traced}, line 5: the trace ends without its last mark"


def test_a_run_that_departs_from_its_trace_is_found_where_it_does(traced: Path) -> None:
    lines = traced.read_text().splitlines()
    mark = json.loads(lines[7])
    lines[7] = json.dumps(mark | {"digest": "0"})
    traced.write_text("\n".join(lines))
    found = replay(read_trace(traced), lambda _: None, lambda: False)
    assert found.departed is not None
    assert found.departed.at_us == mark["at_us"]
    assert found.upto_us == json.loads(lines[6])["at_us"]
    assert found.marks == 6


def test_a_replay_can_be_interrupted(traced: Path) -> None:
    assert replay(read_trace(traced), lambda _: None, lambda: True).is_cut_short


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: this is no trace; expected {"),
        ("hello", "line 1: this is no trace"),
        ('{"seed": 1}', "line 1: this is no trace"),
        ('{"meshcast_trace": 9}', "line 1: a trace of version 9; expected version 1"),
        ('{"meshcast_trace": 1, "seed": true, "scenario": {}}', "line 1: the header is not whole"),
        ('{"meshcast_trace": 1, "seed": 1}', "line 1: the header is not whole"),
        ('{"meshcast_trace": 1, "seed": 1, "scenario": {"name": "x", "relais": 1}}', 'no key "relais"; did you mean "relays"'),
    ],
)  # fmt: skip
def test_what_is_no_trace_is_told_with_file_line_and_what_was_expected(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.trace"
    path.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_trace(path)
    assert str(caught.value).startswith(f"{path}, line 1: ")
    assert said in str(caught.value)


def test_a_trace_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"cannot be written: .*; choose another --trace"):
        TraceWriter(tmp_path / "none" / "x.trace", SCENARIO, 1)
