"""The tree as it is drawn: who hears from whom, who looks for a parent, and who is dead."""

from typing import Any

import pytest
from rich.console import Console

from meshcast.demo.tree_view import draw


class Stand:
    """Stands for a member of the crew: its name, its status, and whether it lives."""

    def __init__(
        self, name: str, key: str, parent: str | None = None, *, alive: bool = True, **status: Any
    ) -> None:
        self.name, self.key, self.is_alive = name, key, alive
        self.status = {"key": key, "parent": parent, "hearing": parent is not None, "audible": True, **status}


def shown(source: Stand | None, *listeners: Stand, events: tuple[str, ...] = ()) -> list[str]:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(draw(source, listeners, events, "headline"))  # type: ignore[arg-type]
    return capture.get().splitlines()


SOURCE = Stand("broadcaster", "s", title="A talk", copies_sent=2.0)


def test_everybody_stands_under_whom_it_hears_from() -> None:
    lines = shown(SOURCE, Stand("one", "1", "s"), Stand("two", "2", "1"), Stand("three", "3", "s"))
    indents = {
        name: next(line.index(name) for line in lines if name in line) for name in ("one", "two", "three")
    }
    assert indents["one"] == indents["three"] < indents["two"]
    assert "A talk" in lines[1]


def test_who_has_no_parent_looks_for_one_and_so_do_those_beneath() -> None:
    lines = shown(SOURCE, Stand("one", "1", None, words="waiting for a place"), Stand("two", "2", "1"))
    looking = next(number for number, line in enumerate(lines) if "looking for a parent" in line)
    assert any("one" in line for line in lines[looking:])
    assert any("two" in line for line in lines[looking:])


def test_the_dead_are_named_and_hang_nowhere() -> None:
    lines = shown(SOURCE, Stand("one", "1", "s", alive=False))
    assert [line for line in lines if "one" in line] == [line for line in lines if "dead: one" in line]


def test_what_is_missing_is_said() -> None:
    assert any("3 missing" in line for line in shown(SOURCE, Stand("one", "1", "s", missing_chunks=3)))


def test_only_the_last_events_are_shown() -> None:
    lines = shown(SOURCE, events=tuple(f"event {number}" for number in range(20)))
    assert "event 19" in lines[-1]
    assert not any("event 3" in line for line in lines)


def test_before_the_broadcaster_is_there_it_is_starting() -> None:
    assert any("starting" in line for line in shown(None))


def test_those_who_claim_to_hear_each_other_are_drawn_once() -> None:
    lines = shown(SOURCE, Stand("one", "1", "2"), Stand("two", "2", "1"))
    assert sum("one" in line for line in lines) == sum("two" in line for line in lines) == 1


@pytest.mark.parametrize("title", ["[/bold]", "Evening [live]", "a\\"])
def test_a_title_is_shown_as_it_is(title: str) -> None:
    source = Stand("broadcaster", "s", title=title, copies_sent=1.0)
    lines = shown(source, Stand("one", "1", None, words=title))
    assert f"broadcaster  {title}  copies sent 1.00" in lines[1]
    assert any(f"one ♪ {title}" in line for line in lines)
