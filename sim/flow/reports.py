"""What peers tell the tracker while they hear: after a repair, and when a standby is gone."""

from array import array
from typing import TYPE_CHECKING, Any, Final

from meshcast.protocol.limits import BEAT_EVERY_US, REFERRED_MAX, REPORT_AFTER_US, STANDBYS_MAX
from meshcast.protocol.units import Micros
from sim.flow.calendar import Actor
from sim.flow.orphan import Known
from sim.flow.timer import Timer
from sim.measures import Clock
from tracker.overlay.columns import NOBODY, ORIGIN

if TYPE_CHECKING:
    from sim.flow.flow import Flow

_REPORT: Final = 0
_STANDBYS: Final = 1
_FILL_ALL: Final = 2

_NEAREST: Final = 1 + STANDBYS_MAX
"""Those next to a parent: its own parent and its standbys."""
_ENLISTED: Final = -1


class Reports(Actor):
    """The reports of one run."""

    def __init__(self, flow: "Flow", clock: Clock | None) -> None:
        super().__init__(flow.calendar)
        self.mesh = flow.mesh
        self.sound = flow.sound
        self.calendar = flow.calendar
        self.desk = flow.desk
        self.orphans = flow.orphans
        self.people = flow.people
        self.timer = Timer(clock)
        self._asked: Final = array("i", [0] * REFERRED_MAX)
        """Uncles that the one who is looking has asked."""

    def begin(self) -> None:
        """Look again among uncles from time to time."""
        self.calendar.at(BEAT_EVERY_US, self, _FILL_ALL)

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _REPORT:
            self._report(a, b, thing)
        elif kind == _STANDBYS:
            self.report_standbys(a, b)
        elif kind == _FILL_ALL:
            self._fill_all()

    def report_lowered(self) -> None:
        """Let those report who have lost a standby because their rank has fallen."""
        sound, mesh, now = self.sound, self.mesh, self.calendar.now
        for node in sound.lowered:
            due = now + REPORT_AFTER_US + self.desk.way_us(node)
            self.calendar.at(due, self, _STANDBYS, node, mesh.generation[node])
        sound.lowered.clear()

    def report_standbys(self, node: int, generation: int) -> None:
        """Let a peer that lacks standbys tell the tracker."""
        mesh = self.mesh
        if mesh.generation[node] == generation and mesh.alive[node] and mesh.parent[node] != NOBODY:
            self.timer.begin()
            self.desk.report_standbys(node)
            if self.timer.is_on:
                self.timer.end()

    def report_after(self, node: int, left: Known | None) -> None:
        """Let a peer report in a moment, once for all that has happened by then."""
        due = self.calendar.now + REPORT_AFTER_US + self.desk.way_us(node)
        self.calendar.at(due, self, _REPORT, node, self.mesh.generation[node], 0, 0, left)

    def _report(self, node: int, generation: int, left: Known | None) -> None:
        """Let a peer's report reach the tracker."""
        mesh = self.mesh
        if mesh.generation[node] != generation or not mesh.alive[node]:
            return
        self.timer.begin()
        self.desk.report(node, silent=self.desk.known(left))
        if self.timer.is_on:
            self.timer.end()

    def _fill_all(self) -> None:
        """While the tracker is away, let those who lack a standby look again among uncles, as they do every 5 s."""
        mesh, now = self.mesh, self.calendar.now
        if not self.desk.is_up:
            for node in self.people.all:
                if mesh.lacks_standby(node) and mesh.parent[node] > ORIGIN:
                    self.fill_from_uncles(node, now)
        self.calendar.at(now + BEAT_EVERY_US, self, _FILL_ALL)

    def fill_from_uncles(self, node: int, now: Micros) -> None:
        """Take an uncle into an empty place until the tracker names somebody: at most one."""
        mesh, uncles = self.mesh, self.orphans.uncles
        parent = mesh.parent[node]
        if parent == NOBODY or not mesh.lacks_standby(node):
            return
        asked, at, known, are_all = 0, 0, uncles.look_up(parent, _NEAREST), False
        # Mostly one of the parent's own neighbours has a place; the others are looked up only if none has.
        while at < known or not are_all:
            if at == known:
                known, are_all = uncles.look_up(parent), True
                continue
            asked = self._ask_uncle(node, parent, uncles.found[at], asked, now)
            if asked in (_ENLISTED, REFERRED_MAX):
                return
            at += 1
        # Whom those named who were asked is worth looking up only once nobody else is left.
        heard_out = 0
        while heard_out < asked:
            for uncle in uncles.able_below(self._asked[heard_out], node):
                asked = self._ask_uncle(node, parent, uncle, asked, now)
                if asked in (_ENLISTED, REFERRED_MAX):
                    return
            heard_out += 1

    def _ask_uncle(self, node: int, parent: int, uncle: int, asked: int, now: Micros) -> int:
        """Ask an uncle, unless it was asked before; give how many were then, or `_ENLISTED` if it has a place."""
        if uncle in (node, parent):
            return asked
        for at in range(asked):
            if self._asked[at] == uncle:
                return asked
        self._asked[asked] = uncle
        asked += 1
        mesh = self.mesh
        entry = mesh.enlist(node, uncle)
        if entry < 0:
            return asked
        mesh.warm_at[entry] = now + 4 * asked * mesh.delay_us(node, uncle)
        return _ENLISTED
