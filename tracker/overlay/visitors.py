"""Who has a link to the tracker, from where, and who has not said what it wants: the silent are sent away, and there is a bound."""

from collections.abc import Iterator
from typing import Final

from meshcast.protocol.limits import RESUME_JITTER_US
from meshcast.protocol.units import SECOND, Address, Micros, PeerId

LINKS_MAX: Final = 20_000
"""At 60 KB a link 1.2 GB: one process keeps no more (a collection of garbage stops it for a second even so)."""
INTRODUCE_US: Final = 10 * SECOND
"""Whoever has joined, announced or resumed nothing by then is sent away: a link that says nothing costs as much as one that
does."""

assert 2 * RESUME_JITTER_US < INTRODUCE_US, "whoever comes back to a restarted tracker has the time to say so"


class Visitors:
    """The links of one tracker."""

    def __init__(self) -> None:
        self._addresses: Final[dict[PeerId, Address]] = {}
        self._silent_since: Final[dict[PeerId, Micros]] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    def __iter__(self) -> Iterator[PeerId]:
        return iter(self._addresses)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._addresses

    def met(self, peer: PeerId, address: Address, now: Micros) -> bool:
        """Take in that a link is up; tell whether there is room for it."""
        if len(self._addresses) >= LINKS_MAX and peer not in self._addresses:
            return False
        self._addresses[peer] = address
        self._silent_since.pop(peer, None)
        self._silent_since[peer] = now
        return True

    def address(self, peer: PeerId) -> Address:
        """Tell where somebody with a link is."""
        return self._addresses[peer]

    def introduced(self, peer: PeerId) -> None:
        """Take in that somebody has said what it wants."""
        self._silent_since.pop(peer, None)

    def gone(self, peer: PeerId) -> None:
        """Take in that a link is down."""
        self._addresses.pop(peer, None)
        self._silent_since.pop(peer, None)

    def overdue(self, now: Micros) -> list[PeerId]:
        """Take out those who have said nothing for too long."""
        late: list[PeerId] = []
        for peer, since in self._silent_since.items():
            if now < since + INTRODUCE_US:
                break
            late.append(peer)
        for peer in late:
            del self._silent_since[peer]
        return late

    def deadline(self) -> Micros | None:
        """When has the first of them said nothing for too long?"""
        for since in self._silent_since.values():
            return since + INTRODUCE_US
        return None
