"""Bad input: one line that says what to do, an exit code that is not 0, and nothing lost."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshcast.media.sinks import open_sink
from meshcast.protocol.link import key_to_text

Command = Callable[..., Any]
QUIET = ("--status", "none")


def complains(ran: Any, *words: str) -> None:
    """Check that a command failed with one line that has these words in it."""
    assert ran.code not in {0, None}, ran
    assert len(ran.lines) == 1, ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.lines[0], ran.lines[0]


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


@pytest.mark.parametrize(
    "text", ["", "http://example.org", "meshcast://host/short?pin=x", "meshcast:///?pin="]
)
def test_a_malformed_link(meshcast: Command, text: str) -> None:
    complains(meshcast("listen", text, "--output", "null", *QUIET), "meshcast://")


@pytest.mark.parametrize(
    "words", [("meshcast", "listen", "x", "--output", "null"), ("tracker", "serve", "--listen", "nowhere:0")]
)
def test_a_freshly_started_interpreter_says_and_does_the_same(
    meshcast: Command, fresh_meshcast: Command, words: tuple[str, ...]
) -> None:
    module, *arguments = words
    ran = fresh_meshcast(*arguments, module=module)
    complains(ran)
    assert ran == meshcast(*arguments, module=module)


def test_a_wrong_pin(meshcast: Command, link: str) -> None:
    wrong = link.rpartition("=")[0] + "=" + key_to_text(bytes(range(32)))
    complains(meshcast("listen", wrong, "--output", "null", *QUIET), "pinned key", "fresh link")


def test_an_unknown_broadcast(meshcast: Command, link: str) -> None:
    place, _, pin = link.partition("?")
    unknown = place.rpartition("/")[0] + "/" + key_to_text(bytes(range(32))) + "?" + pin
    complains(
        meshcast("listen", unknown, "--output", "null", *QUIET),
        "does not know this broadcast",
        "check the link",
    )


def test_a_tracker_that_does_not_answer_a_listener(
    meshcast: Command, link: str, place: str, free_port: int
) -> None:
    away = link.replace(place, f"127.0.0.1:{free_port}")
    assert away != link
    complains(
        meshcast("listen", away, "--output", "null", "--patience", "1", *QUIET),
        "has not answered",
        "check that",
    )


def test_a_tracker_that_does_not_answer_a_broadcaster(
    meshcast: Command, minute: Path, free_port: int
) -> None:
    ran = meshcast("broadcast", str(minute), "--tracker", f"127.0.0.1:{free_port}", *QUIET)
    complains(ran, "no tracker answers", "meshcast-tracker serve")


def test_a_host_that_nobody_knows(meshcast: Command, minute: Path) -> None:
    ran = meshcast("broadcast", str(minute), "--tracker", "no-such-host.invalid", *QUIET)
    complains(ran, "not known here")


def test_a_source_that_is_not_there(meshcast: Command, tracker: str, tmp_path: Path) -> None:
    complains(meshcast("broadcast", str(tmp_path / "no.mp3"), "--tracker", tracker, *QUIET), "no.mp3")


def test_a_source_that_is_no_sound(meshcast: Command, tracker: str, tmp_path: Path) -> None:
    path = tmp_path / "garbage.mp3"
    path.write_bytes(np.random.default_rng(2).bytes(50_000))
    complains(meshcast("broadcast", str(path), "--tracker", tracker, *QUIET), "garbage.mp3")


def test_a_source_that_ends_early(meshcast: Command, tracker: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    with open_sink(str(path)) as sink:
        sink.write(np.full((48_000 * 30, 2), 0.1, np.float32))
    path.write_bytes(path.read_bytes()[: 192_000 * 2])
    ran = meshcast("broadcast", str(path), "--tracker", tracker, "--key", str(tmp_path / "key"), *QUIET)
    complains(ran, "cut.wav")


def test_a_source_that_stalls(start: Command, meshcast: Command, tracker: str, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.wav"
    os.mkfifo(fifo)
    sound = tmp_path / "two.wav"
    with open_sink(str(sound)) as sink:
        sink.write(np.full((48_000 * 2, 2), 0.1, np.float32))
    done = threading.Event()

    def feed() -> None:
        with fifo.open("wb") as pipe:
            pipe.write(sound.read_bytes()[:-1000])
            pipe.flush()
            done.wait(40)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    key = str(tmp_path / "key")
    ran = meshcast("broadcast", str(fifo), "--tracker", tracker, "--patience", "2", "--key", key, *QUIET)
    done.set()
    thread.join()
    complains(ran, "has sent nothing for 2 s")


@pytest.mark.usefixtures("tracker")
def test_a_port_in_use(meshcast: Command, place: str, tmp_path: Path) -> None:
    ran = meshcast("serve", "--listen", place, "--data", str(tmp_path), module="tracker")
    complains(ran, place.rpartition(":")[2], "--listen")


def test_an_output_that_cannot_be_written(meshcast: Command, link: str, tmp_path: Path) -> None:
    complains(meshcast("listen", link, "--output", str(tmp_path / "no" / "x.wav"), *QUIET), "no directory")
    complains(meshcast("listen", link, "--output", "record.mp3", *QUIET), "record.mp3", ".wav")


def test_a_disk_that_is_full(meshcast: Command, link: str) -> None:
    complains(meshcast("listen", link, "--output", "/dev/full", *QUIET), "full")


def test_a_report_that_cannot_be_written(meshcast: Command, link: str, tmp_path: Path) -> None:
    ran = meshcast("listen", link, "--output", "null", "--report", str(tmp_path / "no" / "r.json"), *QUIET)
    complains(ran, "r.json")


def test_a_key_that_others_can_read(meshcast: Command, tracker: str, minute: Path, tmp_path: Path) -> None:
    key = tmp_path / "wide.key"
    key.write_text("whatever")
    key.chmod(0o644)
    complains(
        meshcast("broadcast", str(minute), "--tracker", tracker, "--key", str(key), *QUIET),
        f"chmod 600 {key}",
    )
    assert key.read_text() == "whatever", "nothing is lost"


def test_a_key_that_is_damaged(meshcast: Command, tracker: str, minute: Path, tmp_path: Path) -> None:
    key = tmp_path / "damaged.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    ran = meshcast("broadcast", str(minute), "--tracker", tracker, "--key", str(key), *QUIET)
    complains(ran, "damaged", "move it away")
    assert "MC4CAQAw" in key.read_text(), "nothing is lost"


def test_a_machine_without_sound(meshcast: Command, link: str) -> None:
    ran = meshcast("listen", link, *QUIET)
    complains(ran, "--output")


def test_a_key_of_the_configuration_that_nobody_knows(meshcast: Command, tmp_path: Path) -> None:
    config = tmp_path / "tracker.toml"
    config.write_text('lisen = "127.0.0.1:4433"\n')
    ran = meshcast("serve", "--config", str(config), module="tracker")
    complains(ran, "tracker.toml", "lisen", "listen")


@pytest.mark.parametrize("bitrate", ["1", "500", "nan"])
def test_a_bitrate_that_cannot_be(meshcast: Command, tracker: str, minute: Path, bitrate: str) -> None:
    complains(
        meshcast("broadcast", str(minute), "--tracker", tracker, "--bitrate", bitrate, *QUIET), "--bitrate"
    )


def test_a_delay_that_cannot_be_had(meshcast: Command, link: str) -> None:
    complains(meshcast("listen", link, "--output", "null", "--delay", "100", *QUIET), "--delay")


def test_a_delay_that_is_no_number(meshcast: Command, link: str) -> None:
    complains(meshcast("listen", link, "--output", "null", "--delay", "soon", *QUIET), "--delay")


@pytest.mark.parametrize("uplink", ["0", "-5", "nan"])
def test_an_uplink_that_cannot_be_kept_to(meshcast: Command, link: str, uplink: str) -> None:
    complains(meshcast("listen", link, "--output", "null", "--uplink", uplink, *QUIET), "--uplink")
