"""The flow fidelity's world: who comes and goes, what goes wrong, and the order in which it happens."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.units import SECOND, Micros
from sim.chance import dice, stream
from sim.distances import Distances
from sim.flow.calendar import Actor, Calendar
from sim.flow.checks import tree_problems
from sim.flow.crowd import Crowd
from sim.flow.departures import Departures
from sim.flow.desk import Desk
from sim.flow.figures import Figures
from sim.flow.mesh import SOURCE, Mesh
from sim.flow.orphan import Orphan
from sim.flow.orphans import Orphans
from sim.flow.people import People
from sim.flow.reports import Reports
from sim.flow.sound import NO_CHUNK, Sound
from sim.flow.troubles import Troubles
from sim.flow.wishes import Wish
from sim.geography import Geography
from sim.measures import Clock, Measures
from sim.scenario import DELAYS_US, Scenario
from sim.sessions import FOREVER_US
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.nodes import RANK_MIN
from tracker.overlay.tree import Tree

_PRIME: Final = 0x100000001B3
_WORD: Final = 0xFFFFFFFFFFFFFFFF
_CHANGE: Final = 0
_ASK: Final = 1
_JOINED: Final = 2
_JOINS_ALONE: Final = 3


class Flow(Actor):
    """One run of a scenario."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int | str,
        clock: Clock | None = None,
        *,
        geography: Distances | None = None,
        tree: Tree | None = None,
    ) -> None:
        """Begin; `geography` is what the scenario's matrix says, `tree` the tracker's, if it has one already."""
        self.scenario = scenario
        self.seed = seed
        self.calendar = Calendar()
        super().__init__(self.calendar)
        self.crowd = Crowd(scenario, seed, geography or Geography())
        self.mesh = Mesh(self.crowd.city_delays_us)
        self.sound = Sound(self.mesh, scenario.chunk_us, scenario.duration_us - max(DELAYS_US))
        self.tree = tree or Tree(
            regions=len(self.crowd.nearest_regions),
            nearest_regions=self.crowd.nearest_regions,
            dice=dice(seed, "dice of the tracker"),
            origin_capacity=scenario.origin_capacity,
            origin_region=self.crowd.region_of[self.crowd.home],
        )
        self.tree.is_stored = False
        self.desk = Desk(
            self.tree,
            self.mesh,
            self.sound,
            self.calendar,
            clock,
            self._placed,
            dice(seed, "resume"),
        )
        self.orphans = Orphans(
            self.mesh,
            self.sound,
            self.calendar,
            self._repaired,
            self.desk.seek,
            dice(seed, "referrals"),
        )
        self.desk.orphans = self.orphans
        self.people: Final = People()
        self.reports = Reports(self, clock)
        self.desk.moves.lowered = self.reports.report_lowered
        self.figures = Figures(self)
        self._wishes: Final = self.figures.wishes
        self.troubles = Troubles(self)
        self.phases: Final = dice(seed, "phases")
        self.departures = Departures(self)
        self.on_repair: Callable[[int, int], object] = _nothing
        """Called with each orphan that hears again, and its parent."""
        self._digest = 0
        self.coming = 0
        """Listeners that have asked and have no parent yet."""
        self._begin()

    # ---- a rehearsal

    @property
    def now(self) -> Micros:
        """Simulated time."""
        return self.calendar.now

    @property
    def peers_alive(self) -> int:
        """Listeners that have been given a place."""
        return self.mesh.living

    @property
    def events(self) -> int:
        """Events so far."""
        return self.calendar.called

    def run_until(self, until: Micros) -> None:
        """Let time pass."""
        with _uncollected():
            self.calendar.run_until(until)

    def measures(self) -> Measures:
        """Sum up what has happened so far."""
        return self.figures.measures()

    def digest(self) -> str:
        """Give a digest of what has happened so far, in hexadecimal."""
        return f"{self._digest:016x}"

    def problems(self) -> list[str]:
        """Look for broken promises, in the tracker's tree and among the peers."""
        return tree_problems(self)

    def note(self, kind: int, node: int, other: int = 0) -> None:
        """Mix what happens into the digest (64-bit FNV-1a's multiplication)."""
        word = self.calendar.now << 8 ^ kind ^ node << 20 ^ other << 42
        self._digest = (self._digest ^ word) * _PRIME & _WORD

    def chance(self, name: str) -> Random:
        """Give the stream of chance of this name."""
        return stream(self.seed, name)

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _ASK:
            self._ask(thing)
        elif kind == _JOINED:
            self._joined(a, b, c, d, thing)
        elif kind == _CHANGE:
            self._change(a)
        elif kind == _JOINS_ALONE:
            self._joins_alone(a, b, c, thing)

    # ---- the beginning

    def _begin(self) -> None:
        """Plant the origin and the relays, and ask the first listeners in."""
        scenario, crowd, mesh = self.scenario, self.crowd, self.mesh
        mesh.enter(
            ORIGIN,
            capacity=scenario.origin_capacity,
            city=crowd.home,
            access_us=crowd.data_centre_us,
            role=SOURCE,
        )
        mesh.rank[ORIGIN] = RANK_MIN[SOURCE]
        if scenario.rtts.by_delay:
            self.tree.lags.enter(ORIGIN, crowd.measured_us(crowd.home, crowd.data_centre_us))
        for wish in crowd.relays():
            self.desk.join(wish)
        self._expect()
        self.desk.wake_wanting()
        self.reports.begin()
        self.troubles.begin()
        self.figures.begin()

    def _expect(self) -> None:
        """Let the next one come, or go, in its time."""
        following = self.crowd.next_change()
        if following is not None:
            self.calendar.at(following[0], self, _CHANGE, following[1])

    def _change(self, step: int) -> None:
        """Let one come, or one of those who are here go, because the scenario's crowd grows or shrinks."""
        if step > 0:
            self.come()
        elif self.people.all:
            there = self.people.all
            self.departures.remove(there[self.phases(len(there))], is_crash=False)
        self._expect()

    def come(self) -> None:
        """Let a listener ask the tracker for a place."""
        now = self.calendar.now
        wish = self.crowd.wish(now)
        self.coming += 1
        self.calendar.at(now + self._way_us(wish), self, _ASK, 0, 0, 0, 0, wish)

    def _way_us(self, wish: Wish) -> Micros:
        """Give the delay between a joiner and the tracker, one way."""
        crowd, mesh = self.crowd, self.mesh
        way_us = mesh.city_delay_us(wish.city, crowd.home)
        return way_us + wish.access_us + crowd.data_centre_us + self.desk.slow_us

    def _ask(self, wish: Wish) -> None:
        """Let a joiner's request reach the tracker; a dead one is dialled every second."""
        if not self.desk.is_up:
            self.calendar.at(self.calendar.now + SECOND, self, _ASK, 0, 0, 0, 0, wish)
            return
        self.desk.join(wish)

    # ---- joining

    def _placed(self, node: int, wish: Wish, parent: int, told_at: Micros) -> None:
        """Let a joiner hear its place, and dial the parent that was named."""
        mesh = self.mesh
        generation = mesh.generation[node]
        if mesh.alive[parent]:
            due = told_at + 4 * mesh.delay_us(node, parent)
            self.calendar.at(due, self, _JOINED, node, generation, parent, mesh.generation[parent], wish)
        else:
            self.calendar.at(told_at, self, _JOINS_ALONE, node, generation, parent, 0, wish)

    def _joined(self, node: int, generation: int, parent: int, theirs: int, wish: Wish) -> None:
        """Let a joiner's first parent accept it, if it can."""
        mesh = self.mesh
        if mesh.generation[node] != generation:
            return
        if mesh.generation[parent] != theirs or not mesh.may_adopt(parent, mesh.rank[node]):
            self._joins_alone(node, generation, NOBODY, wish)
            return
        mesh.counter[node] += 1
        self._attach(node, parent, wish)
        self.desk.joined(node)

    def _attach(self, node: int, parent: int, wish: Wish) -> None:
        """Have a joiner hear its first sound."""
        mesh, have, now = self.mesh, self.sound.have, self.calendar.now
        mesh.drop_standby(node, parent)
        mesh.link(node, parent)
        mesh.attached_at[node] = now
        mesh.rank[node] = max(mesh.rank[parent] + 1, RANK_MIN[mesh.role[node]])
        lag_us = mesh.lag_us[parent] + mesh.delay_us(parent, node)
        mesh.lag_us[node] = mesh.base_us[node] = lag_us
        have.pop(node, None)
        # Where nobody has stalled, nobody need look up the chain.
        if have and mesh.head_of(parent) != ORIGIN:
            have[node] = self.sound.stalled_at(parent)
        mesh.drop_higher_standbys(node)
        self.note(1, node, parent)
        if mesh.role[node] == LISTENER:
            self.coming -= 1
            self.admit(node)
            if wish.stays_us < FOREVER_US:
                self.departures.end(node, now + wish.stays_us, wish.is_crashing)
        self.figures.joined(node, now - wish.asked_at)

    def admit(self, node: int) -> None:
        """Count a listener among those who hear."""
        self.sound.begin(node, self.calendar.now)
        self.people.add(node)

    def _joins_alone(self, node: int, generation: int, parent: int, wish: Wish) -> None:
        """Let a joiner whose first parent is gone or full turn to its standbys."""
        if self.mesh.generation[node] != generation:
            return
        now = self.calendar.now
        self.sound.have[node] = NO_CHUNK
        self._wishes[node] = wish
        named = None if parent == NOBODY else parent
        self.orphans.begin(node, now, now, (), None, named, has_heard=False)

    # ---- repairs

    def _repaired(self, orphan: Orphan, parent: int, now: Micros) -> None:
        """Take in that an orphan hears again: its report, and the tracker's answer."""
        node, mesh = orphan.node, self.mesh
        wish = self._wishes.pop(node, None)
        if wish is not None:
            self._attach(node, parent, wish)
            self.desk.joined(node)
            return
        self.note(2, node, parent)
        self.on_repair(node, parent)
        self.figures.repaired(orphan, now, self.desk.helped.pop(node, None) is not None)
        mesh.drop_higher_standbys(node)
        self.reports.fill_from_uncles(node, now)
        if self.sound.lowered:
            self.reports.report_lowered()
        self.reports.report_after(node, orphan.left)


def _nothing(*_: int) -> None:
    """Nobody wants to know."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the cyclic garbage collector off: nothing here is a cycle, and a pass over a million peers takes seconds.

    Afterwards all that has come counts as old, so that no pass over it follows at once. (PyPy's collector frees
    everything there, in small steps: it is left alone.)
    """
    if not gc.isenabled() or sys.implementation.name != "cpython":
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Both take no time: what is frozen, and thawed again, is in the oldest generation.
        gc.freeze()
        gc.unfreeze()
        gc.enable()
