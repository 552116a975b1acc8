"""What every target is: it takes inputs from one source of chance, and says what it was last given."""

from collections.abc import Callable
from random import Random
from typing import Protocol


class Target(Protocol):
    """One part of the product under fire. A fresh one is made for each chapter, so that a chapter can be repeated."""

    @property
    def last(self) -> bytes:
        """Give the input that is being taken, as far as it is bytes."""

    def run(self, chance: Random, part: int, parts: int, weigh: Callable[[], None]) -> None:
        """Take `parts` times `part` inputs; after each part let all enemies go, and have what is left weighed."""


class Plain:
    """A target without a clock of its own."""

    last = b""

    def run(self, chance: Random, part: int, parts: int, weigh: Callable[[], None]) -> None:
        """Feed, settle and weigh in turn."""
        for _ in range(parts):
            self.feed(part, chance)
            self.settle()
            weigh()

    def feed(self, count: int, chance: Random) -> None:
        """Take `count` inputs; whatever is raised here has escaped."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let all enemies go and time pass, until nothing of them should be left."""


class BrokenPromiseError(AssertionError):
    """A promise of a target is broken, though nothing was raised."""
