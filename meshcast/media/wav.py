"""A recording that stays readable whatever happens: WAV, 16 bit, 48 kHz, stereo.

The two lengths in the header are written over once a second, after the sound that they count, so a process that is
killed leaves a file with at most its last second uncounted, and a full disk leaves everything before it. Nothing is
buffered in this process. WAV counts in 32 bits; past 6.2 hours the lengths stay at their greatest value, which players
take for "to the end of the file".
"""

import errno
import io
import stat
import struct
from pathlib import Path
from typing import Final

from meshcast.media.sentences import shown
from meshcast.media.sound import CHANNELS, SAMPLE_RATE_HZ, PcmFloat, to_int
from meshcast.protocol.errors import BadInputError

SAMPLE_BYTES: Final = 2 * CHANNELS
HEADER_BYTES: Final = 44
LENGTH_MAX: Final = 0xFFFF_FFFF
HEADER_EVERY_SAMPLES: Final = SAMPLE_RATE_HZ

_TOO_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class WavSink:
    """Writes one file, over whatever was in it."""

    __slots__ = ("_file", "_header_at", "_name", "_samples")

    def __init__(self, path: Path) -> None:
        """Create the file; `BadInputError` says in one line why it cannot be and what to do."""
        self._name: Final = path
        self._samples = 0
        self._header_at = 0
        try:
            _refuse_what_is_no_file(path)
            self._file: Final = path.open("wb", buffering=0)
        except OSError as error:
            raise _in_one_line(path, error) from error
        try:
            self._write_all(header(0))
        except BadInputError:
            self._file.close()
            raise

    def write(self, pcm: PcmFloat) -> None:
        """Append [n, 2]; `BadInputError` when the disk is full, and what was written before stays readable."""
        self._write_all(to_int(pcm).tobytes())
        self._samples += len(pcm)
        if self._samples - self._header_at >= HEADER_EVERY_SAMPLES:
            self._write_header()

    def close(self) -> None:
        """Write the final lengths; a second call does nothing."""
        if self._file.closed:
            return
        try:
            self._write_header()
        finally:
            self._file.close()

    def __enter__(self) -> "WavSink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_header(self) -> None:
        """Count in the header what stands behind it."""
        self._header_at = self._samples
        try:
            self._file.seek(0)
            self._write_all(header(self._samples))
            self._file.seek(0, io.SEEK_END)
        except OSError as error:
            raise _in_one_line(self._name, error) from error

    def _write_all(self, data: bytes) -> None:
        """Write every byte, or say why not."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _in_one_line(self._name, error) from error


def header(samples: int) -> bytes:
    """Write the 44 bytes in front of `samples` samples of stereo."""
    length = min(samples * SAMPLE_BYTES, LENGTH_MAX - HEADER_BYTES)
    form = struct.pack(
        "<4sIHHIIHH",
        b"fmt ",
        16,
        1,
        CHANNELS,
        SAMPLE_RATE_HZ,
        SAMPLE_RATE_HZ * SAMPLE_BYTES,
        SAMPLE_BYTES,
        16,
    )
    return (
        struct.pack("<4sI4s", b"RIFF", length + HEADER_BYTES - 8, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", length)
    )


def _refuse_what_is_no_file(path: Path) -> None:
    """Refuse what would block or be destroyed: pipes, sockets, disks. A missing file and a device of bytes are fine."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise BadInputError(
            f"{shown(path)} is a directory; name a file to record into, like {shown(path / 'listen.wav')}"
        )
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        raise BadInputError(f"{shown(path)} is not an ordinary file; name another one to record into")


def _in_one_line(path: Path, error: OSError) -> BadInputError:
    """Say what went wrong with a recording, and what to do."""
    name = shown(path)
    if error.errno in _TOO_FULL:
        return BadInputError(
            f"no room left to record into {name}; free some space or record elsewhere (what was recorded is kept)"
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return BadInputError(
            f"there is no directory {shown(path.parent)} to record into; make it, or name another"
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return BadInputError(
            f"not allowed to write {name}; name a file in a directory of yours to record into"
        )
    return BadInputError(f"cannot record into {name} ({error.strerror}); name another file")
