"""Many ordered lists of small integers in three flat ones.

A million Python lists cost a hundred bytes each, and the collector walks them all; links in flat columns cost eight
bytes an item and four an owner, keep the order in which items came, and add and remove in O(1). An item is on one
list at a time: a child has one parent, a lease one lane.

Each list is a ring backwards: before its first item comes its last, so that nothing else need know where it ends. The
columns are arrays, for the reason that `columns` gives.
"""

from array import array

from tracker.overlay.columns import END, longer


class Chains:
    """Doubly linked lists, one for each owner; owners and items are numbered from 0."""

    __slots__ = ("_previous", "first", "next")

    def __init__(self) -> None:
        self.first = array("i")
        """The first item of each owner; walk on with `next`."""
        self.next = array("i")
        self._previous = array("i")

    def grow(self, owners: int, items: int) -> None:
        """Make room for so many more owners and items."""
        self.first = longer(self.first, owners, END)
        self.next = longer(self.next, items, END)
        self._previous = longer(self._previous, items, END)

    def append(self, owner: int, item: int) -> None:
        """Put an item, which is on no list, at the end of an owner's."""
        first, previous = self.first[owner], self._previous
        if first == END:
            self.first[owner] = previous[item] = item
        else:
            last = previous[first]
            previous[item] = last
            self.next[last] = previous[first] = item
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
