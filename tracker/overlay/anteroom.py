"""Where joiners wait whose network has sent many: so many of each network a second get to a broadcast, and a burst.

Keys cost nothing, and whoever makes them by the thousand takes places that others want. An office or a school behind one
address is no attacker: five hundred that come within a minute are all let in, the last of them after some seconds, and are
told meanwhile that they wait. Networks do not hold each other up.
"""

from collections.abc import Iterator
from typing import Final

from meshcast.protocol.budget import Budgets
from meshcast.protocol.messages import Join
from meshcast.protocol.units import SECOND, Micros, PeerId

JOINS_PER_SECOND: Final = 16
"""Twice what an office of 500 needs that comes within a minute."""
JOINS_BURST: Final = 256
"""So many come at once to hear the same beginning, and none of them waits."""
LOOK_EVERY_US: Final = SECOND // 4
NETWORKS_MAX: Final = 4_096
"""Networks whose joins are counted. Those who wait have a link each, which bounds them (`visitors.LINKS_MAX`)."""


class Anteroom:
    """Joiners of all broadcasts, by network."""

    def __init__(self) -> None:
        self._budgets: Final[Budgets[int]] = Budgets(
            per_second=JOINS_PER_SECOND, burst=JOINS_BURST, names_max=NETWORKS_MAX
        )
        self._lines: Final[dict[int, dict[PeerId, Join]]] = {}
        self._network: Final[dict[PeerId, int]] = {}
        self._look_at: Micros | None = None

    def __len__(self) -> int:
        return len(self._network)

    def may_enter(self, peer: PeerId, join: Join, network: int, now: Micros) -> bool:
        """Tell whether a joiner may go on; else it waits here, behind those of its network, and keeps its place."""
        line = self._lines.get(network)
        if line is None and self._budgets.draw(network, now):
            return True
        self._network[peer] = network
        self._lines.setdefault(network, {})[peer] = join
        self._look_at = self._look_at or now + LOOK_EVERY_US
        return False

    def stands(self, peer: PeerId) -> tuple[int, Micros]:
        """Give how many wait in a joiner's line, and how long all of them will take."""
        number = len(self._lines[self._network[peer]])
        return number, number * SECOND // JOINS_PER_SECOND

    def drop(self, peer: PeerId) -> None:
        """Forget a joiner that is gone."""
        network = self._network.pop(peer, None)
        if network is not None:
            del self._lines[network][peer]
            if not self._lines[network]:
                del self._lines[network]

    def due(self, now: Micros) -> Iterator[tuple[PeerId, Join]]:
        """Let those go on whose turn has come."""
        if self._look_at is None or now < self._look_at:
            return
        for network, line in list(self._lines.items()):
            for peer, join in list(line.items()):
                if not self._budgets.draw(network, now):
                    break
                self.drop(peer)
                yield peer, join
        self._look_at = now + LOOK_EVERY_US if self._lines else None

    def deadline(self) -> Micros | None:
        """When is it time to look whose turn it is?"""
        return self._look_at
