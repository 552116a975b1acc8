import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.toml_lines import Path, lines_of

TEXT = '''# a comment with [brackets] and = signs
name = "x # no comment" # one
about = """
two lines, "quoted" = [1]
""""

[crowd] # the crowd
nats.open = 0.5
"nats".'cone' = 0.5
shares = [ # of each
  0.3,
  0.7, # the last one
]

[[faults]]
kind = "sleep"

[[faults]]
kind = 'weather'
where = { on = 1, "off" = [{ x = 1 }, {}] }
[faults.more]
path = \'\'\'C:\\a = "b"\'\'\'
[[faults.more.deep]]
a = 1979-05-27T07:32:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("about",), 3),
        (("crowd",), 7),
        (("crowd", "nats", "open"), 8),
        (("crowd", "nats", "cone"), 9),
        (("crowd", "shares"), 10),
        (("crowd", "shares", 1), 12),
        (("faults", 0), 15),
        (("faults", 0, "kind"), 16),
        (("faults", 1, "kind"), 19),
        (("faults", 1, "where", "off", 0, "x"), 20),
        (("faults", 1, "more", "path"), 22),
        (("faults", 1, "more", "deep", 0, "a"), 24),
    ],
)
def test_each_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert lines_of(TEXT)[path] == line


def test_every_value_of_a_text_has_a_line() -> None:
    assert set(paths(tomllib.loads(TEXT))) <= set(lines_of(TEXT))


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Give the way to every value of a document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [found for name, one in parts for found in paths(one, (*path, name))]
    return inner if not path else [path, *inner]


VALUES = st.recursive(
    st.sampled_from(["1", "-2.5", "true", '"a"', "'b]'", '"""c\n# d"""', '"e\\"f"', "1979-05-27"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[" + ",\n ".join(parts) + " # end\n]"),
        st.lists(inner, max_size=3).map(
            lambda parts: "{" + ", ".join(f"k{n} = {part}" for n, part in enumerate(parts)) + "}"
        ),
    ),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=4))
def test_lines_are_counted_whatever_stands_between(values: list[str]) -> None:
    entries = [f"key{number} = {value}" for number, value in enumerate(values)]
    text = "\n".join([*entries, "last = 1", ""])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # an inline table over several lines
    found = lines_of(text)
    assert set(paths(document)) <= set(found)
    assert found["last",] == text.count("\n")
