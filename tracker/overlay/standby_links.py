"""Who stands by for whom, in both directions.

A peer has up to two standbys; a standby has clients, and their number is its load. Both ways are O(1) to change, and
the clients of one who goes are found without a search, so that they can be given somebody else.

Link i of a node is entry STANDBYS_MAX * node + i, of the standbys and of the rings of clients alike: those are linked
as `Chains` are. All that one entry says lies side by side.
"""

from array import array
from typing import Final

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import STANDBYS_MAX
from tracker.overlay.columns import END, NOBODY, View, longer, side_by_side, without_views

_ENTRY: Final = 3

assert STANDBYS_MAX == 2, "the two entries of a node are looked at one by one below"
assert NOBODY == END, "entries are filled with both"


class StandbyLinks:
    """The book of standbys; `Tree` keeps its promises and its indices in step."""

    __slots__ = ("_entries", "_first", "_next", "_previous", "_standbys", "load", "wanting")

    def __init__(self) -> None:
        self._entries = array("i")
        self._standbys: View
        self._next: View
        self._previous: View
        self._first = array("i")
        self.load = array("h")
        """How many peers a node stands by for."""
        self.wanting: Final[dict[int, None]] = {}
        """Who has lost a standby and has not been given another, in the order of the losses."""
        self._view()

    def grow(self, nodes: int) -> None:
        """Make room for so many more nodes."""
        self._entries = longer(self._entries, _ENTRY * STANDBYS_MAX * nodes, NOBODY)
        self._view()
        self._first = longer(self._first, nodes, END)
        self.load = longer(self.load, nodes)

    def of(self, node: int) -> tuple[int, ...]:
        """Give a node's standbys."""
        entry = STANDBYS_MAX * node
        one, other = self._standbys[entry], self._standbys[entry + 1]
        if one == NOBODY:
            if other == NOBODY:
                return ()
            return (other,)
        if other == NOBODY:
            return (one,)
        return (one, other)

    def are(self, node: int, one: int, other: int) -> bool:
        """Tell whether these two stand by for a node, in this order."""
        entry = STANDBYS_MAX * node
        return self._standbys[entry] == one and self._standbys[entry + 1] == other

    def clients(self, standby: int) -> list[int]:
        """Give those whom a node stands by for, oldest first."""
        clients: list[int] = []
        entry = self._first[standby]
        while entry != END:
            clients.append(entry // STANDBYS_MAX)
            entry = self._next[entry]
        return clients

    def has(self, node: int, standby: int) -> bool:
        """Tell whether `standby` stands by for `node`."""
        entry = STANDBYS_MAX * node
        return self._standbys[entry] == standby or self._standbys[entry + 1] == standby

    def give(self, node: int, standby: int) -> bool:
        """Have `standby` stand by for `node`; tell whether it did not yet, and there was room for it."""
        entry = STANDBYS_MAX * node
        one, other = self._standbys[entry], self._standbys[entry + 1]
        if standby in (one, other):
            return False
        if one != NOBODY:
            if other != NOBODY:
                return False
            entry += 1
        self._standbys[entry] = standby
        self.load[standby] += 1
        first = self._first[standby]
        if first == END:
            self._first[standby] = self._previous[entry] = entry
        else:
            last = self._previous[first]
            self._previous[entry] = last
            self._next[last] = self._previous[first] = entry
        self._next[entry] = END
        return True

    def drop(self, node: int, standby: int) -> None:
        """Have `standby`, which does, stand by for `node` no longer; the node wants another from now on."""
        entry, standbys = STANDBYS_MAX * node, self._standbys
        if standbys[entry] != standby:
            entry += 1
            if standbys[entry] != standby:
                raise LocalProtocolError(f"node {standby} does not stand by for {node}")
        standbys[entry] = NOBODY
        self.load[standby] -= 1
        self.wanting[node] = None
        before, after, first = self._previous[entry], self._next[entry], self._first[standby]
        if entry == first:
            self._first[standby] = after
            if after != END:
                self._previous[after] = before
        else:
            self._next[before] = after
            self._previous[first if after == END else after] = before

    def drop_clients(self, standby: int) -> None:
        """Have a node stand by for nobody; its clients want another, oldest first. O(load)."""
        if not self.load[standby]:
            return
        entry = self._first[standby]
        while entry != END:
            self._standbys[entry] = NOBODY
            self.wanting[entry // STANDBYS_MAX] = None
            entry = self._next[entry]
        self._first[standby] = END
        self.load[standby] = 0

    def forget(self, node: int) -> None:
        """Have nothing wanted for a node that goes."""
        if self.wanting:
            self.wanting.pop(node, None)

    def _view(self) -> None:
        """Look at the table of entries as columns."""
        self._standbys, self._next, self._previous = side_by_side(self._entries, _ENTRY)

    def __getstate__(self) -> dict[str, object]:
        """Be copied without the views, which are of this table."""
        return without_views({name: getattr(self, name) for name in self.__slots__})

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._view()
