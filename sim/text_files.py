"""Text files that a person gives: whatever cannot be read is told with the file, the line and what was expected."""

from collections.abc import Iterator
from pathlib import Path

from meshcast.protocol.errors import BadInputError


def read_text(path: Path) -> str:
    """Read a text. Raise `BadInputError` if it cannot be read, or is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}; give a file that can") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInputError(f"{path}, line {line}: this is not text; expected UTF-8") from error


def numbers_of(path: Path, expected: str, columns: int) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Read numbers with commas between them, so many in each line, and give each line's number with them.

    Blank lines and those that begin with # are passed over, and so is a first line of words.
    """
    found = 0
    is_first = True
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = [word.strip() for word in line.split(",")]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        row = _floats(words)
        if row is None and is_first and len(words) == columns:
            is_first = False
            continue
        is_first = False
        if row is None or len(row) != columns:
            raise BadInputError(f"{path}, line {number}: {line.strip()[:60]}; expected {expected}")
        found += 1
        yield number, row
    if not found:
        raise BadInputError(f"{path}, line 1: there is nothing in it; expected lines of {expected}")


def _floats(words: list[str]) -> tuple[float, ...] | None:
    """Read numbers, or None."""
    try:
        return tuple(map(float, words))
    except ValueError:
        return None
