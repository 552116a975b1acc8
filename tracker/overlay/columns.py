"""Columns of numbers, one entry for each peer: what stands in them for nobody, and how they grow.

A peer is a slot of flat columns; the slot of one that left is used again. Node 0 is the origin.

Columns are as narrow as what they hold: bytes, numbers of two bytes, and of four for nodes. Among a few thousand peers
Python reads a list faster than an array (35 ns, 50 to 65); among a million what counts is how many pages of memory the
columns lie on, and that a number in an array is no object somewhere else: to read a random entry takes 590 ns from a list
of nodes, 245 ns from an array of them, 320 ns from a list of small numbers and 215 ns from bytes.

A column that grows is another object afterwards: whoever keeps one asks its owner for it each time. (Compiled, columns
are read without Python's help through views of these arrays, and an array that somebody views cannot be resized. A local
name for one counts its users up and down, atomically: it is worth that in loops, and elsewhere columns are read in place.)
"""

from array import array
from typing import Any, Final, TypeAlias, TypeVar, cast

ORIGIN: Final = 0
NOBODY: Final = -1
END: Final = -1
"""No item: the end of a list, and the whole of an empty one."""
GROWTH_MIN: Final = 64
GROWTH_DIVISOR: Final = 32
"""Columns grow by this part of themselves: a million entries have been copied 32 times when they are two."""

View: TypeAlias = "memoryview[int]"
"""A column of a table whose columns lie side by side."""
Column = TypeVar("Column", "array[int]", bytearray)


def longer(column: Column, more: int, value: int = 0) -> Column:
    """Give a column with so many more entries of this value at its end, in place of the one given."""
    # A compiled owner hands over a view.
    entries: Any = getattr(column, "base", column)
    filler = bytes([value]) if isinstance(entries, bytearray) else array(entries.typecode, [value])
    return cast("Column", entries + filler * more)


def side_by_side(table: "array[int]", columns: int) -> list[View]:
    """Give the columns of a table that lies row by row, as views: what is asked of one peer lies next to each other.

    A random entry of a column of a million costs a wait for memory, and its neighbours then nothing: of a peer's eight small
    numbers the first costs as much as all of them. A view is read as fast as an array.
    """
    return [memoryview(table)[column::columns] for column in range(columns)]


def without_views(state: dict[str, object]) -> dict[str, object]:
    """Give what is to be copied of an object that looks at tables as columns: all but the views, which are of these tables."""
    return {name: value for name, value in state.items() if not isinstance(value, memoryview)}


def growth(used: int, missing: int = 1) -> int:
    """Say by how many entries columns of this length grow when so many are missing."""
    return max(missing, GROWTH_MIN, used // GROWTH_DIVISOR)
