"""Many ordered lists of small integers in three flat ones.

A million Python lists cost a hundred bytes each, and the collector walks them all; links in flat columns cost eight
bytes an item and four an owner, keep the order in which items came, and add and remove in O(1). An item is on one
list at a time: a child has one parent, a lease one lane.

Each list is a ring backwards: before its first item comes its last, so that nothing else need know where it ends. The
columns are narrow, and both links of an item lie side by side, for the reasons that `columns` gives.
"""

from array import array
from typing import Final

from tracker.overlay.columns import END, View, longer, side_by_side, without_views

_LINKS: Final = 2


class Chains:
    """Doubly linked lists, one for each owner; owners and items are numbered from 0."""

    __slots__ = ("_links", "_previous", "first", "next")

    def __init__(self) -> None:
        self.first = array("i")
        """The first item of each owner; walk on with `next`."""
        self._links = array("i")
        self.next: View
        self._previous: View
        self._view()

    def grow(self, owners: int, items: int) -> None:
        """Make room for so many more owners and items."""
        self.first = longer(self.first, owners, END)
        self._links = longer(self._links, _LINKS * items, END)
        self._view()

    def append(self, owner: int, item: int) -> None:
        """Put an item, which is on no list, at the end of an owner's."""
        first = self.first[owner]
        if first == END:
            self.first[owner] = self._previous[item] = item
        else:
            last = self._previous[first]
            self._previous[item] = last
            self.next[last] = self._previous[first] = item
        self.next[item] = END

    def remove(self, owner: int, item: int) -> None:
        """Take an item off the list of the owner that has it."""
        before, after, first = self._previous[item], self.next[item], self.first[owner]
        if item == first:
            self.first[owner] = after
            if after != END:
                self._previous[after] = before
        else:
            self.next[before] = after
            self._previous[first if after == END else after] = before

    def of(self, owner: int) -> list[int]:
        """Give an owner's items in the order they came."""
        items: list[int] = []
        item = self.first[owner]
        while item != END:
            items.append(item)
            item = self.next[item]
        return items

    def clear(self, owner: int) -> list[int]:
        """Take all items off an owner's list; give them in the order they came."""
        items = self.of(owner)
        self.first[owner] = END
        return items

    def _view(self) -> None:
        """Look at the table of links as columns."""
        self.next, self._previous = side_by_side(self._links, _LINKS)

    def __getstate__(self) -> dict[str, object]:
        """Be copied without the views, which are of this table."""
        return without_views({name: getattr(self, name) for name in self.__slots__})

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._view()
