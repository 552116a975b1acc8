"""The listeners that are there, in no order: to draw from, and to go through."""

from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.overlay.columns import growth, longer

NOWHERE: Final = -1


class People:
    """A set of numbers that one can draw from."""

    def __init__(self) -> None:
        self.all: Final = array("i")
        self._place_of = array("i")
        """Where each is in it."""

    def add(self, node: int) -> None:
        """Count one in."""
        missing = node + 1 - len(self._place_of)
        if missing > 0:
            self._place_of = longer(self._place_of, growth(node, missing), NOWHERE)
        self._place_of[node] = len(self.all)
        self.all.append(node)

    def sorted(self) -> npt.NDArray[np.int64]:
        """Give all of them in order: columns are then read from one end to the other."""
        is_there = np.zeros(len(self._place_of), bool)
        is_there[np.frombuffer(self.all, np.int32)] = True
        return np.flatnonzero(is_there)

    def strike(self, node: int) -> None:
        """Count one out, if it was in; the last takes its place."""
        place = self._place_of[node] if node < len(self._place_of) else NOWHERE
        if place != NOWHERE:
            self._place_of[node] = NOWHERE
            last = self.all.pop()
            if last != node:
                self.all[place] = last
                self._place_of[last] = place
