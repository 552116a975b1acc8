import os
from pathlib import Path

import pytest

from meshcast.media.places import Kind, is_cut_short, place_of
from meshcast.protocol.errors import BadInputError


def test_a_file_a_pipe_a_url_and_standard_input_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "http:x.ogg").write_bytes(b"sound")
    os.mkfifo(tmp_path / "pipe")
    assert place_of(str(tmp_path / "http:x.ogg")).kind is Kind.FILE
    assert place_of(str(tmp_path / "http:x.ogg")).address == f"file:{tmp_path}/http:x.ogg"
    assert place_of(str(tmp_path / "pipe")).kind is Kind.PIPE
    assert place_of("https://radio.example/live").kind is Kind.URL
    assert place_of("https://radio.example/live").address == "https://radio.example/live"
    assert (place_of("-").name, place_of("-").address) == ("standard input", "pipe:0")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.mp3", "^there is no file .*missing.mp3; check the name"),
        ("directory", "is a directory; give a sound file"),
        ("empty.ogg", "is empty; give a sound file"),
        ("nul\0byte", r"cannot read .*'.*nul\\x00byte'.*; give a sound file"),
        ("two\nlines", r"there is no file '.*two\\nlines'; check the name"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "empty.ogg").write_bytes(b"")
    with pytest.raises(BadInputError, match=says) as caught:
        place_of(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_no_name_at_all_is_said_too() -> None:
    with pytest.raises(BadInputError, match=r"^no source is named; give a sound file"):
        place_of("")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret.mp3").write_bytes(b"sound")
    (tmp_path / "secret.mp3").chmod(0)
    with pytest.raises(BadInputError, match=r"^not allowed to read"):
        place_of(str(tmp_path / "secret.mp3"))


@pytest.mark.parametrize(
    ("content", "is_cut"),
    [
        (b"RIFF" + (20).to_bytes(4, "little") + bytes(20), False),
        (b"RIFF" + (21).to_bytes(4, "little") + bytes(20), True),
        (b"RIFF" + b"\xff" * 4 + bytes(20), False),
        (b"RIFF" + bytes(4) + bytes(20), False),
        (b"OggS\0\2" + bytes(30) + b"OggS\0\4" + bytes(30), False),
        (b"OggS\0\2" + bytes(30) + b"OggS\0\0" + bytes(30), True),
        (b"OggS\0\2" + bytes(30) + b"OggS\0", True),
        (b"RIFF", False),
        (b"ID3 and so on", False),
    ],
)
def test_wav_and_ogg_lack_their_end_or_not(tmp_path: Path, content: bytes, *, is_cut: bool) -> None:
    (tmp_path / "x").write_bytes(content)
    assert is_cut_short(tmp_path / "x") is is_cut
