"""Accusations: one neighbour's word makes a peer leaf-only, several independent ones ban it.

Evidence is thin: a forged chunk cannot be told from one that the accuser forged itself. So a word counts only against a
neighbour, only once, and nobody has many.
"""

import enum
from typing import Final

from meshcast.protocol.limits import ACCUSERS_MIN
from meshcast.protocol.units import PeerId

ACCUSATIONS_MAX: Final = 3
"""One peer's accusations that count."""


class Verdict(enum.Enum):
    """What follows from an accusation."""

    NOTHING = "nothing"
    DISTRUST = "distrust"
    BAN = "ban"


class Trust:
    """Who accuses whom in one broadcast."""

    def __init__(self) -> None:
        self._accusers: Final[dict[PeerId, dict[PeerId, None]]] = {}
        self._spoken: Final[dict[PeerId, int]] = {}

    def accuse(self, accuser: PeerId, accused: PeerId) -> Verdict:
        """Take in a neighbour's word."""
        accusers = self._accusers.setdefault(accused, {})
        if accuser in accusers or self._spoken.get(accuser, 0) >= ACCUSATIONS_MAX:
            return Verdict.NOTHING
        accusers[accuser] = None
        self._spoken[accuser] = self._spoken.get(accuser, 0) + 1
        return Verdict.BAN if len(accusers) >= ACCUSERS_MIN else Verdict.DISTRUST

    def accusers(self, accused: PeerId) -> list[PeerId]:
        """Give who has spoken against a peer."""
        return list(self._accusers.get(accused, ()))

    def forget(self, peer: PeerId) -> None:
        """Let go of a peer that left; what it said of others stays said."""
        self._accusers.pop(peer, None)
        self._spoken.pop(peer, None)
