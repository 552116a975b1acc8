"""I6, I7, I8 of the tracker's view: its indices, places and standbys equal what a recomputation gives.

It costs O(n), so it is done after every event of a tracker that knows few peers, and at most so often of a larger one that
it takes a hundredth of the time in which as many peers bring events about.
"""

from typing import Final

from meshcast.protocol.units import MILLISECOND, Micros
from sim.checkers.ledger import Ledger
from sim.world import World
from tracker.overlay.machine import TrackerMachine
from tracker.overlay.promises import check
from tracker.overlay.tree import Tree

FEW: Final = 64
"""Peers of a tree that is looked at after every event of its tracker."""
EVERY_US: Final = MILLISECOND
"""A larger one is looked at no more often than this for each of its peers: every ten seconds, of ten thousand."""


def tree_problems(tree: Tree) -> list[str]:
    """Give the first promise that a tracker's tree breaks, in words; nothing if all is well. O(n)."""
    try:
        check(tree)
    except AssertionError as error:
        return [str(error)]
    return []


class TreeWatch:
    """Looks at the trees of a world's tracker."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._due: Micros = 0

    def watch(self) -> None:
        """Look at small trees, after an event of the tracker."""
        for tree in self._trees():
            if len(tree) <= FEW:
                self._look_at(tree)

    def look(self) -> None:
        """Look at all trees, if it is time to."""
        if self._world.now < self._due:
            return
        for tree in self._trees():
            self._look_at(tree)
            self._due = self._world.now + EVERY_US * len(tree)

    def _trees(self) -> list[Tree]:
        """Give the trees of the tracker that runs, if it is the product's."""
        tracker = self._world.tracker
        if not tracker.is_alive or not isinstance(tracker.machine, TrackerMachine):
            return []
        return [broadcast.tree for broadcast in tracker.machine.broadcasts.values()]

    def _look_at(self, tree: Tree) -> None:
        for problem in tree_problems(tree):
            promise, _, what = problem.partition(": ")
            if what:
                self._ledger.broken(promise, self._world.tracker, f"has it wrong: {what}")
            else:
                self._ledger.broken("I6", self._world.tracker, f"has it wrong: {problem}")
