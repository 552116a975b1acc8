from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from meshcast.media.decoding import Converter, Reader, read_all
from meshcast.media.places import place_of
from meshcast.media.sound import BLOCK_SAMPLES, PcmInt
from meshcast.protocol.errors import BadInputError

FORMATS = [
    ("mono.wav", "pcm_s16le", 44_100, "mono", {}),
    ("stereo.mp3", "libmp3lame", 44_100, "stereo", {}),
    ("mono.mp3", "libmp3lame", 22_050, "mono", {}),
    ("stereo.m4a", "aac", 44_100, "stereo", {"movflags": "faststart"}),
    ("six.flac", "flac", 48_000, "5.1", {}),
    ("stereo.ogg", "libopus", 48_000, "stereo", {}),
    ("stereo.webm", "libopus", 48_000, "stereo", {}),
    ("stereo.ts", "aac", 48_000, "stereo", {}),
]


def read(path: Path) -> tuple[Reader, PcmInt]:
    reader = Reader(place_of(str(path)), patience_s=60.0)
    try:
        return reader, np.concatenate(list(reader.blocks()))
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "layout", "options"), FORMATS, ids=[row[0] for row in FORMATS]
)
def test_every_format_becomes_whole_blocks_of_48_khz_stereo_of_the_right_length(
    make_sound: Callable[..., Path], name: str, codec: str, rate_hz: int, layout: str, options: dict[str, str]
) -> None:
    reader, pcm = read(make_sound(name, codec, rate_hz, layout, options=options))
    assert pcm.dtype == np.int16
    assert pcm.shape[1] == 2
    assert len(pcm) % BLOCK_SAMPLES == 0
    assert len(pcm) / 48_000 == pytest.approx(4.0, abs=0.08)
    assert (reader.ended_early, reader.skipped_errors) == (None, 0)
    assert not reader.facts.is_live
    assert reader.facts.duration_s == pytest.approx(4.0, abs=0.1)


def test_mono_is_doubled_as_loud_as_it_was(make_sound: Callable[..., Path]) -> None:
    path = make_sound("mono.wav", "pcm_s16le", 48_000, "mono")
    with av.open(str(path)) as container:
        original = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    _, pcm = read(path)
    assert (pcm[:, 0] == pcm[:, 1]).all()
    assert (pcm[: len(original), 0] == original).all()


def test_a_stream_may_change_its_shape_midway() -> None:
    converter = Converter()
    samples = 0
    for rate_hz, layout, channels in ((48_000, "stereo", 2), (44_100, "mono", 1), (48_000, "stereo", 2)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, rate_hz * channels), np.int16), "s16", layout)
        frame.sample_rate = rate_hz
        samples += sum(len(piece) for piece in converter.convert(frame))
    samples += sum(len(piece) for piece in converter.flush())
    assert samples == pytest.approx(3 * 48_000, abs=100)


def test_the_title_is_read_wherever_the_format_keeps_it(make_sound: Callable[..., Path]) -> None:
    for name, codec in (("a.mp3", "libmp3lame"), ("a.ogg", "libopus"), ("a.flac", "flac")):
        assert read(make_sound(name, codec, title="Evening concert"))[0].facts.title == "Evening concert"
    assert read(make_sound("b.wav", "pcm_s16le"))[0].facts.title is None


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a", "a.ogg", "a.flac", "a.webm", "a.aac"])
def test_a_file_that_is_cut_short_is_played_as_far_as_it_goes_and_then_says_so(
    make_sound: Callable[..., Path], name: str
) -> None:
    codecs = {"wav": "pcm_s16le", "mp3": "libmp3lame", "m4a": "aac", "flac": "flac", "aac": "aac"}
    options = {"movflags": "faststart"} if name == "a.m4a" else {}
    path = make_sound(name, codecs.get(name[2:], "libopus"), options=options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    reader, pcm = read(path)
    assert 1.5 < len(pcm) / 48_000 < 3.0
    assert reader.ended_early is not None
    assert reader.ended_early.startswith(f"{path} ended early, after ")
    assert "\n" not in reader.ended_early


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.flac"])
def test_a_file_that_turns_into_garbage_is_played_until_there_and_then_says_so(
    make_sound: Callable[..., Path], name: str
) -> None:
    path = make_sound(name, {"mp3": "libmp3lame", "flac": "flac"}.get(name[2:], "libopus"))
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + np.random.default_rng(1).bytes(len(whole) - half))
    reader, pcm = read(path)
    assert 1.5 < len(pcm) / 48_000 < 2.5
    assert reader.ended_early is not None


def test_damage_in_the_middle_is_skipped_and_counted_and_the_rest_is_played(
    make_sound: Callable[..., Path],
) -> None:
    path = make_sound("a.mp3", "libmp3lame", seconds=8.0)
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + np.random.default_rng(1).bytes(2_000) + whole[half + 2_000 :])
    reader, pcm = read(path)
    assert reader.skipped_errors > 0
    assert reader.ended_early is None
    assert 7.4 < len(pcm) / 48_000 <= 8.1


@pytest.mark.parametrize("content", [b"This is a text, and not sound.\n" * 50, bytes(range(256)) * 40])
def test_what_is_no_sound_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"x\.mp3 .*; give a sound file \(MP3, ") as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


def test_pictures_without_sound_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuvj420p")))
        container.mux(stream.encode(None))
    with pytest.raises(BadInputError, match=r"silent\.mkv has no audio stream; give a sound file"):
        read_all(path)


def test_a_header_with_nothing_behind_it_is_refused(make_sound: Callable[..., Path]) -> None:
    path = make_sound("a.wav", "pcm_s16le", seconds=1.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"data") + 8])
    with pytest.raises(BadInputError, match=r"a\.wav .*; give a sound file"):
        read_all(path)
