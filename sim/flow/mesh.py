"""Who really hears from whom, and how far behind the origin everybody is.

A peer is a number, the one that the tracker gave it; node 0 is the origin. Columns are flat and narrow, for the reason
that `tracker.overlay.nodes` gives, so that a million peers cost megabytes and a sample is a sum over a column. Children and
standby clients are dicts used as ordered sets, and only for those who have places.
"""

from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from meshcast.protocol.capacity import LISTENER, children_max, clients_max_for
from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.nodes import RANK_MIN

SOURCE: Final = int(Role.SOURCE)

# Asked several times for each event; there are a few hundred answers, and all are kept.
_clients_max_for: Final = lru_cache(maxsize=1 << 14)(clients_max_for)


class Mesh:
    """The peers themselves, as columns."""

    def __init__(self, city_delays_us: list[list[Micros]]) -> None:
        self._city_delays_us: Final = city_delays_us
        self.alive: Final = bytearray()
        self.parent: Final = array("i")
        self.rank: Final = bytearray()
        self.capacity: Final = array("h")
        self.role: Final = bytearray()
        self.city: Final = array("h")
        self._delays_us: Final[list[list[Micros]]] = []
        """From each peer's city to all others."""
        self._children_max: Final = array("h")
        self.access_us: Final = array("i")
        self.lag_us: Final = array("i")
        """From the origin to this peer along its parents."""
        self.base_us: Final = array("i")
        """The least lag that it has had: playout counts from there."""
        self.attached_at: Final = array("q")
        self.counter: Final[list[int]] = []
        self.generation: Final[list[int]] = []
        """How many peers have had this number: what was meant for an earlier one is not for this."""
        self.standby: Final = (array("i"), array("i"))
        self.warm_at: Final = (array("q"), array("q"))
        """From when on each standby answers at once."""
        self.children: Final[list[dict[int, None] | None]] = []
        self.clients: Final[list[dict[int, None] | None]] = []
        """For whom each peer stands by; None for those without places."""
        self.living = 0

    def enter(self, node: int, *, capacity: int, city: int, access_us: Micros, role: int = LISTENER) -> None:
        """Let a peer come, under nobody."""
        if node >= len(self.parent):
            self._grow(node + 1 - len(self.parent))
        self.alive[node] = 1
        self.parent[node] = NOBODY
        self.rank[node] = RANK_MAX if role == LISTENER else RANK_MIN[role]
        self.capacity[node], self.role[node] = capacity, role
        self._children_max[node] = children_max(role, capacity) if capacity else 0
        self.city[node], self.access_us[node] = city, access_us
        self._delays_us[node] = self._city_delays_us[city]
        self.lag_us[node] = self.base_us[node] = self.counter[node] = 0
        self.attached_at[node] = -1
        self.standby[0][node] = self.standby[1][node] = NOBODY
        self.children[node] = {} if capacity else None
        self.clients[node] = {} if capacity else None
        self.living += node != ORIGIN

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two peers, one way."""
        access_us = self.access_us
        return self._delays_us[one][self.city[other]] + access_us[one] + access_us[other]

    # ---- children

    def may_adopt(self, parent: int, rank: int) -> bool:
        """Does a peer take a child of this rank now? `Relay.adopt` asks the same."""
        if self.rank[parent] >= rank or not self.alive[parent]:
            return False
        children = self.children[parent]
        return children is not None and len(children) < self._children_max[parent]

    def room(self, parent: int) -> int:
        """Say how many more children a peer takes, emergencies included."""
        children = self.children[parent]
        return self._children_max[parent] - len(children) if children is not None else 0

    def link(self, node: int, parent: int) -> None:
        """Have `node` hear from `parent`."""
        self.parent[node] = parent
        children = self.children[parent]
        assert children is not None, f"{parent} has no places"
        children[node] = None

    def unlink(self, node: int) -> None:
        """Have `node` hear from nobody."""
        parent = self.parent[node]
        self.parent[node] = NOBODY
        if parent != NOBODY:
            children = self.children[parent]
            if children is not None:
                children.pop(node, None)

    def head_of(self, node: int) -> int:
        """Give the topmost peer above a node: the origin, or the head of the tree in which it has stalled."""
        parent = self.parent
        while (above := parent[node]) != NOBODY:
            node = above
        return node

    def beyond_capacity(self, node: int) -> int:
        """Say how many children a peer has beyond its capacity."""
        children = self.children[node]
        return max(0, len(children) - self.capacity[node]) if children is not None else 0

    # ---- standbys

    def standbys(self, node: int) -> list[int]:
        """Give a peer's standbys."""
        one, other = self.standby[0][node], self.standby[1][node]
        if one == NOBODY:
            return [] if other == NOBODY else [other]
        return [one] if other == NOBODY else [one, other]

    def has_warm(self, node: int, standby: int, now: Micros) -> bool:
        """Tell whether `standby` stands by for `node` and its link is up."""
        if self.standby[0][node] == standby and self.warm_at[0][node] <= now:
            return True
        return self.standby[1][node] == standby and self.warm_at[1][node] <= now

    def drop_higher_standbys(self, node: int) -> bool:
        """Let go of standbys whose rank is not lower: they would refuse. Tell whether there were any."""
        ranks, (first, second) = self.rank, self.standby
        rank, one, other, has_dropped = ranks[node], first[node], second[node], False
        if one != NOBODY and ranks[one] >= rank:
            has_dropped = self.drop_standby(node, one)
        if other != NOBODY and ranks[other] >= rank:
            has_dropped = self.drop_standby(node, other)
        return has_dropped

    def drop_lower_clients(self, node: int) -> list[int]:
        """After a rank has risen: let those clients go, and give them, who are not beneath it any more. Its beat tells them."""
        rank = self.rank[node]
        lower = [client for client in self.clients[node] or () if self.rank[client] <= rank]
        for client in lower:
            self.drop_standby(client, node)
        return lower

    def take_standby(self, node: int, standby: int, warm_at: Micros) -> bool:
        """Have `standby` stand by for `node` from then on; tell whether both had room for it."""
        place = self.enlist(node, standby)
        if place < 0:
            return False
        self.warm_at[place][node] = warm_at
        return True

    def enlist(self, node: int, standby: int) -> int:
        """Have `standby` stand by for `node`; give which of its standbys it is, for `warm_at`, or -1 if it may not be."""
        clients = self.clients[standby]
        if clients is None or node in clients or not self.alive[standby]:
            return -1
        own, rank = self.rank[standby], self.rank[node]
        if own >= rank or len(clients) >= _clients_max_for(
            self.role[standby], self.capacity[standby], own, rank
        ):
            return -1
        for place, column in enumerate(self.standby):
            if column[node] == NOBODY:
                column[node] = standby
                clients[node] = None
                return place
        return -1

    def drop_standby(self, node: int, standby: int) -> bool:
        """Have `standby` stand by for `node` no longer; tell whether it did."""
        column, other = self.standby
        if column[node] != standby:
            column = other
            if column[node] != standby:
                return False
        column[node] = NOBODY
        clients = self.clients[standby]
        if clients is not None:
            clients.pop(node, None)
        return True

    # ---- going

    def leave(self, node: int) -> tuple[list[int], list[int]]:
        """Let a peer go; give its children, who hear from nobody now, and the clients that it stood by for."""
        heads = list(self.children[node] or ())
        clients = list(self.clients[node] or ())
        self.alive[node] = 0
        self.generation[node] += 1
        self.living -= 1
        self.unlink(node)
        for head in heads:
            self.parent[head] = NOBODY
        for standby in self.standbys(node):
            self.drop_standby(node, standby)
        self.children[node] = self.clients[node] = None
        return heads, clients

    def walk(self, top: int) -> Iterator[int]:
        """Go through a peer and all beneath it, parents first."""
        stack = [top]
        while stack:
            node = stack.pop()
            yield node
            children = self.children[node]
            if children:
                stack.extend(children)

    def _grow(self, missing: int) -> None:
        more = max(missing, 64, len(self.parent) // 8)
        for octets in (self.alive, self.rank, self.role):
            octets.extend(bytes(more))
        for column in (
            self.parent, self.capacity, self._children_max, self.city, self.access_us, self.lag_us, self.base_us,
            self.attached_at, *self.standby, *self.warm_at,
        ):  # fmt: skip
            column.frombytes(bytes(more * column.itemsize))
        self.counter.extend([0] * more)
        self.generation.extend([0] * more)
        self._delays_us.extend([[]] * more)
        self.children.extend([None] * more)
        self.clients.extend([None] * more)
