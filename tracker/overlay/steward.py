"""One tree, kept in order: what the tracker decides when somebody comes, goes or reports, by numbers.

`broadcast` puts these decisions into words for real peers; the simulator's flow fidelity, where a million peers are
numbers anyway, takes them as they are. Neither adds a rule of its own.

The tracker places joiners and tidies up; repair is the peers' own affair. Reports are whole state: where the tree and a
report differ, the report wins, and the difference becomes at most a few moves of childless children.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.limits import ROUND_US, TRACKER_LEASE_US
from meshcast.protocol.units import SECOND, Micros, Rank
from tracker.overlay import succession
from tracker.overlay.columns import NOBODY, ORIGIN, growth, longer
from tracker.overlay.leases import Lease, Leases
from tracker.overlay.levelling import Levelling
from tracker.overlay.placement import Move, complete_splice, place, place_elsewhere, place_in_emergency
from tracker.overlay.rebalance import advance, rebalance
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys, take_over_standbys
from tracker.overlay.states import FREE, State
from tracker.overlay.tree import Tree
from tracker.overlay.waiting import Name, Waiting, Wish

GRACE_US: Final = 20 * SECOND
"""A peer whose link is gone, or that a restarted tracker has not heard yet, has so long to come back: it notices a
dead tracker within 8 s, dials every second, and waits up to 2 s so that not all come at once."""

STEPS: Final = 3
"""Steps of rebalancing with each coming and each going: six for each that is replaced keep the median delay within twice
unicast's over whole turnovers of the audience, at three to four moves a death (docs/decisions/0011)."""

ADMITTED_MAX: Final = 64
"""Joiners placed in one event: 4 ms of work."""

assert GRACE_US < TRACKER_LEASE_US


@dataclass(slots=True)
class Vacant:
    """The place of an inner peer that has gone or fallen silent, and the children that it had."""

    vacancy: succession.Vacancy | None
    """None as long as it is only silent."""
    heads: list[int]


class Steward:
    """Keeps one tree."""

    def __init__(self, tree: Tree, *, steps: int = STEPS) -> None:
        """Take over a tree; `steps` of rebalancing follow each coming and each going."""
        self.tree: Final = tree
        self._levelling: Final = Levelling(tree)
        self.steps: Final = steps
        self._vacancies: Final[dict[int, Vacant]] = {}
        """Inner peers that have gone, until their children have said where they are now."""
        self._orphaned_by: Final[dict[int, int]] = {}
        """Those children, and whose they were."""
        self.leases: Final = Leases(heard_us=TRACKER_LEASE_US, grace_us=GRACE_US)
        self._placed_at = array("q")
        """When each peer was last told its place; 0 for never."""

    # ---- coming and going

    def admit(
        self,
        waiting: Waiting[Name, Wish],
        enter: Callable[[Name, Wish], int],
        withdraw: Callable[[int], None],
        now: Micros,
    ) -> Iterator[int]:
        """Place those who wait, `ADMITTED_MAX` at most. Give each one's node before the next is placed."""
        for _ in range(ADMITTED_MAX):
            node = self.admit_next(waiting, enter, withdraw, now)
            if node == NOBODY:
                return
            yield node

    def admit_next(
        self,
        waiting: Waiting[Name, Wish],
        enter: Callable[[Name, Wish], int],
        withdraw: Callable[[int], None],
        now: Micros,
    ) -> int:
        """Place one who waits, who can serve first: they bring places. Give its node, or `NOBODY`.

        `enter` adds one to the tree, and `withdraw` takes one out again for whom there is no place after all.
        """
        name = waiting.next()
        if name is None:
            return NOBODY
        wish = waiting.join(name)
        if not self.may_enter(wish.capacity):
            return NOBODY
        node = enter(name, wish)
        if not self.seat(node, now):
            withdraw(node)
            return NOBODY
        waiting.admitted(name, now)
        return node

    def may_enter(self, capacity: int) -> bool:
        """Tell whether it is worth looking for a place for somebody who would offer so many."""
        return self.tree.slots.count > 0 or capacity > 0

    def seat(self, node: int, now: Micros) -> bool:
        """Find a place for a joiner that is in the tree; tell whether there is one."""
        if place(self.tree, node) is None:
            return False
        self.heard(node, now)
        return True

    def told(self, node: int, now: Micros) -> tuple[int, ...]:
        """Note that a peer is told its place now; give the standbys to be told with it."""
        missing = node + 1 - len(self._placed_at)
        if missing > 0:
            self._placed_at = longer(self._placed_at, growth(node, missing))
        self._placed_at[node] = now
        return refill_standbys(self.tree, node)

    def heard(self, node: int, now: Micros) -> None:
        """Take in a sign of life."""
        if node != ORIGIN:
            self.leases.touch(node, now)
            self.tree.clear(node)
            vacant = self._vacancies.get(node) if self._vacancies else None
            if vacant is not None and vacant.vacancy is None:
                del self._vacancies[node]

    def lost(self, node: int, now: Micros) -> None:
        """Take in that a peer's link is gone: perhaps it is dead, and perhaps only this link is."""
        self.tree.suspect(node)
        self.leases.touch(node, now, Lease.GRACE)

    def restored(self, node: int, now: Micros) -> None:
        """Believe that a stored peer is where it was; it has not been heard yet."""
        if self.tree.parent[node] != NOBODY:
            self.tree.confirm(node)
        self.leases.touch(node, now, Lease.GRACE)

    def forget(self, node: int) -> None:
        """Take a peer out; its children look for themselves, and their place near it is kept in mind for an heir."""
        tree = self.tree
        self.leases.drop(node)
        if node < len(self._placed_at):
            self._placed_at[node] = 0
        self._orphaned_by.pop(node, None)
        vacant = self._vacancies.pop(node, None)
        if tree.lags.is_blind:
            tree.leave(node)
            return
        vacancy = succession.vacancy(tree, node)
        heads = [*(vacant.heads if vacant is not None else ()), *tree.leave(node)]
        if heads:
            self._vacancies[node] = Vacant(vacancy, heads)
            for head in heads:
                self._orphaned_by[head] = node

    def expired(self, now: Micros) -> list[int]:
        """Give those whose lease has ended; they are to be forgotten."""
        return [node for node in self.leases.expired(now) if node != ORIGIN]

    # ---- reports

    def hear_of_silence(self, node: int, silent: int) -> None:
        """Send nobody to a peer that its child left for silence, until it is heard; strangers' word does not count."""
        is_child = self.tree.parent[node] == silent
        if silent == ORIGIN or not (is_child or silent in self.tree.standbys.of(node)):
            return
        self.tree.suspect(silent)
        if is_child and not self.tree.lags.is_blind:
            self._vacancies.setdefault(silent, Vacant(None, [])).heads.append(node)

    def hear_of_orphan(self, node: int, counter: int) -> None:
        """Believe a peer that it has no parent, unless it has just been given one."""
        is_news = counter >= self.tree.counter[node] and self.tree.state[node] != State.PENDING
        if is_news and self.tree.parent[node] != NOBODY:
            self.tree.detach(node)

    def hear_of_parent(self, node: int, parent: int, rank: Rank, counter: int) -> None:
        """Believe a peer about its own parent."""
        if parent != node:
            self.tree.adopted(node, parent, rank, counter)

    def hear_of_capacity(self, node: int, places: int) -> None:
        """Believe a peer about the places that it offers; what it has beyond them is taken off it, a child at a time."""
        if self.tree.capacity[node] != places:
            self.tree.set_capacity(node, places)

    def hear_of_children(self, node: int, children: Iterable[int]) -> list[int]:
        """Believe a peer about its children, as far as they have not said otherwise; give those that must be gone.

        It has lost them, and nobody has heard of them since this tracker began or since they fell silent.
        """
        listed: dict[int, None] = {}
        for child in children:
            if child not in {ORIGIN, node}:
                listed[child] = None
                self.tree.adopted(child, node)
        return [
            child
            for child in self.tree.children.of(node)
            if child not in listed
            and (self.tree.state[child] == State.SUSPECT or self.leases.heard_us(child) is None)
            and self.tree.state[child] != State.PENDING
        ]

    def hear_of_standbys(self, node: int, standbys: Iterable[int]) -> tuple[int, ...]:
        """Believe a peer about its standbys, and give it those that it lacks; give all that it has then."""
        take_over_standbys(self.tree, node, standbys)
        return refill_standbys(self.tree, node)

    def help(self, node: int, standbys: Iterable[int]) -> bool:
        """Find a parent for an orphan whom no neighbour could help; tell whether there is one. Ask `may_help` first.

        It is believed about the standbys that it has left, and is told new ones with its place: it turns to all at once. Who
        was named a parent and asks again has tried in vain, and is sent elsewhere (docs/decisions/0025).
        """
        tree = self.tree
        take_over_standbys(tree, node, standbys)
        if tree.state[node] == State.PENDING and place_elsewhere(tree, node) is not None:
            return True
        return place_in_emergency(tree, node) is not None

    def may_help(self, node: int, now: Micros) -> bool:
        """Tell whether an orphan has had the time to try the place that it was given."""
        placed_at = self._placed_at[node] if node < len(self._placed_at) else 0
        is_fresh = now < placed_at + ROUND_US
        return not (is_fresh and self.tree.state[node] == State.PENDING)

    # ---- order

    def settle(self, node: int, parent: int | None) -> list[Move]:
        """After a report: finish a splice, and take from its peer and the parent what they carry beyond their capacity.

        Others are relieved too: the report may have brought places.
        """
        tree = self.tree
        # A parent may have been given up by the very report that names it.
        moves: list[Move] = []
        if parent is not None and tree.free[parent] < 0 and tree.state[parent] != FREE:
            moves += relieve(tree, parent)
        splice = complete_splice(tree, node) if tree.has_splices else None
        if splice is not None:
            moves.append(splice)
        if not tree.lags.is_blind:
            moves += self._succeed(node)
            moves += advance(tree, node)
        if tree.free[node] < 0:
            moves += relieve(tree, node)
        if tree.overcommitted.count:
            moves += relieve_some(tree)
        return moves

    def _succeed(self, head: int) -> list[Move]:
        """Once all children of one that has gone are heard again, send an heir to its place."""
        gone = self._orphaned_by.pop(head, None)
        vacant = self._vacancies.get(gone) if gone is not None else None
        if gone is None or vacant is None or vacant.vacancy is None:
            return []
        if any(self._orphaned_by.get(one) == gone for one in vacant.heads):
            return []
        del self._vacancies[gone]
        return succession.succeed(self.tree, vacant.vacancy, vacant.heads)

    def better(self) -> list[Move]:
        """After somebody has come or gone: better the tree a little, where lags are known."""
        if self.tree.lags.is_blind:
            return []
        moves: list[Move] = []
        for _ in range(self.steps):
            moves += rebalance(self.tree)
        return moves

    def tidy(self) -> list[Move]:
        """After places have opened: relieve others, and bring up who is deeper than need be."""
        return relieve_some(self.tree) or self._levelling.bring_up()
