"""How many bytes of memory things take, plain or compiled."""

import sys
import types
from array import array
from collections.abc import Iterator


def is_column(one: object) -> bool:
    """Tell whether something is a column of numbers, or a view of one."""
    return isinstance(one, array | bytearray) or isinstance(getattr(one, "base", None), array | bytearray)


def is_kept(one: object) -> bool:
    """Tell whether something is a column, or one of the tracker's own objects, which hold some."""
    return is_column(one) or type(one).__module__.startswith("tracker.")


def members(one: object) -> Iterator[object]:
    """Go through what an object's attributes hold, whether they are kept in a dict, in slots or in a compiled object."""
    yield from getattr(one, "__dict__", {}).values()
    for kind in type(one).__mro__:
        for name, what in vars(kind).items():
            is_kept = isinstance(what, types.MemberDescriptorType | types.GetSetDescriptorType)
            if is_kept and not name.startswith("__") and hasattr(one, name):
                yield getattr(one, name)


def tree_bytes(tree: object) -> int:
    """Give the bytes that the tracker's view takes: its columns, indices and books."""
    total, heap = 0, [tree]
    # What is read out of a compiled object is made when it is asked for: it is kept, lest another be given its number.
    seen: dict[int, object] = {}
    while heap:
        one = heap.pop()
        one = getattr(one, "base", one)
        if id(one) in seen or callable(one):
            continue
        seen[id(one)] = one
        total += sys.getsizeof(one, 0)
        if isinstance(one, dict | list | tuple):
            heap += [entry for entry in (one.values() if isinstance(one, dict) else one) if is_kept(entry)]
        elif not is_column(one) and is_kept(one):
            heap += members(one)
    return total
