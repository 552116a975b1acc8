"""Moves that the tracker orders: children go over to other parents without a gap, and report whatever came of it."""

from collections.abc import Callable
from typing import Any, Final

from meshcast.protocol.limits import RANK_LISTENER_MIN
from meshcast.protocol.units import Micros
from sim.flow.calendar import Actor, Calendar
from sim.flow.mesh import Mesh
from sim.flow.sound import Sound
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.placement import Move

_MOVE: Final = 0


class Moves(Actor):
    """The moves of one run."""

    def __init__(self, mesh: Mesh, sound: Sound, calendar: Calendar, reported: Callable[[int], None]) -> None:
        """Begin with none; `reported` is called with a child when its report reaches the tracker."""
        super().__init__(calendar)
        self.count = 0
        """How many have been ordered."""
        self.lowered: Callable[[], None]
        """Called when ranks have fallen so far that standbys were lost."""
        self.reported = reported
        self._mesh = mesh
        self._sound = sound
        self._calendar = calendar

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _MOVE:
            self._move(thing, a, b)

    def order(self, moves: list[Move], slow_us: Micros) -> None:
        """Tell children to move, by a tracker that takes so much longer at present."""
        mesh, now = self._mesh, self._calendar.now
        for one in moves:
            child = one.child
            if not mesh.alive[child]:
                continue
            self.count += 1
            round_trips = 1 if mesh.has_warm(child, one.target, now) else 2
            due = (
                now
                + mesh.delay_us(child, ORIGIN)
                + slow_us
                + 2 * round_trips * mesh.delay_us(child, one.target)
            )
            theirs = mesh.generation[one.target]
            self._calendar.at(due, self, _MOVE, mesh.generation[child], theirs, 0, 0, one)

    def _move(self, one: Move, generation: int, theirs: int) -> None:
        """Have a child go over to another parent, without a gap; whatever comes of it is reported."""
        mesh, now, child, target = self._mesh, self._calendar.now, one.child, one.target
        if mesh.generation[child] != generation or not mesh.alive[child]:
            return
        is_possible = (
            mesh.parent[child] == one.source
            and mesh.alive[target]
            and mesh.generation[target] == theirs
            and mesh.room(target) > 0
            and (mesh.rank[target] < mesh.rank[child] or not mesh.feeds[child])
            and not self._is_beneath(target, child)
            and mesh.head_of(target) == ORIGIN
            and mesh.head_of(child) == ORIGIN
        )
        if is_possible:
            mesh.counter[child] += 1
            mesh.unlink(child)
            mesh.drop_standby(child, target)
            mesh.link(child, target)
            if not mesh.feeds[child]:
                mesh.rank[child] = max(mesh.rank[target] + 1, RANK_LISTENER_MIN)
                self._sound.lowered += mesh.drop_lower_clients(child)
            self._sound.change_way(child, now)
            mesh.drop_higher_standbys(child)
            if self._sound.lowered:
                self.lowered()
        self.reported(child)

    def _is_beneath(self, node: int, top: int) -> bool:
        """Tell whether `top` is an ancestor of a peer."""
        parent = self._mesh.parent
        while node != NOBODY:
            if node == top:
                return True
            node = parent[node]
        return False
