"""Small parsers that compose: the value, or RemoteProtocolError, and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.fields import Parser, boolean, octets, optional, record, several, text, uint

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
PARSERS: list[Parser[Any]] = [
    uint(9),
    octets(1, 4),
    text(4),
    boolean,
    several(uint(9), 2),
    optional(uint(9)),
    record(uint(9), boolean),
]


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(PARSERS), ANYTHING)
def test_anything_gives_the_value_or_a_remote_protocol_error(parse: Parser[Any], value: Any) -> None:
    try:
        parsed = parse(value)
    except RemoteProtocolError as error:
        assert "\n" not in str(error)  # noqa: PT017 - raising is one of two good answers
    else:
        assert parsed == value or list(parsed) == value[: len(parsed)]


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (uint(9), [0, 9]),
        (octets(1, 4), [b"a", b"abcd"]),
        (text(4), ["", "abcd", "éé"]),
        (boolean, [True, False]),
        (several(uint(9), 2), [[], [1, 2]]),
        (optional(uint(9)), [None, 3]),
    ],
)
def test_both_ends_of_what_is_allowed_are_allowed(parse: Parser[Any], good: list[Any]) -> None:
    for value in good:
        assert parse(value) in (value, tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("parse", "bad"),
    [
        (uint(9), [-1, 10, True, 1.0, "1", None]),
        (octets(1, 4), [b"", b"abcde", "abc", bytearray(b"a")]),
        (text(4), ["abcde", "ééé", "a\nb", "\ud800", b"a"]),
        (boolean, [0, 1, None, "true"]),
        (several(uint(9), 2), [[1, 2, 3], (1,), {}, "12"]),
        (optional(uint(9)), [10, "x"]),
        (record(uint(9), boolean), [[1], [], [True, True], {}]),
    ],
)
def test_what_lies_beyond_is_the_other_sides_fault(parse: Parser[Any], bad: list[Any]) -> None:
    for value in bad:
        with pytest.raises(RemoteProtocolError):
            parse(value)


def test_trailing_fields_of_a_record_are_ignored() -> None:
    assert record(uint(9), boolean)([1, True, {"new": "thing"}]) == (1, True)
