"""Whom a peer without a parent can turn to: its uncles, and whom somebody who is full names.

Told are numbers with generations, for somebody else may have a number by the time it is used; asked for at once, numbers
are enough.
"""

from array import array
from typing import Final

from meshcast.protocol.capacity import may_go_below, referred
from meshcast.protocol.limits import STANDBYS_MAX, UNCLES_MAX
from meshcast.protocol.machine import Dice
from sim.flow.mesh import Mesh
from sim.flow.orphan import Known
from tracker.overlay.columns import END, NOBODY, ORIGIN


class Uncles:
    """What peers would be told, read off the mesh."""

    def __init__(self, mesh: Mesh, dice: Dice) -> None:
        self._mesh = mesh
        self._dice = dice
        self.found: Final = array("i", [0] * UNCLES_MAX)
        """Whom `look_up` has found last."""

    def known(self, parent: int) -> tuple[Known, ...]:
        """Give whom the children of a peer may turn to, as its last Uncles said."""
        generation = self._mesh.generation
        return tuple([(one, generation[one]) for one in self.of(parent)])

    def of(self, parent: int, most: int = UNCLES_MAX) -> list[int]:
        """Give the numbers of those, or of the first of them."""
        return [self.found[at] for at in range(self.look_up(parent, most))]

    def look_up(self, parent: int, most: int = UNCLES_MAX) -> int:
        """Have the numbers of those, or of the first of them, in `found`; give how many there are."""
        mesh, count = self._mesh, 0
        while parent > ORIGIN and count < most:
            above, entry = mesh.parent[parent], STANDBYS_MAX * parent
            count = self._note(above, count, most)
            count = self._note(mesh.standby[entry], count, most)
            count = self._note(mesh.standby[entry + 1], count, most)
            parent = above
        return count

    def _note(self, uncle: int, count: int, most: int) -> int:
        """Note an uncle that is not among those who have been found; give how many there are then."""
        if uncle == NOBODY or count == most:
            return count
        for at in range(count):
            if self.found[at] == uncle:
                return count
        self.found[count] = uncle
        return count + 1

    def referrals(self, peer: int, asker: int) -> tuple[Known, ...]:
        """Give some children of one that is full: they can serve, and may have a place."""
        return self.names(peer, asker) if self._mesh.room(peer) <= 0 else ()

    def names(self, peer: int, asker: int) -> tuple[Known, ...]:
        """Give some children that can serve, if the asker's rank allows them to take it."""
        generation = self._mesh.generation
        return tuple([(one, generation[one]) for one in self.able_below(peer, asker)])

    def able_below(self, peer: int, asker: int) -> tuple[int, ...]:
        """Give the numbers of those."""
        mesh = self._mesh
        if mesh.servers.first[peer] == END or not may_go_below(mesh.rank[peer], mesh.rank[asker]):
            return ()
        able = [one for one in mesh.servers.of(peer) if one != asker]
        return referred(able, self._dice)
