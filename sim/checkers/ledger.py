"""Where broken promises are entered: raised at once, or kept for the report."""

from typing import Final

from meshcast.protocol.units import SECOND
from sim.world import World

KEPT_MAX: Final = 100
"""Broken promises that one run keeps; what follows from them says nothing new."""


class BrokenPromiseError(AssertionError):
    """A promise of the overlay does not hold: which, where, when, and in which world."""


class Ledger:
    """The broken promises of one world."""

    def __init__(self, world: World, *, raises: bool) -> None:
        self._world = world
        self._raises = raises
        self._known: dict[tuple[str, str], None] = {}
        self.entries: list[str] = []
        """Each with its name, where, when, and the seed that shows it again."""

    def broken(self, promise: str, where: object, what: str) -> None:
        """Enter a broken promise; `BrokenPromiseError` where it is to be raised. One place counts once for each name."""
        world = self._world
        entry = (
            f"{promise}: {where} {what}, at {world.now / SECOND:.6f} s in the world of seed {world.seed!r}"
        )
        if self._raises:
            raise BrokenPromiseError(entry)
        if (promise, str(where)) not in self._known and len(self.entries) < KEPT_MAX:
            self._known[promise, str(where)] = None
            self.entries.append(entry)
