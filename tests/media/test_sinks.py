from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from meshcast.media.sinks import MemorySink, NullSink, Sink, open_sink
from meshcast.media.sound import silence
from meshcast.media.speaker import Speaker
from meshcast.media.wav import WavSink
from meshcast.protocol.errors import BadInputError


class IdleDevice:
    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["null", "memory", "wav", "speaker"])
def test_every_sink_takes_any_number_of_samples_and_is_closed_twice_without_harm(
    kind: str, tmp_path: Path
) -> None:
    makers: dict[str, Callable[[], Sink]] = {
        "null": NullSink,
        "memory": MemorySink,
        "wav": lambda: WavSink(tmp_path / "x.wav"),
        "speaker": lambda: Speaker(lambda _: IdleDevice()),
    }
    with makers[kind]() as sink:
        for samples in (0, 1, 960, 48_000):
            sink.write(silence(samples))
    sink.close()


def test_outputs_are_named_by_a_word_or_a_file(tmp_path: Path) -> None:
    with open_sink("null") as null, open_sink(str(tmp_path / "LISTEN.WAV")) as wav:
        assert isinstance(null, NullSink)
        assert isinstance(wav, WavSink)


@pytest.mark.parametrize("spec", ["", "listen.mp3", "speakers", "/tmp"])
def test_what_is_no_output_is_refused_with_what_is(spec: str) -> None:
    with pytest.raises(BadInputError, match=r"write speaker, null, or a file that ends in \.wav$"):
        open_sink(spec)


def test_devices_of_bytes_may_be_recorded_into() -> None:
    with open_sink("/dev/null") as sink:
        sink.write(silence(960))
    with pytest.raises(BadInputError, match="no room left"):
        open_sink("/dev/full")


def test_memory_keeps_copies() -> None:
    sink, block = MemorySink(), np.ones((3, 2), np.float32)
    assert sink.pcm.shape == (0, 2)
    sink.write(block)
    block[:] = 0
    assert sink.pcm.tolist() == [[1, 1]] * 3
