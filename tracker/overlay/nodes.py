"""Peers as numbers: the columns of the tracker's view, how they grow, and what can be read off them.

A peer is a slot of flat arrays (about 90 bytes with all indices); the slot of one that left is used again. Node 0 is
the origin.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.tickets import Role
from tracker.overlay.openings import REGIONS_MAX
from tracker.overlay.states import ILLEGAL, NEXT, State, Step

ORIGIN: Final = 0
NOBODY: Final = -1
CAPACITY_MAX: Final = 2**15 - 1
"""What an entry of the capacity column holds; the limits page allows less."""
PREFIX_MAX: Final = 2**63 - 1
COUNTER_MAX: Final = 2**63 - 1
GROWTH_MIN: Final = 64
LISTENER: Final = int(Role.LISTENER)
RANK_MIN: Final = tuple(role.rank_min for role in Role)
"""The lowest rank of each role."""

assert [int(role) for role in Role] == list(range(len(Role))), "roles are indices of RANK_MIN"


class Nodes:
    """The columns."""

    def __init__(self, nearest_regions: Sequence[Sequence[int]]) -> None:
        regions = len(nearest_regions)
        if not 0 < regions <= REGIONS_MAX:
            raise LocalProtocolError(f"{regions} regions, 1 to {REGIONS_MAX} allowed")
        self.nearest: Final = tuple(
            _complete(region, near, regions) for region, near in enumerate(nearest_regions)
        )
        """For each region all regions, itself first, then nearest first."""
        self.parent: Final = array("i")
        self.rank: Final = array("b")
        self.capacity: Final = array("h")
        self.free: Final = array("h")
        """Capacity less children; negative where emergency places are taken."""
        self.region: Final = array("B")
        self.prefix: Final = array("q")
        """The address prefix of each node, as a number that whoever adds it makes; standbys should differ in it."""
        self.counter: Final = array("q")
        """How often each peer has asked to be attached, as it says: the version of its place."""
        self.state: Final = array("B")
        self.role: Final = array("B")
        self.population: Final = [0] * len(State)
        """How many nodes are in each state."""
        self.places = 0
        """The capacities of all peers together."""
        self.changed: Final[dict[int, None]] = {}
        """Whose parent, rank, capacity or counter changed since somebody last cleared this; for the store."""
        self._columns: Final[tuple[array[int], ...]] = (
            self.parent, self.rank, self.capacity, self.free, self.region, self.prefix, self.counter, self.state,
            self.role,
        )  # fmt: skip
        self._unused: Final[list[int]] = []
        self._used = 0

    def add(self, *, capacity: int, region: int, role: Role = Role.LISTENER, prefix: int = 0) -> int:
        """Take in a peer, as an orphan; give its number."""
        if not 0 <= capacity <= CAPACITY_MAX or not 0 <= region < len(self.nearest):
            raise LocalProtocolError(f"a peer of capacity {capacity} in region {region}")
        if not self._unused and self._used == len(self.parent):
            self._grow(max(GROWTH_MIN, self._used // 8))
        node = self._unused.pop() if self._unused else self._fresh()
        self.parent[node] = NOBODY
        self.rank[node] = RANK_MAX if role is Role.LISTENER else role.rank_min
        self.capacity[node] = self.free[node] = capacity
        self.region[node] = region
        self.role[node] = role
        self.prefix[node] = prefix
        self.counter[node] = 0
        self.places += capacity
        self._step(node, Step.ADD)
        self.changed[node] = None
        return node

    def nodes(self) -> Iterator[int]:
        """Go through all nodes in use, the origin first."""
        return (node for node in range(self._used) if self.state[node] != State.FREE)

    def has_children(self, node: int) -> bool:
        """Tell whether somebody hears from a node."""
        return self.free[node] < self.capacity[node]

    def branch(self, node: int) -> int:
        """Give the ancestor (or the node itself) that is a child of the origin, or the orphan that the chain ends at."""
        above = self.parent[node]
        while above > ORIGIN:
            node = above
            above = self.parent[node]
        return node

    def is_rooted(self, node: int) -> bool:
        """Tell whether a node's chain of parents ends at the origin; otherwise it ends at an orphan."""
        return node == ORIGIN or self.parent[self.branch(node)] == ORIGIN

    def is_under(self, node: int, ancestor: int) -> bool:
        """Tell whether `node` is `ancestor` or hears from it, directly or not."""
        while node not in (ancestor, NOBODY):
            node = self.parent[node]
        return node == ancestor

    def _fresh(self) -> int:
        self._used += 1
        return self._used - 1

    def _grow(self, nodes: int) -> None:
        """Make room for so many more nodes in every column; whoever adds indices grows them too."""
        for column in self._columns:
            column.frombytes(bytes(nodes * column.itemsize))
        self.population[State.FREE] += nodes

    def _release(self, node: int) -> None:
        """Let the slot of a node be used again; whoever knows its links cuts them."""
        self._step(node, Step.LEAVE)
        self.places -= self.capacity[node]
        self._unused.append(node)

    def _step(self, node: int, step: Step) -> None:
        before = self.state[node]
        after = NEXT[before][step]
        if after == ILLEGAL:
            raise LocalProtocolError(f"node {node} is {State(before).name}: no {step.name} from there")
        if after != before:
            self.state[node] = after
            self.population[before] -= 1
            self.population[after] += 1


def _complete(region: int, near: Sequence[int], regions: int) -> tuple[int, ...]:
    """Name every region once: itself, those that are near, and all others."""
    order = dict.fromkeys((region, *near, *range(regions)))
    if len(order) != regions:
        raise LocalProtocolError(f"neighbours of region {region} name one that is not among {regions}")
    return tuple(order)
