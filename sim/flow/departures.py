"""Who goes, politely or not, and how those around notice."""

from typing import TYPE_CHECKING, Any, Final

from meshcast.protocol.limits import STALLED_FRESH_US, silence_us
from meshcast.protocol.units import MILLISECOND, Micros
from sim.flow.calendar import Actor
from sim.flow.orphan import Known
from sim.flow.sound import NO_CHUNK
from sim.network import PING_US, SILENCE_US
from tracker.overlay.columns import NOBODY, ORIGIN

if TYPE_CHECKING:
    from sim.flow.flow import Flow

BYE_US: Final[Micros] = 50 * MILLISECOND
"""What a goodbye takes to those for whom one stood by."""

_CRASH: Final = 0
_GOODBYE: Final = 1
_LOST: Final = 2
_LEFT: Final = 3
_ORPHANED: Final = 4
_STANDBY_GONE: Final = 5


class Departures(Actor):
    """The departures of one run."""

    def __init__(self, flow: "Flow") -> None:
        super().__init__(flow.calendar)
        self._flow = flow
        self.mesh = flow.mesh
        self.sound = flow.sound
        self.calendar = flow.calendar
        self.desk = flow.desk
        self.orphans = flow.orphans
        self.figures = flow.figures
        self.reports = flow.reports
        self.people = flow.people
        self._wishes = flow.figures.wishes
        self._silence_us: Micros = silence_us(flow.scenario.chunk_us, 0)
        self._is_replaced = flow.scenario.sessions.replaced
        self._phases = flow.phases

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _CRASH:
            self._crash(a, b)
        elif kind == _GOODBYE:
            self._say_goodbye(a, b)
        elif kind == _LOST:
            self._lost(a, b)
        elif kind == _LEFT:
            self._left(a, b)
        elif kind == _ORPHANED:
            uncles, left = thing
            self._orphaned(a, b, uncles, c, left)
        elif kind == _STANDBY_GONE:
            self._standby_gone(a, thing)

    def end(self, node: int, at: Micros, is_crash: bool) -> None:  # noqa: FBT001
        """Have a listener's session end at a time, politely or not."""
        kind = _CRASH if is_crash else _GOODBYE
        self.calendar.at(at, self, kind, node, self.mesh.generation[node])

    def _crash(self, node: int, generation: int) -> None:
        """Let a listener's session end without a word."""
        if self._is_here(node, generation):
            self.remove(node, is_crash=True)
            self._replace()

    def _say_goodbye(self, node: int, generation: int) -> None:
        """Let a listener's session end politely."""
        if self._is_here(node, generation):
            self.remove(node, is_crash=False)
            self._replace()

    def _is_here(self, node: int, generation: int) -> bool:
        """Tell whether a number is still that peer's."""
        return self.mesh.generation[node] == generation and bool(self.mesh.alive[node])

    def _replace(self) -> None:
        """Let another come for one that has left, if the scenario says so."""
        if self._is_replaced:
            self._flow.come()

    def kill(self, victims: list[int]) -> None:
        """Have peers die in one instant: their children know what they knew before it."""
        uncles = [self.orphans.uncles.known(one) if self.mesh.feeds[one] else () for one in victims]
        for victim, known in zip(victims, uncles, strict=True):
            self.remove(victim, is_crash=True, uncles=known)

    def remove(
        self,
        node: int,
        is_crash: bool,  # noqa: FBT001 - by name, and yet declared
        uncles: tuple[Known, ...] | None = None,
    ) -> None:
        """Have a peer die, or say goodbye; its children know these uncles, or those that it has now."""
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        self._flow.note(3 + is_crash, node)
        newest, is_stalled = 0, False
        if mesh.feeds[node]:
            is_stalled = mesh.head_of(node) != ORIGIN
            newest = (now - mesh.lag_us[node]) // sound.chunk_us
            if is_stalled:
                newest = min(newest, sound.stalled_at(node, now))
            uncles = self.orphans.uncles.known(node) if uncles is None else uncles
        if mesh.attached_at[node] >= 0:
            sound.go(node, now)
            self.people.strike(node)
        self.figures.gone(is_crash)
        self.orphans.forget(node)
        self._wishes.pop(node, None)
        left = node, mesh.generation[node] + 1
        heads, clients = mesh.leave(node)
        for head in heads:
            sound.have[head] = max(newest, sound.have.get(head, NO_CHUNK))
            self._bereave(head, node, uncles or (), left, is_crash, is_stalled)
        self._tell_clients(node, clients, is_crash)
        if is_crash:
            self.calendar.at(now + PING_US // 2 + SILENCE_US, self, _LOST, node, mesh.generation[node])
        else:
            # Not before its clients have heard: who is given its number next would be taken for their standby.
            due = now + max(BYE_US, self.desk.way_us(node))
            self.calendar.at(due, self, _LEFT, node, mesh.generation[node])

    def _bereave(
        self,
        head: int,
        parent: int,
        uncles: tuple[Known, ...],
        left: Known,
        is_crash: bool,  # noqa: FBT001 - likewise
        is_stalled: bool,  # noqa: FBT001
    ) -> None:
        """Let a child notice that its parent is gone: by its Bye, or by its silence."""
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        generation = mesh.generation[head]
        way_us = mesh.delay_us(parent, head)
        if not is_crash:
            due = now + way_us
            self.calendar.at(due, self, _ORPHANED, head, generation, due, 0, (uncles, None))
            return
        heard_at = sound.have[head] * sound.chunk_us + mesh.lag_us[head]
        heard_at = max(heard_at, mesh.attached_at[head])
        due = heard_at + self._silence_us
        if is_stalled:
            # It had said so, and is excused for as long as its last notice holds.
            due = max(due, now + way_us + STALLED_FRESH_US // 2)
        self.calendar.at(due, self, _ORPHANED, head, generation, heard_at, 0, (uncles, left))

    def _orphaned(
        self, head: int, generation: int, uncles: tuple[Known, ...], unheard: Micros, left: Known | None
    ) -> None:
        """Let a child look for another parent."""
        mesh = self.mesh
        if mesh.generation[head] != generation or mesh.parent[head] != NOBODY or head in self.orphans.of:
            return
        self.orphans.begin(head, self.calendar.now, unheard_since=unheard, uncles=uncles, left=left)

    def _tell_clients(self, node: int, clients: list[int], is_crash: bool) -> None:  # noqa: FBT001
        """Let those for whom one stood by notice that it is gone."""
        if not clients:
            return
        now, mesh = self.calendar.now, self.mesh
        due = now + (SILENCE_US + self._phases(PING_US) if is_crash else BYE_US)
        known = [(one, mesh.generation[one]) for one in clients]
        self.calendar.at(due, self, _STANDBY_GONE, node, 0, 0, 0, known)

    def _standby_gone(self, standby: int, clients: list[Known]) -> None:
        """Let clients replace a standby, and report it."""
        mesh, now = self.mesh, self.calendar.now
        for client, generation in clients:
            if mesh.generation[client] != generation or not mesh.drop_standby(client, standby):
                continue
            if mesh.parent[client] != NOBODY:
                self.reports.fill_from_uncles(client, now)
                self.reports.report_standbys(client, generation)

    def _lost(self, node: int, generation: int) -> None:
        """Let the tracker notice that a link is gone."""
        if self.mesh.generation[node] == generation and self.desk.is_up and self.desk.tree.state[node]:
            self.desk.lost(node)

    def _left(self, node: int, generation: int) -> None:
        """Let a goodbye reach the tracker."""
        if self.mesh.generation[node] == generation and self.desk.is_up and self.desk.tree.state[node]:
            self.desk.left(node)
