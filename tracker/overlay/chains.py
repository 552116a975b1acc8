"""Many ordered lists of small integers in four flat arrays.

A million Python lists cost a hundred bytes each, and the collector walks them all; links in flat arrays cost eight
bytes an item and eight an owner, keep the order in which items came, and add and remove in O(1). An item is on one
list at a time: a child has one parent, a lease one lane.
"""

from array import array
from collections.abc import Iterator
from typing import Final

END: Final = -1
"""No item: the end of a list, and the whole of an empty one."""


class Chains:
    """Doubly linked lists, one for each owner; owners and items are numbered from 0."""

    __slots__ = ("_last", "_previous", "first", "next")

    def __init__(self) -> None:
        self.first = array("i")
        """The first item of each owner; walk on with `next` where a generator would be too slow."""
        self.next = array("i")
        self._last = array("i")
        self._previous = array("i")

    def grow(self, owners: int, items: int) -> None:
        """Make room for so many more owners and items."""
        self.first.extend([END] * owners)
        self._last.extend([END] * owners)
        self.next.extend([END] * items)
        self._previous.extend([END] * items)

    def append(self, owner: int, item: int) -> None:
        """Put an item, which is on no list, at the end of an owner's."""
        last = self._last[owner]
        if last == END:
            self.first[owner] = item
        else:
            self.next[last] = item
        self._previous[item] = last
        self.next[item] = END
        self._last[owner] = item

    def remove(self, owner: int, item: int) -> None:
        """Take an item off the list of the owner that has it."""
        before, after = self._previous[item], self.next[item]
        if before == END:
            self.first[owner] = after
        else:
            self.next[before] = after
        if after == END:
            self._last[owner] = before
        else:
            self._previous[after] = before

    def of(self, owner: int) -> Iterator[int]:
        """Go through an owner's items in the order they came; removing the item just given is allowed."""
        item = self.first[owner]
        while item != END:
            after = self.next[item]
            yield item
            item = after
