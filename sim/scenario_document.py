"""A scenario as it is written: the values of a TOML text, with the place of each, and settings laid over them.

Whatever is wrong with a value, the person who wrote it is told where: the file and the line, or the `--set` that gave it.
"""

import copy
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from meshcast.protocol.errors import BadInputError
from sim.scenario_keys import Key
from sim.toml_lines import Path, lines_of

SHOWN_MAX: Final = 60
LINE_OF_ERROR: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


class Document:
    """The values of a scenario, and where they come from."""

    def __init__(
        self, source: str, values: Mapping[str, Any], lines: Mapping[Path, int] | None = None
    ) -> None:
        self.source = source
        """What the text is called."""
        self.values: dict[str, Any] = copy.deepcopy(dict(values))
        self._lines = lines or {}
        self._settings: dict[Path, str] = {}

    @classmethod
    def parse(cls, text: str, source: str) -> "Document":
        """Read a TOML text. Raise `BadInputError` with the line of what cannot be read."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            said = str(error)
            found = LINE_OF_ERROR.search(said)
            line = found[1] if found is not None and found[1] else str(text.rstrip().count("\n") + 1)
            raise BadInputError(
                f"{source}, line {line}: this is not TOML ({LINE_OF_ERROR.sub('', said).strip()}); expected key = value"
            ) from error
        return cls(source, values, lines_of(text))

    def lay_over(self, setting: str) -> None:
        """Take in one `key=value` of the command line; the value is TOML, or a text."""
        name, is_there, given = setting.partition("=")
        if not is_there or not name.strip():
            raise BadInputError(f"--set {setting}: expected key=value, such as sessions.median_s=60")
        self.put(path_of(name), value_of(given), f"--set {setting}")

    def put(self, path: Path, value: Any, source: str) -> None:
        """Set one value, making the tables on the way to it."""
        place: Any = self.values
        for number, name in enumerate(path):
            is_last = number == len(path) - 1
            if isinstance(place, list):
                if not isinstance(name, int) or name > len(place):
                    raise BadInputError(
                        f"{source}: {dotted(path[:number])} has {len(place)} entries, counted from 0"
                    )
                if name == len(place):
                    place.append({})
            elif not isinstance(place, dict):
                raise BadInputError(
                    f"{source}: {dotted(path[:number])} is no table; expected a key of the file"
                )
            elif name not in place and not is_last:
                place[name] = [] if isinstance(path[number + 1], int) else {}
                self._settings[path[: number + 1]] = source
            if is_last:
                place[name] = value
            else:
                place = place[name]
        self._settings[path] = source

    def where(self, path: Path) -> str:
        """Say where a value was given: a setting, or the nearest line of the file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self._settings:
                return self._settings[path[:length]]
            if path[:length] in self._lines:
                return f"{self.source}, line {self._lines[path[:length]]}"
        return f"{self.source}, line 1" if self._lines else self.source


class Table:
    """One table of a document: its values by their keys, and errors that say where they were given."""

    def __init__(self, document: Document, path: Path, values: dict[str, Any]) -> None:
        self.document = document
        self.path = path
        self.values = values

    def __contains__(self, name: str) -> bool:
        """Is this key given?"""
        return name in self.values

    def only(self, *names: str, of: str = "") -> None:
        """Refuse keys of other names."""
        for name in self.values:
            if name not in names:
                near = get_close_matches(name, names, 1)
                advice = f'did you mean "{near[0]}"?' if near else f"expected one of {', '.join(names)}"
                place = of or (f"[{dotted(self.path)}]" if self.path else "a scenario")
                raise BadInputError(f'{self.where(name)}: {place} has no key "{name}"; {advice}')

    def fields(self, keys: tuple[Key, ...]) -> dict[str, Any]:
        """Give the fields that these keys fill, as far as they are given."""
        return {key.field: self._checked(key, (key.name,)) for key in keys if key.name in self.values}

    def several(self, name: str, key: Key) -> tuple[Any, ...]:
        """Give a list of values, each of which is checked as `key` says."""
        given = self.values[name]
        if not isinstance(given, list) or not given:
            raise self.wrong(name, f"a list, each {key.expected}")
        return tuple(self._checked(key, (name, number)) for number in range(len(given)))

    def table(self, name: str) -> "Table":
        """Give a table within this one; an empty one if there is none."""
        given = self.values.get(name, {})
        if not isinstance(given, dict):
            raise self.wrong(name, f"a table [{dotted((*self.path, name))}]")
        return Table(self.document, (*self.path, name), given)

    def tables(self, name: str) -> list["Table"]:
        """Give the tables of an array; none if there is none."""
        given = self.values.get(name, [])
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise self.wrong(name, f"tables [[{name}]]")
        return [Table(self.document, (*self.path, name, number), one) for number, one in enumerate(given)]

    def where(self, *names: str | int) -> str:
        """Say where a key was given."""
        return self.document.where((*self.path, *names))

    def wrong(self, name: str | int, expected: str) -> BadInputError:
        """Say what is wrong with a value."""
        return self._wrong((name,), expected)

    def _checked(self, key: Key, names: Path) -> Any:
        """Give one value as its field holds it."""
        given: Any = self.values
        for name in names:
            given = given[name]
        value = key.value(given)
        if value is None:
            raise self._wrong(names, key.expected, given if key.choices is not None else None)
        return value

    def _wrong(self, names: Path, expected: str, choice: Any = None) -> BadInputError:
        """Say where a value is, what it is and what was expected; the nearest choice, where there are any."""
        given: Any = self.values
        for name in names:
            given = given[name] if not isinstance(given, dict) or name in given else None
        near = (
            get_close_matches(str(choice), re.findall(r'"(.+?)"', expected), 1) if choice is not None else []
        )
        advice = f'; did you mean "{near[0]}"?' if near else ""
        place = dotted((*self.path, *names))
        return BadInputError(f"{self.where(*names)}: {place} is {shown(given)}; expected {expected}{advice}")


def path_of(name: str) -> Path:
    """Give the path of a dotted name; what is a number counts entries."""
    return tuple(int(one) if one.isdecimal() else one for one in name.strip().split("."))


def dotted(path: Path) -> str:
    """Name a path for people."""
    return ".".join(map(str, path))


def value_of(text: str) -> Any:
    """Read a value of the command line: TOML, and a text if it is none."""
    try:
        values = tomllib.loads(f"value = {text.strip()}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    return values["value"] if len(values) == 1 else text.strip()


def shown(value: Any) -> str:
    """Show a value to a person, in TOML's words and not at length."""
    if value is None:
        return "missing"
    text = (
        str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
