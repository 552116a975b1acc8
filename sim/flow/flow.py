"""The flow fidelity's world: who comes and goes, what goes wrong, and the order in which it happens."""

import gc
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import (
    BEAT_EVERY_US,
    REFERRED_MAX,
    REPORT_AFTER_US,
    STALLED_FRESH_US,
    silence_us,
)
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.chance import dice, stream
from sim.distances import Distances
from sim.flow.calendar import Calendar
from sim.flow.checks import tree_problems
from sim.flow.crowd import Crowd
from sim.flow.desk import Desk, Timer, Wish
from sim.flow.figures import Figures
from sim.flow.mesh import SOURCE, Mesh
from sim.flow.orphans import Known, Orphan, Orphans
from sim.flow.sound import Sound
from sim.flow.troubles import Troubles
from sim.geography import Geography
from sim.measures import Clock, Measures
from sim.network import PING_US, SILENCE_US
from sim.scenario import DELAYS_US, Scenario
from sim.sessions import FOREVER_US
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.nodes import RANK_MIN
from tracker.overlay.tree import Tree

BYE_US: Final[Micros] = 50 * MILLISECOND
"""What a goodbye takes to those for whom one stood by."""
NONE: Final = -1


class Flow:
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
        self.desk.lowered = self.report_lowered
        self.figures = Figures(self)
        self._wishes: Final = self.figures.wishes
        self.troubles = Troubles(self)
        self.reporting = Timer(clock)
        self.people: Final = array("i")
        """The listeners that are there, in no order: to draw from."""
        self._place_of: Final[dict[int, int]] = {}
        self._silence_us: Final = silence_us(scenario.chunk_us, 0)
        self._phases: Final = dice(seed, "phases")
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
        self._digest = (self._digest ^ word) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF

    def chance(self, name: str) -> Random:
        """Give the stream of chance of this name."""
        return stream(self.seed, name)

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
        self.calendar.at(BEAT_EVERY_US, self._fill_all)
        self.troubles.begin()
        self.figures.begin()

    def _expect(self) -> None:
        """Let the next one come, or go, in its time."""
        following = self.crowd.next_change()
        if following is not None:
            self.calendar.at(following[0], self._change, (following[1],))

    def _change(self, step: int) -> None:
        """Let one come, or one of those who are here go, because the scenario's crowd grows or shrinks."""
        if step > 0:
            self.come()
        elif self.people:
            self.remove(self.people[self._phases(len(self.people))], is_crash=False)
        self._expect()

    def come(self) -> None:
        """Let a listener ask the tracker for a place."""
        now = self.calendar.now
        wish = self.crowd.wish(now)
        self.coming += 1
        self.calendar.at(now + self._way_us(wish), self._ask, (wish,))

    def _way_us(self, wish: Wish) -> Micros:
        """Give the delay between a joiner and the tracker, one way."""
        way_us = self.crowd.city_delays_us[wish.city][self.crowd.home]
        return way_us + wish.access_us + self.crowd.data_centre_us + self.desk.slow_us

    def _ask(self, wish: Wish) -> None:
        """Let a joiner's request reach the tracker; a dead one is dialled every second."""
        if not self.desk.is_up:
            self.calendar.at(self.calendar.now + SECOND, self._ask, (wish,))
            return
        self.desk.join(wish)

    # ---- joining

    def _placed(self, node: int, wish: Wish, parent: int, told_at: Micros) -> None:
        """Let a joiner hear its place, and dial the parent that was named."""
        mesh = self.mesh
        generation = mesh.generation[node]
        if mesh.alive[parent]:
            due = told_at + 4 * mesh.delay_us(node, parent)
            self.calendar.at(due, self._joined, (node, generation, parent, mesh.generation[parent], wish))
        else:
            self.calendar.at(told_at, self._joins_alone, (node, generation, parent, wish))

    def _joined(self, node: int, generation: int, parent: int, theirs: int, wish: Wish) -> None:
        """Let a joiner's first parent accept it, if it can."""
        mesh = self.mesh
        if mesh.generation[node] != generation:
            return
        if mesh.generation[parent] != theirs or not mesh.may_adopt(parent, mesh.rank[node]):
            self._joins_alone(node, generation, NONE, wish)
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
                generation = mesh.generation[node]
                end = self._crash if wish.is_crashing else self._say_goodbye
                self.calendar.at(now + wish.stays_us, end, (node, generation))
        self.figures.joined(node, now - wish.asked_at)

    def admit(self, node: int) -> None:
        """Count a listener among those who hear."""
        self.sound.begin(node, self.calendar.now)
        self._place_of[node] = len(self.people)
        self.people.append(node)

    def _joins_alone(self, node: int, generation: int, parent: int, wish: Wish) -> None:
        """Let a joiner whose first parent is gone or full turn to its standbys."""
        if self.mesh.generation[node] != generation:
            return
        now = self.calendar.now
        self.sound.have[node] = NONE
        self._wishes[node] = wish
        self.orphans.begin(
            node, now, unheard_since=now, named=None if parent == NONE else parent, has_heard=False
        )

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
        self._fill_from_uncles(node, now)
        if self.sound.lowered:
            self.report_lowered()
        generation = mesh.generation[node]
        due = now + REPORT_AFTER_US + self.desk.way_us(node)
        self.calendar.at(due, self._report, (node, generation, orphan.left))

    def report_lowered(self) -> None:
        """Let those report who have lost a standby because their rank has fallen."""
        sound, mesh, now = self.sound, self.mesh, self.calendar.now
        for node in sound.lowered:
            due = now + REPORT_AFTER_US + self.desk.way_us(node)
            self.calendar.at(due, self._report_standbys, (node, mesh.generation[node]))
        sound.lowered.clear()

    def _report_standbys(self, node: int, generation: int) -> None:
        """Let a peer that lacks standbys tell the tracker."""
        mesh = self.mesh
        if mesh.generation[node] == generation and mesh.alive[node] and mesh.parent[node] != NOBODY:
            self.reporting.begin()
            self.desk.report_standbys(node)
            self.reporting.end()

    def _report(self, node: int, generation: int, left: Known | None) -> None:
        """Let a peer's report reach the tracker."""
        mesh = self.mesh
        if mesh.generation[node] != generation or not mesh.alive[node]:
            return
        self.reporting.begin()
        self.desk.report(node, silent=self.desk.known(left))
        self.reporting.end()

    def _fill_all(self) -> None:
        """While the tracker is away, let those who lack a standby look again among uncles, as they do every 5 s."""
        mesh, now = self.mesh, self.calendar.now
        if not self.desk.is_up:
            for node in self.people:
                if mesh.lacks_standby(node) and mesh.parent[node] > ORIGIN:
                    self._fill_from_uncles(node, now)
        self.calendar.at(now + BEAT_EVERY_US, self._fill_all)

    def _fill_from_uncles(self, node: int, now: Micros) -> None:
        """Take an uncle into an empty place until the tracker names somebody: at most one."""
        mesh = self.mesh
        parent = mesh.parent[node]
        if parent == NOBODY or not mesh.lacks_standby(node):
            return
        orphans, asked = self.orphans, dict[int, None]()
        known = orphans.uncles(parent)
        # It grows while it is gone through.
        for uncle in known:
            if uncle in asked or uncle in (node, parent):
                continue
            asked[uncle] = None
            entry = mesh.enlist(node, uncle)
            if entry >= 0:
                mesh.warm_at[entry] = now + 4 * len(asked) * mesh.delay_us(node, uncle)
                return
            known += orphans.able_below(uncle, node)
            if len(asked) == REFERRED_MAX:
                return

    # ---- going

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
        if self.scenario.sessions.replaced:
            self.come()

    def kill(self, victims: list[int]) -> None:
        """Have peers die in one instant: their children know what they knew before it."""
        uncles = [self.orphans.uncles_of(one) if self.mesh.feeds[one] else () for one in victims]
        for victim, known in zip(victims, uncles, strict=True):
            self.remove(victim, is_crash=True, uncles=known)

    def remove(self, node: int, *, is_crash: bool, uncles: tuple[Known, ...] | None = None) -> None:
        """Have a peer die, or say goodbye; its children know these uncles, or those that it has now."""
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        self.note(3 + is_crash, node)
        newest, is_stalled = 0, False
        if mesh.feeds[node]:
            is_stalled = mesh.head_of(node) != ORIGIN
            newest = (now - mesh.lag_us[node]) // sound.chunk_us
            if is_stalled:
                newest = min(newest, sound.stalled_at(node, now))
            uncles = self.orphans.uncles_of(node) if uncles is None else uncles
        if mesh.attached_at[node] >= 0:
            sound.go(node, now)
            self._strike(node)
        self.figures.gone(is_crash=is_crash)
        self.orphans.forget(node)
        self._wishes.pop(node, None)
        left = node, mesh.generation[node] + 1
        heads, clients = mesh.leave(node)
        for head in heads:
            sound.have[head] = max(newest, sound.have.get(head, NONE))
            self._bereave(head, node, uncles or (), left, is_crash=is_crash, is_stalled=is_stalled)
        self._tell_clients(node, clients, is_crash=is_crash)
        if is_crash:
            self.calendar.at(now + PING_US // 2 + SILENCE_US, self._lost, (node, mesh.generation[node]))
        else:
            # Not before its clients have heard: who is given its number next would be taken for their standby.
            due = now + max(BYE_US, self.desk.way_us(node))
            self.calendar.at(due, self._left, (node, mesh.generation[node]))

    def _strike(self, node: int) -> None:
        """Take a listener out of those to draw from."""
        place = self._place_of.pop(node, None)
        if place is not None:
            last = self.people.pop()
            if last != node:
                self.people[place] = last
                self._place_of[last] = place

    def _bereave(
        self,
        head: int,
        parent: int,
        uncles: tuple[Known, ...],
        left: Known,
        *,
        is_crash: bool,
        is_stalled: bool,
    ) -> None:
        """Let a child notice that its parent is gone: by its Bye, or by its silence."""
        mesh, sound, now = self.mesh, self.sound, self.calendar.now
        generation = mesh.generation[head]
        way_us = mesh.delay_us(parent, head)
        if not is_crash:
            due = now + way_us
            self.calendar.at(due, self._orphaned, (head, generation, uncles, due, None))
            return
        heard_at = sound.have[head] * sound.chunk_us + mesh.lag_us[head]
        heard_at = max(heard_at, mesh.attached_at[head])
        due = heard_at + self._silence_us
        if is_stalled:
            # It had said so, and is excused for as long as its last notice holds.
            due = max(due, now + way_us + STALLED_FRESH_US // 2)
        self.calendar.at(due, self._orphaned, (head, generation, uncles, heard_at, left))

    def _orphaned(
        self, head: int, generation: int, uncles: tuple[Known, ...], unheard: Micros, left: Known | None
    ) -> None:
        """Let a child look for another parent."""
        mesh = self.mesh
        if mesh.generation[head] != generation or mesh.parent[head] != NOBODY or head in self.orphans.of:
            return
        self.orphans.begin(head, self.calendar.now, unheard_since=unheard, uncles=uncles, left=left)

    def _tell_clients(self, node: int, clients: list[int], *, is_crash: bool) -> None:
        """Let those for whom one stood by notice that it is gone."""
        if not clients:
            return
        now, mesh = self.calendar.now, self.mesh
        due = now + (SILENCE_US + self._phases(PING_US) if is_crash else BYE_US)
        known = [(one, mesh.generation[one]) for one in clients]
        self.calendar.at(due, self._standby_gone, (node, known))

    def _standby_gone(self, standby: int, clients: list[Known]) -> None:
        """Let clients replace a standby, and report it."""
        mesh, now = self.mesh, self.calendar.now
        for client, generation in clients:
            if mesh.generation[client] != generation or not mesh.drop_standby(client, standby):
                continue
            if mesh.parent[client] != NOBODY:
                self._fill_from_uncles(client, now)
                self._report_standbys(client, generation)

    def _lost(self, node: int, generation: int) -> None:
        """Let the tracker notice that a link is gone."""
        if self.mesh.generation[node] == generation and self.desk.is_up and self.tree.state[node]:
            self.desk.lost(node)

    def _left(self, node: int, generation: int) -> None:
        """Let a goodbye reach the tracker."""
        if self.mesh.generation[node] == generation and self.desk.is_up and self.tree.state[node]:
            self.desk.left(node)


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
