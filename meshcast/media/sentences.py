"""What a person reads when a source does not work: one line that says what is wrong and what to do."""

import stat
from pathlib import Path
from typing import Final

from av.error import FFmpegError

from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError

SUPPORTED: Final = "give a sound file (MP3, Ogg, Opus, FLAC, M4A, WAV …)"


SILENT: Final = frozenset({"ExitError", "TimeoutError"})
"""What FFmpeg calls it when nothing came in time."""


def shown(name: str | Path) -> str:
    """Write a name into a sentence, in one line whatever it holds."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def check_readable(path: Path) -> None:
    """Raise `BadInputError` unless something can be read there."""
    name = shown(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise BadInputError(f"{name} is a directory; {SUPPORTED} that is in it")
        if stat.S_ISREG(status.st_mode):
            if status.st_size == 0:
                raise BadInputError(f"{name} is empty; {SUPPORTED}")
            path.open("rb").close()
    except FileNotFoundError:
        raise BadInputError(f"there is no file {name}; check the name, or {SUPPORTED}") from None
    except PermissionError:
        raise BadInputError(f"not allowed to read {name}; change its permissions, or copy it") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"cannot read {name} ({error}); {SUPPORTED}") from error


def cannot_open(place: str, error: Exception, *, is_url: bool) -> MeshcastError:
    """Say why an input could not be opened."""
    place = shown(place)
    if not is_url:
        return BadInputError(f"{place} is no sound that can be read ({_reason(error)}); {SUPPORTED}")
    name = type(error).__name__
    if name in {"ProtocolNotFoundError", "ValueError", "OptionNotFoundError"}:
        return BadInputError(
            f"{place} is no kind of address that can be read; give http://, https:// or a file"
        )
    if name == "InvalidDataError":
        return BadInputError(f"{place} answers, but not with sound; check the address, or {SUPPORTED}")
    if name == "HTTPNotFoundError":
        return BadInputError(f"{place} is not there (404); check the address")
    if name in {"HTTPUnauthorizedError", "HTTPForbiddenError"}:
        return BadInputError(
            f"{place} wants a password; write it into the address: http://NAME:PASSWORD@HOST/…"
        )
    return UnreachableError(
        f"{place} cannot be reached ({_reason(error)}); check the address and whether its server runs"
    )


def no_audio_stream(place: str) -> BadInputError:
    """Say that an input holds pictures or text alone."""
    place = shown(place)
    return BadInputError(f"{place} has no audio stream; {SUPPORTED}")


def no_sound(place: str) -> BadInputError:
    """Say that nothing of an input can be decoded."""
    place = shown(place)
    return BadInputError(f"{place} holds no sound that can be decoded, it is empty or damaged; {SUPPORTED}")


def broke_off(place: str, error: Exception, patience_s: float) -> UnreachableError:
    """Say that a URL that had sent sound sends no more."""
    place = shown(place)
    if type(error).__name__ in SILENT:
        return stalled(place, patience_s)
    return UnreachableError(
        f"the connection to {place} broke ({_reason(error)}); check its server and broadcast again"
    )


def stalled(place: str, patience_s: float) -> UnreachableError:
    """Say that a source is silent for too long."""
    place = shown(place)
    return UnreachableError(
        f"{place} has sent nothing for {patience_s:g} s; check what feeds it and broadcast again, or give another source"
    )


def ended_early(place: str, decoded_s: float, declared_s: float | None) -> str:
    """Say that a source gave less than it declared."""
    place = shown(place)
    of = f" of the {declared_s:.1f} s that it declares" if declared_s is not None else ""
    return f"{place} ended early, after {decoded_s:.1f} s{of}: it is cut short or damaged; get a whole copy of it"


def _reason(error: Exception) -> str:
    """Give the system's words for an error, without the address that FFmpeg appends."""
    if type(error).__name__ in SILENT:
        return "no answer"
    words = error.strerror if isinstance(error, FFmpegError) else str(error)
    return " ".join((words or type(error).__name__).split())
