"""The demo's processes: real ones, watched through what they write, and none of them left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from meshcast.demo.crew import Crew, Member, _take, open_crew

PATIENCE_S = 60


def tracker(data: Path) -> list[str]:
    """Say how a real process of the demo is started: a tracker on a port that nobody else has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{one.getsockname()[1]}"
    return ["tracker", "serve", "--listen", place, "--data", str(data)]


def is_there(process_id: int) -> bool:
    """Tell whether a process of this id runs."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


# ---- what a process writes


@pytest.fixture
def quiet() -> Member:
    """A member whose process has nothing to say."""
    process: trio.Process = None  # type: ignore[assignment]
    return Member("quiet", process)


async def test_a_line_of_json_is_what_it_is_now_and_any_other_is_kept(quiet: Member) -> None:
    assert (quiet.key, quiet.children) == (None, [])
    for line in (b"ready", b'{"key": "k", "children": ["a"]}', b"\xff", b'{"key": "k", "children": []}'):
        _take(quiet, line)
    assert quiet.heard.is_set()
    assert quiet.said == ["ready", "\N{REPLACEMENT CHARACTER}"]
    assert (quiet.key, quiet.children) == ("k", [])


# ---- real processes


async def test_a_process_is_heard_is_killed_without_a_word_and_comes_back(tmp_path: Path) -> None:
    arguments = tracker(tmp_path / "data")
    with trio.fail_after(PATIENCE_S):
        async with open_crew(tmp_path) as crew:
            first = await crew.start("tracker", arguments)
            await first.heard.wait()
            assert first.is_alive
            first.kill()
            await first.process.wait()
            assert first.was_killed
            assert first.process.returncode == -signal.SIGKILL
            second = await crew.start("tracker", arguments)
            await second.heard.wait()
            assert second.said == first.said, "the same key at the same place"
    assert second.process.returncode == 0, "asked to go when the block ended, and not killed"
    assert not second.was_killed
    assert [is_there(one.process.pid) for one in crew.members] == [False, False]


async def test_a_process_that_does_not_go_when_asked_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshcast.demo.crew.GO_S", 0.1)
    with trio.fail_after(PATIENCE_S):
        async with open_crew(tmp_path) as crew:
            frozen = await crew.start("tracker", tracker(tmp_path / "data"))
            await frozen.heard.wait()
            frozen.process.send_signal(signal.SIGSTOP)
            await crew.dismiss([frozen])
            assert frozen.process.returncode == -signal.SIGKILL


async def test_a_process_that_fails_is_told_of_by_the_last_line_of_its_log(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        async with open_crew(tmp_path) as crew:
            failing = await crew.start("tracker", ["tracker", "serve", "--listen", "nowhere:0"])
            assert await failing.process.wait() == 1
            assert "nowhere:0" in crew.last_words(failing)
            (tmp_path / "silent.log").write_text("\n")
            assert crew.last_words(Member("silent", failing.process)) == "it said nothing"


async def test_whatever_goes_wrong_in_the_block_nobody_is_left(tmp_path: Path) -> None:
    started: list[Member] = []

    async def fail() -> None:
        async with open_crew(tmp_path) as crew:
            started.append(await crew.start("tracker", tracker(tmp_path / "data")))
            await started[0].heard.wait()
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(PATIENCE_S):
        await fail()
    assert caught.group_contains(ZeroDivisionError)
    assert not is_there(started[0].process.pid)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="another's child is waited for as Linux does it")
def test_a_director_that_is_killed_leaves_nobody(tmp_path: Path) -> None:
    program = f"""
import trio
from pathlib import Path
from meshcast.demo.crew import open_crew

async def main():
    async with open_crew(Path({str(tmp_path)!r})) as crew:
        one = await crew.start("tracker", {tracker(tmp_path / "data")!r})
        await one.heard.wait()
        print(one.process.pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as director:
        assert director.stdout is not None
        process_id = int(director.stdout.readline())
        child = os.pidfd_open(process_id)
        director.kill()
        director.wait(PATIENCE_S)
    has_ended = trio.run(ends_within, child, PATIENCE_S)
    if not has_ended:
        signal.pidfd_send_signal(child, signal.SIGKILL)
    os.close(child)
    assert has_ended


async def ends_within(descriptor: int, patience_s: float) -> bool:
    """Wait for the end of a process by its descriptor."""
    with trio.move_on_after(patience_s) as scope:
        await trio.lowlevel.wait_readable(descriptor)
    return not scope.cancelled_caught


async def test_ctrl_c_is_for_the_director_alone(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            crew = Crew(nursery, tmp_path)
            one = await crew.start("tracker", tracker(tmp_path / "data"))
            await one.heard.wait()
            assert os.getpgid(one.process.pid) == one.process.pid != os.getpgid(0)
            await crew.dismiss([one])
    assert one.process.returncode == 0
