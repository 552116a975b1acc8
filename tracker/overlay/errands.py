"""What is under way in several steps: successions, exchanges and clearings, from the first move to the last.

A peer that has been told to move may be refused, or die; so the next step waits until the one before is confirmed, and
whatever has changed meanwhile ends the errand. Nothing here is needed for the order of the tree: an errand that is lost
leaves at most one peer beyond its capacity, and relief finds it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Succession:
    """An heir goes to `parent`; once it is there, `heads` go under it; then `old`, if it lives, makes room."""

    parent: int
    heads: tuple[int, ...]
    old: int | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A head has gone to another's parent; once it is there, `child` goes to the place that it left at `target`."""

    child: int
    target: int


@dataclass(slots=True)
class Clearing:
    """A child of one beyond its capacity that is being made childless, so that it can be moved off it."""

    child: int
    moved: dict[int, int]
    """Its own children that have been told to go, and to whom: it has them until they have said that they are there."""


class Errands:
    """Who is on which errand."""

    __slots__ = ("clearings", "closed", "exchanges", "heirs", "old_of", "successions")

    def __init__(self) -> None:
        self.successions: dict[int, Succession] = {}
        """By heir, until it is where it shall be."""
        self.heirs: dict[int, int] = {}
        """By head: the heir that it waits for."""
        self.old_of: dict[int, int] = {}
        """By heir: whom it has replaced, until that one has made room."""
        self.exchanges: dict[int, Exchange] = {}
        """By the head that goes first."""
        self.clearings: dict[int, Clearing] = {}
        """By the one beyond its capacity. Begun and ended by `Links` alone, for nobody is sent to who is being cleared."""
        self.closed: dict[int, int] = {}
        """By the child that is being cleared: off whom it is to be moved."""

    @property
    def is_any(self) -> bool:
        """Tell whether anybody is on any."""
        return bool(self.heirs or self.successions or self.exchanges or self.old_of or self.closed)

    def is_free(self, node: int) -> bool:
        """Tell whether a node is on no errand."""
        if self.closed and node in self.closed:
            return False
        # While no lag is known there are no others.
        if not (self.heirs or self.successions or self.exchanges or self.old_of):
            return True
        return (
            node not in self.heirs
            and node not in self.successions
            and node not in self.exchanges
            and node not in self.old_of
        )

    def begin(self, heir: int, succession: Succession) -> None:
        """Send an heir on its way."""
        self.successions[heir] = succession
        for head in succession.heads:
            self.heirs[head] = heir

    def end(self, heir: int) -> tuple[int, ...]:
        """Let nobody wait for an heir any longer; give those who still did."""
        succession = self.successions.pop(heir, None)
        if succession is None:
            return ()
        return tuple([head for head in succession.heads if self.heirs.pop(head, None) == heir])

    def forget(self, node: int) -> None:
        """Let a node go, whatever it was about."""
        self.end(node)
        self.heirs.pop(node, None)
        self.old_of.pop(node, None)
        self.exchanges.pop(node, None)
