"""Who stands by for whom, in both directions.

A peer has up to two standbys; a standby has clients, and their number is its load. Both ways are O(1) to change, and
the clients of one who goes are found without a search, so that they can be given somebody else.
"""

from array import array
from collections.abc import Iterator

from meshcast.protocol.limits import STANDBYS_MAX
from tracker.overlay.chains import Chains
from tracker.overlay.nodes import NOBODY


class StandbyLinks:
    """The book of standbys; `Tree` keeps its promises and its indices in step."""

    __slots__ = ("_clients", "_standbys", "load", "wanting")

    def __init__(self) -> None:
        # Link i of a node is entry STANDBYS_MAX * node + i, here and on its standby's list of clients.
        self._standbys = array("i")
        self._clients = Chains()
        self.load = array("i")
        """How many peers a node stands by for."""
        self.wanting: dict[int, None] = {}
        """Who has lost a standby and has not been given another, in the order of the losses."""

    def grow(self, nodes: int) -> None:
        """Make room for so many more nodes."""
        self._standbys.extend([NOBODY] * (STANDBYS_MAX * nodes))
        self._clients.grow(nodes, STANDBYS_MAX * nodes)
        self.load.extend([0] * nodes)

    def of(self, node: int) -> tuple[int, ...]:
        """Give a node's standbys."""
        start = STANDBYS_MAX * node
        held = self._standbys[start : start + STANDBYS_MAX]
        return tuple(held) if NOBODY not in held else tuple([one for one in held if one != NOBODY])

    def clients(self, standby: int) -> Iterator[int]:
        """Go through those whom a node stands by for, oldest first; dropping the one just given is allowed."""
        for entry in self._clients.of(standby):
            yield entry // STANDBYS_MAX

    def has(self, node: int, standby: int) -> bool:
        """Tell whether `standby` stands by for `node`."""
        start = STANDBYS_MAX * node
        return standby in self._standbys[start : start + STANDBYS_MAX]

    def give(self, node: int, standby: int) -> bool:
        """Have `standby` stand by for `node`; tell whether there was room for it."""
        start = STANDBYS_MAX * node
        for entry in range(start, start + STANDBYS_MAX):
            if self._standbys[entry] == NOBODY:
                self._standbys[entry] = standby
                self._clients.append(standby, entry)
                self.load[standby] += 1
                return True
        return False

    def drop(self, node: int, standby: int) -> None:
        """Have `standby`, which does, stand by for `node` no longer; the node wants another from now on."""
        start = STANDBYS_MAX * node
        entry = self._standbys.index(standby, start, start + STANDBYS_MAX)
        self._standbys[entry] = NOBODY
        self._clients.remove(standby, entry)
        self.load[standby] -= 1
        self.wanting[node] = None

    def forget(self, node: int) -> None:
        """Have nothing wanted for a node that goes."""
        self.wanting.pop(node, None)
