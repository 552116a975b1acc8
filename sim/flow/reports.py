"""What peers tell the tracker while they hear: after a repair, and when a standby is gone."""

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


class Reports(Actor):
    """The reports of one run."""

    def __init__(self, flow: "Flow", clock: Clock | None) -> None:
        self.mesh = flow.mesh
        self.sound = flow.sound
        self.calendar = flow.calendar
        self.desk = flow.desk
        self.orphans = flow.orphans
        self.people = flow.people
        self.timer = Timer(clock)

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
        mesh = self.mesh
        parent = mesh.parent[node]
        if parent == NOBODY or not mesh.lacks_standby(node):
            return
        asked: list[int] = []
        uncles, at, heard_out = self.orphans.uncles, 0, 0
        # Mostly one of the parent's own neighbours has a place; the others are looked up only if none has.
        known, are_all = uncles.of(parent, _NEAREST), False
        while len(asked) < REFERRED_MAX:
            if at == len(known):
                if not are_all:
                    known, are_all = uncles.of(parent), True
                    continue
                # Whom those named who were asked is worth looking up only once nobody else is left.
                if heard_out == len(asked):
                    return
                known += uncles.able_below(asked[heard_out], node)
                heard_out += 1
                continue
            uncle = known[at]
            at += 1
            if uncle in asked or uncle in (node, parent):
                continue
            asked.append(uncle)
            entry = mesh.enlist(node, uncle)
            if entry >= 0:
                mesh.warm_at[entry] = now + 4 * len(asked) * mesh.delay_us(node, uncle)
                return
