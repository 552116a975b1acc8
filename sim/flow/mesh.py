"""Who really hears from whom, and how far behind the origin everybody is.

A peer is a number, the one that the tracker gave it; node 0 is the origin. Columns are flat and narrow, for the reason
that `tracker.overlay.columns` gives, so that a million peers cost megabytes and a sample is a sum over a column. Children and
standby clients are chains, as the tracker's are, in the order in which they came.
"""

from array import array
from collections.abc import Iterator
from typing import Final

from meshcast.protocol.capacity import LISTENER, children_max, clients_max_for
from meshcast.protocol.limits import RANK_MAX, STANDBYS_MAX
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros
from tracker.overlay.chains import Chains
from tracker.overlay.columns import END, NOBODY, ORIGIN, View, growth, longer, side_by_side
from tracker.overlay.nodes import RANK_MIN

SOURCE: Final = int(Role.SOURCE)

_SMALL: Final = 7
_LARGE: Final = 6

assert STANDBYS_MAX == 2, "the two entries of a peer are looked at one by one below"


class Mesh:
    """The peers themselves, as columns."""

    def __init__(self, city_delays_us: list[list[Micros]]) -> None:
        self._cities: Final = len(city_delays_us)
        self.ways_us: Final = array("i", [way_us for ways_us in city_delays_us for way_us in ways_us])
        """From each city to each."""
        self._small = array("h")
        """The small numbers of each peer, side by side: the columns from here on."""
        self.alive: View
        self.rank: View
        self.role: View
        self.capacity: View
        self._children_max: View
        self.feeds: View
        """How many children each peer has."""
        self.load: View
        """For how many each peer stands by."""
        self._large = array("i")
        """The larger ones, likewise."""
        self.parent: View
        self.generation: View
        """How many peers have had this number: what was meant for an earlier one is not for this."""
        self.city: View
        self.access_us: View
        self.lag_us: View
        """From the origin to this peer along its parents."""
        self.base_us: View
        """The least lag that it has had: playout counts from there."""
        self.attached_at = array("q")
        self.counter = array("q")
        self.standby = array("i")
        """Standby i of a peer is entry STANDBYS_MAX * peer + i."""
        self.warm_at = array("q")
        """From when on each standby answers at once."""
        self.children: Final = Chains()
        self.servers: Final = Chains()
        """Of the children those that can serve, in the same order."""
        self.clients: Final = Chains()
        """Entries of `standby`, by the standby."""
        self._is_client = bytearray()
        """Of each entry: its standby knows. One that has gone knows nothing, until those it stood by for have heard it."""
        self.living = 0
        self._view()

    def enter(self, node: int, capacity: int, city: int, access_us: Micros, role: int = LISTENER) -> None:
        """Let a peer come, under nobody."""
        if node >= len(self.parent):
            self._grow(node + 1 - len(self.parent))
        self.alive[node] = 1
        self.parent[node] = NOBODY
        self.rank[node] = RANK_MAX if role == LISTENER else RANK_MIN[role]
        self.capacity[node], self.role[node] = capacity, role
        self._children_max[node] = children_max(role, capacity) if capacity else 0
        self.city[node], self.access_us[node] = city, access_us
        self.lag_us[node] = self.base_us[node] = self.counter[node] = 0
        self.attached_at[node] = -1
        self.standby[STANDBYS_MAX * node] = self.standby[STANDBYS_MAX * node + 1] = NOBODY
        self.living += node != ORIGIN

    def city_delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two cities, one way."""
        return self.ways_us[one * self._cities + other]

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the delay between two peers, one way."""
        way = self.city[one] * self._cities + self.city[other]
        return self.ways_us[way] + self.access_us[one] + self.access_us[other]

    # ---- children

    def may_adopt(self, parent: int, rank: int) -> bool:
        """Does a peer take a child of this rank now? `Relay.adopt` asks the same."""
        if self.rank[parent] >= rank or not self.alive[parent]:
            return False
        return self.feeds[parent] < self._children_max[parent]

    def room(self, parent: int) -> int:
        """Say how many more children a peer takes, emergencies included."""
        return self._children_max[parent] - self.feeds[parent]

    def link(self, node: int, parent: int) -> None:
        """Have `node` hear from `parent`."""
        assert self._children_max[parent], f"{parent} has no places"
        self.parent[node] = parent
        self.children.append(parent, node)
        self.feeds[parent] += 1
        if self.capacity[node]:
            self.servers.append(parent, node)

    def unlink(self, node: int) -> None:
        """Have `node` hear from nobody."""
        parent = self.parent[node]
        self.parent[node] = NOBODY
        if parent != NOBODY:
            self.children.remove(parent, node)
            self.feeds[parent] -= 1
            if self.capacity[node]:
                self.servers.remove(parent, node)

    def head_of(self, node: int) -> int:
        """Give the topmost peer above a node: the origin, or the head of the tree in which it has stalled."""
        parent = self.parent
        while (above := parent[node]) != NOBODY:
            node = above
        return node

    def beyond_capacity(self, node: int) -> int:
        """Say how many children a peer has beyond its capacity."""
        return max(0, self.feeds[node] - self.capacity[node])

    # ---- standbys

    def standbys(self, node: int) -> list[int]:
        """Give a peer's standbys."""
        entry = STANDBYS_MAX * node
        one, other = self.standby[entry], self.standby[entry + 1]
        if one == NOBODY:
            return [] if other == NOBODY else [other]
        return [one] if other == NOBODY else [one, other]

    def has_warm(self, node: int, standby: int, now: Micros) -> bool:
        """Tell whether `standby` stands by for `node` and its link is up."""
        entry = STANDBYS_MAX * node
        if self.standby[entry] == standby and self.warm_at[entry] <= now:
            return True
        return self.standby[entry + 1] == standby and self.warm_at[entry + 1] <= now

    def lacks_standby(self, node: int) -> bool:
        """Tell whether a peer could do with another standby."""
        entry = STANDBYS_MAX * node
        return self.standby[entry] == NOBODY or self.standby[entry + 1] == NOBODY

    def drop_higher_standbys(self, node: int) -> bool:
        """Let go of standbys whose rank is not lower: they would refuse. Tell whether there were any."""
        entry, has_dropped = STANDBYS_MAX * node, False
        rank, one, other = self.rank[node], self.standby[entry], self.standby[entry + 1]
        if one != NOBODY and self.rank[one] >= rank:
            has_dropped = self.drop_standby(node, one)
        if other != NOBODY and self.rank[other] >= rank:
            has_dropped = self.drop_standby(node, other)
        return has_dropped

    def drop_lower_clients(self, node: int) -> list[int]:
        """After a rank has risen: let those clients go, and give them, who are not beneath it any more. Its beat tells them."""
        if not self.load[node]:
            return []
        rank = self.rank[node]
        lower = [client for client in self.clients_of(node) if self.rank[client] <= rank]
        for client in lower:
            self.drop_standby(client, node)
        return lower

    def take_standby(self, node: int, standby: int, warm_at: Micros) -> bool:
        """Have `standby` stand by for `node` from then on; tell whether both had room for it."""
        entry = self.enlist(node, standby)
        if entry < 0:
            return False
        self.warm_at[entry] = warm_at
        return True

    def enlist(self, node: int, standby: int) -> int:
        """Have `standby` stand by for `node`; give its entry, for `warm_at`, or -1 if it may not be."""
        if not self.capacity[standby] or not self.alive[standby] or self.is_client(node, standby):
            return -1
        own, rank = self.rank[standby], self.rank[node]
        if own >= rank or self.load[standby] >= clients_max_for(
            self.role[standby], self.capacity[standby], own, rank
        ):
            return -1
        entry = STANDBYS_MAX * node
        if self.standby[entry] != NOBODY:
            entry += 1
            if self.standby[entry] != NOBODY:
                return -1
        self.standby[entry] = standby
        self._is_client[entry] = 1
        self.clients.append(standby, entry)
        self.load[standby] += 1
        return entry

    def is_client(self, node: int, standby: int) -> bool:
        """Tell whether `standby` knows that it stands by for `node`."""
        entry = STANDBYS_MAX * node
        if self.standby[entry] == standby and self._is_client[entry]:
            return True
        return self.standby[entry + 1] == standby and self._is_client[entry + 1] > 0

    def clients_of(self, standby: int) -> list[int]:
        """Give those for whom a peer stands by."""
        return [entry // STANDBYS_MAX for entry in self.clients.of(standby)]

    def drop_standby(self, node: int, standby: int) -> bool:
        """Have `standby` stand by for `node` no longer; tell whether it did."""
        entry = STANDBYS_MAX * node
        if self.standby[entry] != standby:
            entry += 1
            if self.standby[entry] != standby:
                return False
        self.standby[entry] = NOBODY
        if self._is_client[entry]:
            self._is_client[entry] = 0
            self.clients.remove(standby, entry)
            self.load[standby] -= 1
        return True

    # ---- going

    def leave(self, node: int) -> tuple[list[int], list[int]]:
        """Let a peer go; give its children, who hear from nobody now, and the clients that it stood by for."""
        heads = self.children.clear(node)
        self.servers.first[node] = END
        entries = self.clients.clear(node)
        for entry in entries:
            self._is_client[entry] = 0
        self.feeds[node] = self.load[node] = self._children_max[node] = 0
        self.alive[node] = 0
        self.generation[node] += 1
        self.living -= 1
        self.unlink(node)
        for head in heads:
            self.parent[head] = NOBODY
        for standby in self.standbys(node):
            self.drop_standby(node, standby)
        return heads, [entry // STANDBYS_MAX for entry in entries]

    def walk(self, top: int) -> Iterator[int]:
        """Go through a peer and all beneath it, parents first."""
        stack = [top]
        while stack:
            node = stack.pop()
            yield node
            if self.feeds[node]:
                stack.extend(self.children.of(node))

    def _grow(self, missing: int) -> None:
        more = growth(len(self.parent), missing)
        self._small = longer(self._small, _SMALL * more)
        self._large = longer(self._large, _LARGE * more)
        self._view()
        self.attached_at = longer(self.attached_at, more)
        self.counter = longer(self.counter, more)
        self.standby = longer(self.standby, STANDBYS_MAX * more)
        self.warm_at = longer(self.warm_at, STANDBYS_MAX * more)
        self.children.grow(more, more)
        self.servers.grow(more, more)
        self.clients.grow(more, STANDBYS_MAX * more)
        self._is_client = longer(self._is_client, STANDBYS_MAX * more)

    def _view(self) -> None:
        """Look at the tables as columns."""
        (
            self.alive,
            self.rank,
            self.role,
            self.capacity,
            self._children_max,
            self.feeds,
            self.load,
        ) = side_by_side(self._small, _SMALL)
        self.parent, self.generation, self.city, self.access_us, self.lag_us, self.base_us = side_by_side(
            self._large, _LARGE
        )
