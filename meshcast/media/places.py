"""What a person can name as a source, and what can be told of it before it is decoded."""

import re
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from meshcast.media import sentences
from meshcast.protocol.errors import BadInputError

STANDARD_INPUT: Final = "standard input"

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|pipe:")


class Kind(Enum):
    """What an input is, for that decides what can be expected of it."""

    FILE = auto()
    """Has a size and an end, and is always there."""
    PIPE = auto()
    """A named pipe or another device of bytes: opening it may wait for somebody to write."""
    URL = auto()
    """Whatever FFmpeg reads by an address; may be slow, break, or never end."""


@dataclass(frozen=True, slots=True)
class Place:
    """An input that somebody named."""

    name: str
    kind: Kind

    @property
    def address(self) -> str:
        """Say it to FFmpeg; the prefix keeps a file called `http:x.ogg` a file."""
        if self.name == STANDARD_INPUT:
            return "pipe:0"
        return self.name if self.kind is Kind.URL else f"file:{self.name}"


def place_of(spec: str) -> Place:
    """Tell what kind of input a person named; `BadInputError` if it cannot be read."""
    if spec == "-":
        return Place(STANDARD_INPUT, Kind.URL)
    if _URL.match(spec):
        return Place(spec, Kind.URL)
    if not spec:
        raise BadInputError(f"no source is named; {sentences.SUPPORTED}")
    path = Path(spec)
    sentences.check_readable(path)
    return Place(spec, Kind.FILE if path.is_file() else Kind.PIPE)


def is_cut_short(path: Path) -> bool:
    """Tell of two formats that FFmpeg takes at any length whether a file lacks its end: WAV and Ogg."""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(8)
        size = path.stat().st_size
        if start[:4] == b"RIFF":
            length = int.from_bytes(start[4:8], "little")
            return 0 < length < 0xFFFF_FFFF and length + 8 > size
        if start[:4] == b"OggS":
            file.seek(max(0, size - 2 * 65_307))  # a page is never longer (RFC 3533, 6)
            tail = file.read()
            flags = tail[tail.rfind(b"OggS\0") + 5 :][:1] or b"\0"
            return not flags[0] & 0x04  # "end of stream"
    return False
