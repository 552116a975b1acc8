"""The tracker's side: `tracker.overlay.steward` decides, and this carries its decisions to the mesh and reports back.

What `tracker.overlay.broadcast` says in messages arrives here after the same one-way delays: a place, a move, new
standbys. A report is heard in the instant in which its peer has something to tell; that is half a round trip early, and
saves an event for each.
"""

from collections.abc import Callable
from typing import Any, Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import REPORT_EVERY_US, STANDBYS_MAX
from meshcast.protocol.machine import Dice
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Micros
from sim.flow.calendar import Actor, Calendar
from sim.flow.mesh import Mesh
from sim.flow.moves import Moves
from sim.flow.orphan import Known, Orphan
from sim.flow.orphans import Orphans
from sim.flow.sound import Sound
from sim.flow.timer import Timer
from sim.flow.wishes import Wish
from sim.measures import Clock
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.placement import Move
from tracker.overlay.states import State
from tracker.overlay.steward import GRACE_US, Steward
from tracker.overlay.tree import Tree
from tracker.overlay.waiting import Waiting

RESUME_US: Final[Micros] = 2 * SECOND
"""Peers come back to a restarted tracker spread over this."""
_ROLE_OF_MOST: Final = Role.LISTENER


_BURY: Final = 0
_HELP_ARRIVES: Final = 1
_WAKE_WANTING: Final = 2
_RESUME: Final = 3


class Desk(Actor):
    """The tracker, between its tree and the mesh."""

    def __init__(
        self,
        tree: Tree,
        mesh: Mesh,
        sound: Sound,
        calendar: Calendar,
        clock: Clock | None,
        placed: Callable[[int, Wish, int, Micros], None],
        dice: Dice,
    ) -> None:
        super().__init__(calendar)
        self.tree = tree
        self.steward = Steward(tree)
        self.waiting: Waiting[int, Wish] = Waiting()
        self._is_line = False
        """Somebody waits there: asked with every report."""
        self.moves: Final = Moves(mesh, sound, calendar, self.report)
        self.helped: dict[int, None] = {}
        """Orphans that have been given a place by the tracker."""
        self.joining = Timer(clock)
        self.leaving = Timer(clock)
        self.is_up = True
        self.is_open = True
        """The broadcaster is there."""
        self.slow_us: Micros = 0
        self.orphans: Orphans
        self._mesh = mesh
        self._calendar = calendar
        self._placed = placed
        self._dice = dice
        self._wish: Wish
        """Of the joiner that was entered last: it is told its place, or taken out again, before the next one comes."""
        self._lacking: dict[int, int] = {}
        """Those who have been given fewer standbys than they should have, with their generation."""
        self._serial = 0

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _BURY:
            self._bury(a, b)
        elif kind == _HELP_ARRIVES:
            self._help_arrives(a, b, c, thing)
        elif kind == _WAKE_WANTING:
            self.wake_wanting()
        elif kind == _RESUME:
            self._resume(a, b)

    # ---- joiners

    def way_us(self, node: int) -> Micros:
        """Give the delay between a peer and the tracker, one way."""
        return self._mesh.delay_us(node, ORIGIN) + self.slow_us

    def join(self, wish: Wish) -> None:
        """Let a joiner ask for a place."""
        self.joining.begin()
        is_line = self._is_line
        if is_line or not self._is_seated_at_once(wish):
            self._serial += 1
            self.waiting.add(self._serial, wish)
            self._is_line = True
        if is_line:
            self._admit()
        if self.joining.is_on:
            self.joining.end()

    def _is_seated_at_once(self, wish: Wish) -> bool:
        """Place somebody while nobody waits, if there is a place: as `_admit` would, but for the line."""
        if not (self.is_up and self.is_open and self.steward.may_enter(wish.capacity)):
            return False
        node, now = self._enter(wish), self._calendar.now
        if not self.steward.seat(node, now):
            self.steward.forget(node)
            return False
        self._tell_joiner(node, now)
        return True

    def _admit(self) -> None:
        """Place those who wait."""
        if not (self.is_up and self.is_open and self._is_line):
            return
        now, steward = self._calendar.now, self.steward
        for node in steward.admit(self.waiting, self._enter_first, steward.forget, now):
            self._tell_joiner(node, now)
        self._is_line = bool(self.waiting)

    def _enter_first(self, _: int, wish: Wish) -> int:
        """Add the first of those who wait to the tree."""
        return self._enter(wish)

    def _tell_joiner(self, node: int, now: Micros) -> None:
        """Tell a joiner its place and its standbys."""
        timer = self.joining
        standbys = self.steward.told(node, now)
        # The tracker's work ends with the standbys; the rest is the peer's.
        if timer.is_on:
            timer.end(is_whole=False)
        self._tell_place(node, standbys, now)
        if timer.is_on:
            timer.resume()

    def _enter(self, wish: Wish) -> int:
        """Add a joiner to the tree."""
        node = self.tree.add(capacity=wish.capacity, region=wish.region, role=wish.role, prefix=wish.prefix)
        if wish.landmarks:
            self.tree.lags.enter(node, wish.landmarks)
        self._wish = wish
        return node

    def _tell_place(self, node: int, standbys: tuple[int, ...], now: Micros) -> None:
        """Tell a joiner its place: it is a peer of the mesh from now on."""
        mesh, wish = self._mesh, self._wish
        role = LISTENER if wish.role is _ROLE_OF_MOST else int(wish.role)
        mesh.enter(node, capacity=wish.capacity, city=wish.city, access_us=wish.access_us, role=role)
        told_at = now + mesh.delay_us(node, ORIGIN) + self.slow_us
        for standby in standbys:
            mesh.take_standby(node, standby, told_at + 4 * mesh.delay_us(node, standby))
        self._placed(node, wish, self.tree.parent[node], told_at)

    # ---- reports

    def report(self, node: int, silent: int | None = None) -> None:
        """Hear where a peer stands, and answer with what would be better."""
        if not self.is_up:
            return
        mesh, steward, now = self._mesh, self.steward, self._calendar.now
        if silent is not None:
            steward.hear_of_silence(node, silent)
        parent = mesh.parent[node]
        if parent == NOBODY:
            steward.hear_of_orphan(node, mesh.counter[node])
        else:
            steward.hear_of_parent(node, parent, mesh.rank[node], mesh.counter[node])
        self._give_standbys(node, now)
        moves = steward.settle(node, parent if parent != NOBODY else None)
        if moves:
            self.order(moves)
        if self._is_line:
            self._admit()

    def joined(self, node: int) -> None:
        """Hear that a joiner is attached: the report that ends a join."""
        if not self.is_up:
            return
        mesh, steward, timer = self._mesh, self.steward, self.joining
        if timer.is_on:
            timer.resume()
        parent = mesh.parent[node]
        steward.hear_of_parent(node, parent, mesh.rank[node], mesh.counter[node])
        moves = steward.settle(node, parent)
        if timer.is_on:
            timer.end(is_whole=False)
        if not self.tree.lags.is_blind:
            moves += steward.better()
        if moves:
            self.order(moves)
        if self._is_line:
            self._admit()

    def report_standbys(self, node: int) -> None:
        """Hear that a peer has lost a standby, and give it another."""
        if self.is_up and self.tree.state[node]:
            self._give_standbys(node, self._calendar.now)

    def _give_standbys(self, node: int, now: Micros) -> None:
        """Give a peer the standbys that it lacks."""
        mesh = self._mesh
        known, entry = self.tree.standbys, STANDBYS_MAX * node
        one, other = mesh.standby[entry], mesh.standby[entry + 1]
        if NOBODY not in (one, other) and known.are(node, one, other) and node not in known.wanting:
            return
        wanted = self.steward.hear_of_standbys(node, mesh.standbys(node))
        if len(wanted) < STANDBYS_MAX and mesh.parent[node] != ORIGIN:
            self._lacking[node] = mesh.generation[node]
        if one != NOBODY and one not in wanted:
            mesh.drop_standby(node, one)
        if other != NOBODY and other not in wanted:
            mesh.drop_standby(node, other)
        told_at = now + self.way_us(node)
        for standby in wanted:
            if standby not in (one, other, mesh.parent[node]):
                mesh.take_standby(node, standby, told_at + 4 * mesh.delay_us(node, standby))

    def seek(self, orphan: Orphan, generation: int) -> None:
        """Hear that nobody known can help an orphan."""
        mesh, node, now = self._mesh, orphan.node, self._calendar.now
        if not self.is_up or mesh.generation[node] != generation:
            return
        silent = self.known(orphan.left)
        if silent is not None:
            self.steward.hear_of_silence(node, silent)
        self.steward.hear_of_orphan(node, mesh.counter[node])
        if self.steward.may_help(node, now) and self.steward.help(node, mesh.standbys(node)):
            standbys = self.steward.told(node, now)
            self.helped[node] = None
            told_at = now + self.way_us(node)
            self._calendar.at(
                told_at, self, _HELP_ARRIVES, node, generation, self.tree.parent[node], 0, standbys
            )

    def known(self, peer: Known | None) -> int | None:
        """Give a peer's number if the tracker still has that very peer under it."""
        if peer is None:
            return None
        node, generation = peer
        return node if self._mesh.generation[node] == generation and self.tree.state[node] else None

    def wake_wanting(self) -> None:
        """Hear the regular reports of those who lack a standby: the others' change nothing."""
        mesh = self._mesh
        if self.is_up:
            lacking, self._lacking = self._lacking, {}
            for node in self.tree.standbys.wanting:
                lacking[node] = mesh.generation[node]
            for node, generation in lacking.items():
                if mesh.generation[node] == generation and mesh.parent[node] != NOBODY:
                    self._give_standbys(node, self._calendar.now)
        self._calendar.at(self._calendar.now + REPORT_EVERY_US, self, _WAKE_WANTING)

    def _help_arrives(self, node: int, generation: int, parent: int, standbys: tuple[int, ...]) -> None:
        """Let an orphan hear whom the tracker names."""
        if self._mesh.generation[node] == generation:
            self.orphans.name(node, parent, standbys, self._calendar.now)

    # ---- going

    def left(self, node: int) -> None:
        """Hear that a peer has said goodbye, or will not come back."""
        self.leaving.begin()
        self.steward.forget(node)
        moves = self.steward.tidy()
        if self.leaving.is_on:
            self.leaving.end()
        self.order(moves + self.steward.better())
        self._admit()

    def lost(self, node: int) -> None:
        """Hear that a peer's link is gone; it has some time to come back."""
        self.steward.lost(node, self._calendar.now)
        self._calendar.at(self._calendar.now + GRACE_US, self, _BURY, node, self._mesh.generation[node])

    # ---- order

    def tidy(self) -> None:
        """After places have opened: relieve others, and admit who waits."""
        self.order(self.steward.tidy())
        self._admit()

    def order(self, moves: list[Move]) -> None:
        """Tell children to move."""
        self.moves.order(moves, self.slow_us)

    # ---- outages

    def come_back(self) -> None:
        """Be there again after an outage, with the tree as it was kept: peers report, and the dead are missed."""
        self.is_up = True
        mesh, tree, calendar = self._mesh, self.tree, self._calendar
        for node in tree.nodes():
            if node == ORIGIN:
                continue
            due = calendar.now + self._dice(RESUME_US)
            if not mesh.alive[node]:
                calendar.at(calendar.now + GRACE_US, self, _BURY, node, mesh.generation[node])
                continue
            is_pending = tree.state[node] == State.PENDING
            is_short = mesh.lacks_standby(node)
            if is_pending or is_short or mesh.parent[node] != tree.parent[node]:
                calendar.at(due, self, _RESUME, node, mesh.generation[node])
        self._admit()

    def _resume(self, node: int, generation: int) -> None:
        """Hear a peer that has come back to a restarted tracker."""
        if self._mesh.generation[node] == generation and self._mesh.role[node] == LISTENER:
            self.report(node)

    def _bury(self, node: int, generation: int) -> None:
        """Forget one that never came back; in an outage it is missed afterwards."""
        mesh = self._mesh
        if (
            self.is_up
            and not mesh.alive[node]
            and mesh.generation[node] == generation
            and self.tree.state[node]
        ):
            self.left(node)
