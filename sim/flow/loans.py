"""Borrowing in a stalled tree: who has a standby that hears pulls from it what all beneath it miss."""

from typing import Any, Final

from meshcast.protocol.limits import BORROW_AFTER_US, BORROW_EVERY_US
from meshcast.protocol.units import Micros
from sim.flow.calendar import Actor, Calendar
from sim.flow.mesh import Mesh
from sim.flow.orphan import Orphan
from sim.flow.sound import Sound
from tracker.overlay.columns import NOBODY, ORIGIN

_BORROW: Final = 0
_LEND: Final = 1


class Loans(Actor):
    """The loans of one run."""

    def __init__(self, mesh: Mesh, sound: Sound, calendar: Calendar, orphans: dict[int, Orphan]) -> None:
        """Lend to these orphans, by their numbers, and to those beneath them."""
        super().__init__(calendar)
        self.mesh = mesh
        self.sound = sound
        self.calendar = calendar
        self._orphans = orphans

    def begin(self, orphan: Orphan) -> None:
        """Let an orphan's tree borrow once it has heard nothing for so long, if it is still one."""
        self.calendar.at(orphan.unheard_since + BORROW_AFTER_US, self, _BORROW, 0, 0, 0, 0, orphan)

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _BORROW:
            self._borrow(thing)
        elif kind == _LEND:
            self._lend(thing, a, b, c)

    def _borrow(self, orphan: Orphan) -> None:
        """Let those in a stalled tree who have a standby that hears pull from it what they miss; the others ask again.

        Whoever borrows passes on what it gets, so those beneath it need not; those beneath one who cannot try themselves.
        """
        if self._orphans.get(orphan.node) is not orphan:
            return
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        stack, is_short = [orphan.node], False
        while stack:
            node = stack.pop()
            if node in sound.lenders:
                continue
            lender = self._lender(node, now)
            if lender != NOBODY:
                due = now + 2 * mesh.delay_us(node, lender)
                self.calendar.at(due, self, _LEND, node, mesh.generation[node], lender, 0, orphan)
                continue
            is_short = True
            stack.extend(mesh.children.of(node))
        if is_short:
            self.calendar.at(now + BORROW_EVERY_US, self, _BORROW, 0, 0, 0, 0, orphan)

    def _lender(self, node: int, now: Micros) -> int:
        """Give a standby that can lend: its link is up, it lives, and the sound comes to it."""
        mesh = self.mesh
        for standby in mesh.standbys(node):
            if mesh.has_warm(node, standby, now) and mesh.alive[standby] and mesh.head_of(standby) == ORIGIN:
                return standby
        return NOBODY

    def _lend(self, orphan: Orphan, node: int, generation: int, lender: int) -> None:
        """Let what was borrowed arrive, if it is still needed."""
        mesh = self.mesh
        if self._orphans.get(orphan.node) is not orphan or mesh.generation[node] != generation:
            return
        if mesh.head_of(node) == orphan.node and mesh.alive[lender] and mesh.head_of(lender) == ORIGIN:
            self.sound.borrow(node, lender, self.calendar.now)
