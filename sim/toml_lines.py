"""On which line of a TOML text each key stands.

`tomllib` gives values and no places, so this walks over a text that `tomllib` has already found to be in order, and only
notes where keys and the elements of arrays begin. A place is named by the path that leads to it through the parsed
values: `("faults", 0, "share")` for `share` in the first `[[faults]]`, however the text writes it (tables, arrays of
tables, dotted keys, inline tables).
"""

import re
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and numbers within arrays."""

BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE: Final = re.compile(r"[ \t]*")
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
BARE_VALUE: Final = re.compile(r"[^,\]}#\n]*")
STRINGS: Final = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
"""The four kinds of strings; up to two quotation marks may stand before the three that end a long one."""


def lines_of(text: str) -> dict[Path, int]:
    """Give the line, from 1, of each key and each element of an array. The text must be TOML that `tomllib` reads."""
    return _Scan(text).run()


class _Scan:
    """One walk over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}

    def run(self) -> dict[Path, int]:
        """Walk over headers and entries to the end."""
        table: Path = ()
        self._skip(BLANK)
        while self._at < len(self._text):
            if self._ahead("["):
                table = self._header()
            else:
                self._entry(table)
            self._skip(BLANK)
        return self._lines

    def _header(self) -> Path:
        """Read `[table]` or `[[array]]`, and give the path of what follows."""
        line, depth = self._line(), 2 if self._ahead("[[") else 1
        self._at += depth
        names = self._names()
        self._at += depth
        path = self._resolved(names)
        if depth == 2:
            self._arrays[path] = self._arrays.get(path, 0) + 1
            self._note(path, line)
            path = (*path, self._arrays[path] - 1)
        self._note(path, line)
        return path

    def _resolved(self, names: list[str]) -> Path:
        """Give the path of a header: within an array of tables its last one is meant."""
        path: Path = ()
        for name in names:
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
            path = (*path, name)
        return path

    def _entry(self, table: Path) -> None:
        """Read `key = value`."""
        line, path = self._line(), table
        for name in self._names():
            path = (*path, name)
            self._note(path, line)
        self._at += 1  # the equals sign
        self._skip(SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        """Step over a value, and note what is in it."""
        if self._ahead("["):
            self._array(path)
        elif self._ahead("{"):
            self._inline(path)
        elif not self._string():
            self._skip(BARE_VALUE)

    def _array(self, path: Path) -> None:
        """Step over an array, and note its elements."""
        number = 0
        self._at += 1
        self._skip(BLANK)
        while not self._ahead("]"):
            self._note((*path, number), self._line())
            self._value((*path, number))
            self._separator()
            number += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        """Step over an inline table, and note its keys."""
        self._at += 1
        self._skip(BLANK)
        while not self._ahead("}"):
            self._entry(path)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        """Step over a comma, if there is one, and what is blank around it."""
        self._skip(BLANK)
        if self._ahead(","):
            self._at += 1
            self._skip(BLANK)

    def _names(self) -> list[str]:
        """Read a key: names with dots between them, and the space after it."""
        names = []
        while True:
            self._skip(SPACE)
            start = self._at
            if self._string():
                names.append(_unquoted(self._text[start : self._at]))
            else:
                self._skip(BARE_KEY)
                names.append(self._text[start : self._at])
            self._skip(SPACE)
            if not self._ahead("."):
                return names
            self._at += 1

    def _string(self) -> bool:
        """Step over a string, if there is one."""
        for kind in STRINGS:
            if found := kind.match(self._text, self._at):
                self._at = found.end()
                return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        """Step over what a pattern matches."""
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _ahead(self, text: str) -> bool:
        """Is this what comes next?"""
        return self._text.startswith(text, self._at)

    def _note(self, path: Path, line: int) -> None:
        """Note where something stands first."""
        self._lines.setdefault(path, line)

    def _line(self) -> int:
        """Count the lines up to here, on from where it was counted last."""
        counted, line = self._counted
        line += self._text.count("\n", counted, self._at)
        self._counted = self._at, line
        return line


def _unquoted(text: str) -> str:
    """Give what a quoted key says; escapes are left as they are, for no key of a scenario needs any."""
    return text[1:-1]
