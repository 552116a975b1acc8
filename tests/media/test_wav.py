import os
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from meshcast.media.decoding import read_all
from meshcast.media.sound import PcmFloat
from meshcast.media.wav import LENGTH_MAX, WavSink, header
from meshcast.protocol.errors import BadInputError


def tone(samples: int) -> PcmFloat:
    return np.repeat(0.5 * np.sin(np.arange(samples) / 20)[:, None], 2, axis=1).astype(np.float32)


def seconds_in(path: Path) -> float:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48_000)
        return len(file.readframes(file.getnframes())) / 4 / 48_000


def test_what_is_written_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "listen.wav"
    with WavSink(path) as sink:
        sink.write(tone(48_000))
        sink.write(tone(960))
    assert seconds_in(path) == pytest.approx(1.02)
    assert np.abs(read_all(path)[:48_000] / 32_767 - tone(48_000)).max() < 1e-4


def test_an_empty_recording_is_a_valid_file(tmp_path: Path) -> None:
    WavSink(tmp_path / "empty.wav").close()
    assert seconds_in(tmp_path / "empty.wav") == 0


def test_a_recording_is_overwritten_and_closing_twice_is_closing_once(tmp_path: Path) -> None:
    path = tmp_path / "listen.wav"
    path.write_bytes(bytes(1_000_000))
    sink = WavSink(path)
    sink.write(tone(960))
    sink.close()
    sink.close()
    assert seconds_in(path) == pytest.approx(0.02)


def test_a_killed_process_leaves_a_readable_file_that_lacks_a_second_at_most(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    code = (
        "import os, signal, sys; import numpy as np; from pathlib import Path\n"
        "from meshcast.media.wav import WavSink\n"
        "sink = WavSink(Path(sys.argv[1]))\n"
        "for _ in range(175): sink.write(np.full((960, 2), 0.1, np.float32))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert 2.5 <= seconds_in(path) <= 3.5


def test_while_recording_the_file_is_readable_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "live.wav"
    with WavSink(path) as sink:
        for number in range(1, 200):
            sink.write(tone(960))
            assert number * 0.02 - 1.0 <= seconds_in(path) <= number * 0.02


@contextmanager
def room_for(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_keeps_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "full.wav"
    with room_for(500_000):
        sink = WavSink(path)
        sink.write(tone(120_000))
        with pytest.raises(BadInputError, match=r"^no room left to record into .*; free some space"):
            sink.write(tone(48_000))
        sink.close()
    assert seconds_in(path) >= 2.5


def test_a_full_disk_is_said_at_once(tmp_path: Path) -> None:
    link = tmp_path / "full.wav"
    link.symlink_to("/dev/full")
    with pytest.raises(BadInputError, match="no room left"):
        WavSink(link)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere/listen.wav", "there is no directory .*nowhere to record into; make it"),
        ("file/listen.wav", "there is no directory"),
        ("directory.wav", "is a directory; name a file to record into, like .*listen.wav"),
        ("pipe.wav", "is not an ordinary file; name another"),
        ("x" * 300 + ".wav", r"cannot record into .*too long"),
    ],
)
def test_where_no_file_can_be_one_line_says_why(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(BadInputError, match=says) as caught:
        WavSink(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_writing_is_not_allowed_one_line_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BadInputError, match="not allowed to write"):
        WavSink(tmp_path / "listen.wav")


def test_beyond_the_greatest_length_the_header_stays_at_it() -> None:
    assert header(LENGTH_MAX)[4:8] == (LENGTH_MAX - 8).to_bytes(4, "little")
    assert len(header(0)) == 44
