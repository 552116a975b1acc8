"""How much memory a thing holds, with everything that it refers to."""

import sys
from collections.abc import Iterator
from typing import Any


def weigh(*things: object) -> int:
    """Give the bytes of these things and of whatever data they refer to, each counted once; code is not weighed."""
    seen: set[int] = set()
    waiting: list[Any] = list(things)
    total = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting.extend(_parts(one))
    return total


def _parts(one: Any) -> Iterator[Any]:
    """Give what a thing refers to."""
    if isinstance(one, dict):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    elif not isinstance(one, str | bytes | bytearray | int | float):
        yield from getattr(one, "__dict__", {}).values()
        for kind in type(one).__mro__:
            names = kind.__dict__.get("__slots__", ())
            for name in (names,) if isinstance(names, str) else names:
                if hasattr(one, name):
                    yield getattr(one, name)
