"""The listeners that are there, in no order: to draw from, and to go through."""

from array import array
from typing import Final


class People:
    """A set of numbers that one can draw from."""

    def __init__(self) -> None:
        self.all: Final = array("i")
        self._place_of: Final[dict[int, int]] = {}

    def add(self, node: int) -> None:
        """Count one in."""
        self._place_of[node] = len(self.all)
        self.all.append(node)

    def strike(self, node: int) -> None:
        """Count one out, if it was in; the last takes its place."""
        place = self._place_of.pop(node, None)
        if place is not None:
            last = self.all.pop()
            if last != node:
                self.all[place] = last
                self._place_of[last] = place
