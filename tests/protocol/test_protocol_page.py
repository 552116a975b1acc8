"""docs/PROTOCOL says what the code does: its tables are compared with the layouts and the limits."""

import dataclasses
import re
from pathlib import Path

import pytest

from meshcast.protocol import identity, limits
from meshcast.protocol.messages import Why
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.protocol.wire import LAYOUTS

PAGE = (Path(__file__).parents[2] / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*?) \| (\d+) \| ", PAGE, re.MULTILINE)
CONSTANTS = re.findall(r"^\| `([A-Z_]+)` \| ([\d.]+)( ms| s|) \|", PAGE, re.MULTILINE)
UNITS = {" ms": MILLISECOND, " s": SECOND, "": 1}


def test_every_message_stands_in_a_table_with_its_number_and_its_size() -> None:
    listed = {name: (int(number), int(size)) for number, name, _, size in MESSAGES}
    assert listed == {kind.__name__: (layout.number, layout.bytes_max) for kind, layout in LAYOUTS.items()}


@pytest.mark.parametrize(("name", "fields"), [(name, fields) for _, name, fields, _ in MESSAGES])
def test_every_field_stands_in_its_place(name: str, fields: str) -> None:
    (kind,) = [one for one in LAYOUTS if one.__name__ == name]
    at = 0
    for field in dataclasses.fields(kind):
        found = re.compile(rf"\b{field.name}\b").search(fields, at)
        assert found, f"{field.name} is missing or in the wrong place"
        at = found.end()


@pytest.mark.parametrize(("name", "value", "unit"), CONSTANTS)
def test_every_time_and_limit_is_that_of_the_code(name: str, value: str, unit: str) -> None:
    assert getattr(limits, name) == float(value) * UNITS[unit]


def test_the_page_names_enough_of_them() -> None:
    assert len(CONSTANTS) > 50
    assert {"LEASE_US", "SILENCE_US_MAX", "REFILL_BYTES_MAX"} <= {name for name, _, _ in CONSTANTS}


def test_every_domain_string_stands_on_the_page() -> None:
    for name, domain in vars(identity.Domain).items():
        if name.isupper():
            assert f"`{domain[:-1].decode()}\\0`" in PAGE


def test_every_reason_stands_on_the_page_with_its_number() -> None:
    for why in Why:
        words = why.name.lower().replace("_", " ")
        assert re.search(rf"\b{int(why)} {words}\b", PAGE), words
