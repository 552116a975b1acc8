"""What can be said of sound cards on a machine without any: it is said in one line."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from meshcast.media.sound import PcmFloat
from meshcast.media.soundcard import open_input, open_output
from meshcast.protocol.errors import BadInputError


class PortAudioError(Exception):
    """As sounddevice has it."""


class Stream:
    """A stream as sounddevice makes it, of a machine whose only microphone has one channel."""

    opened: "list[Stream]"

    def __init__(
        self, *, samplerate: int, channels: int, dtype: str, latency: float, callback: object
    ) -> None:
        assert (samplerate, dtype) == (48_000, "float32")
        if self.is_input and channels == 2:
            raise PortAudioError("Invalid number of channels\n[PaErrorCode -9998]")
        self.callback, self.is_started = callback, False
        type(self).opened.append(self)

    is_input = False

    def start(self) -> None:
        self.is_started = True

    def close(self) -> None:
        self.is_started = False


def machine(monkeypatch: pytest.MonkeyPatch, *, has_devices: bool) -> type[Stream]:
    """Put a sounddevice of ours where the real one would be imported from."""

    class Output(Stream):
        opened: "list[Stream]" = []  # noqa: RUF012

        def __init__(self, **options: object) -> None:
            if not has_devices:
                raise PortAudioError("Error querying device -1")
            super().__init__(**options)  # type: ignore[arg-type]

    class Input(Output):
        is_input = True

    module = SimpleNamespace(PortAudioError=PortAudioError, OutputStream=Output, InputStream=Input)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return Output


def test_media_is_imported_without_sounddevice() -> None:
    code = (
        "import sys; sys.modules['sounddevice'] = None\n"
        "import meshcast.media.sinks, meshcast.media.sources, meshcast.media.player\n"
        "from meshcast.media.sinks import open_sink\n"
        "open_sink('speaker')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "no sound output here (PortAudio is not installed" in last
    assert last.endswith("listen into a file instead: --output listen.wav")


def test_a_machine_without_an_output_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, has_devices=False)
    with pytest.raises(BadInputError) as caught:
        open_output(lambda _: None)
    assert str(caught.value) == (
        "no sound output here (Error querying device -1); listen into a file instead: --output listen.wav"
    )


def test_a_machine_without_a_microphone_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, has_devices=False)
    with pytest.raises(
        BadInputError, match=r"^no sound input here \(.*\); broadcast a file or a URL instead$"
    ):
        open_input(lambda _: None)


def test_an_output_is_started_and_asks_for_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = machine(monkeypatch, has_devices=True)
    device = open_output(lambda out: out.fill(0.5))
    (stream,) = streams.opened
    assert stream.is_started
    out = np.zeros((480, 2), np.float32)
    stream.callback(out, 480, None, None)  # type: ignore[operator]
    assert (out == 0.5).all()
    device.close()
    assert not stream.is_started


def test_a_microphone_with_one_channel_is_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = machine(monkeypatch, has_devices=True)
    heard: list[PcmFloat] = []
    open_input(heard.append)
    (stream,) = streams.opened
    stream.callback(np.full((480, 1), 0.25, np.float32), 480, None, None)  # type: ignore[operator]
    assert heard[0].shape == (480, 2)
    assert (heard[0] == 0.25).all()
