"""Peers as numbers: the columns of the tracker's view, how they grow, and what can be read off them."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from meshcast.protocol.capacity import LISTENER, clients_max
from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import CHILDREN_MAX, RANK_MAX
from meshcast.protocol.tickets import Role
from tracker.overlay.columns import NOBODY, ORIGIN, View, growth, longer, side_by_side, without_views
from tracker.overlay.keys import REGIONS_MAX
from tracker.overlay.states import ILLEGAL, NEXT, ORPHAN, State, Step

CAPACITY_MAX: Final = 2**15 - 1
"""What an entry of the capacity column holds; the limits page allows less."""
PREFIX_MAX: Final = 2**63 - 1
COUNTER_MAX: Final = 2**63 - 1
_ROLE_OF_MOST: Final = Role.LISTENER
RANK_MIN: Final = tuple(role.rank_min for role in Role)
"""The lowest rank of each role."""
_LEAVE: Final = int(Step.LEAVE)
_STEPS: Final = len(Step)
_SMALL: Final = 8
_ARRIVAL_RANK: Final = tuple(RANK_MAX if role is Role.LISTENER else role.rank_min for role in Role)

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
        self.parent = array("i")
        self._small = array("h")
        """The small numbers of each node, side by side: the columns from here on."""
        self.rank: View
        self.capacity: View
        self.free: View
        """Capacity less children; negative where emergency places are taken."""
        self.region: View
        self.state: View
        self.role: View
        self._clients_max: View
        self._bags: View
        """In which indices each node is, in one number: most changes change nothing there, and one comparison tells."""
        self.prefix = array("q")
        """The address prefix of each node, as a number that whoever adds it makes; standbys should differ in it."""
        self.counter: Final[list[int]] = []
        """How often each peer has asked to be attached, as it says: the version of its place."""
        self.is_stored = True
        """Somebody stores this tree, and clears what has `changed`; the simulator's flow does not."""
        self.changed: Final[dict[int, None]] = {}
        """Whose parent, rank, capacity or counter changed since somebody last cleared this; for the store."""
        self.by_capacity: Final = array("i", [0] * (CHILDREN_MAX + 1))
        """How many listeners offer so many places; of more than anybody may have, as many as that."""
        self._next: Final = array("b", [after for row in NEXT for after in row])
        """What state follows on each step from each, in one row."""
        self._unused: Final[list[int]] = []
        self._used = 0
        self._view()

    def add(self, capacity: int, region: int, role: Role = Role.LISTENER, prefix: int = 0) -> int:
        """Take in a peer, as an orphan; give its number."""
        if not 0 <= capacity <= CAPACITY_MAX or not 0 <= region < len(self.nearest):
            raise LocalProtocolError(f"a peer of capacity {capacity} in region {region}")
        if self._unused:
            node = self._unused.pop()
        else:
            node = self._used
            if node == len(self.state):
                self._grow(growth(node))
            self._used = node + 1
        kind = LISTENER if role is _ROLE_OF_MOST else int(role)
        self.state[node] = ORPHAN
        self.parent[node] = NOBODY
        self.rank[node] = _ARRIVAL_RANK[kind]
        self.capacity[node] = self.free[node] = capacity
        self.region[node] = region
        self.role[node] = kind
        self.prefix[node] = prefix
        self.counter[node] = 0
        # One without places, as most are, stands by for nobody, whatever it is.
        self._clients_max[node] = clients_max(kind, capacity) if capacity else 0
        self._count(node, 1)
        self._note(node)
        return node

    def __len__(self) -> int:
        """Count the nodes in use, the origin among them."""
        return self._used - len(self._unused)

    def nodes(self) -> Iterator[int]:
        """Go through all nodes in use, the origin first."""
        return (node for node in range(self._used) if self.state[node] != State.FREE)

    def clients_max(self, node: int) -> int:
        """Say for how many a node may stand by."""
        return self._clients_max[node]

    def has_children(self, node: int) -> bool:
        """Tell whether somebody hears from a node."""
        return self.free[node] < self.capacity[node]

    def branch(self, node: int) -> int:
        """Give the ancestor (or the node itself) that is a child of the origin, or the orphan that the chain ends at."""
        parent = self.parent
        above = parent[node]
        while above > ORIGIN:
            node = above
            above = parent[node]
        return node

    def is_rooted(self, node: int) -> bool:
        """Tell whether a node's chain of parents ends at the origin; otherwise it ends at an orphan."""
        parent = self.parent
        while node > ORIGIN:
            node = parent[node]
        return node == ORIGIN

    def is_under(self, node: int, ancestor: int) -> bool:
        """Tell whether `node` is `ancestor` or hears from it, directly or not."""
        parent = self.parent
        while node not in (ancestor, NOBODY):
            node = parent[node]
        return node == ancestor

    def _note(self, node: int) -> None:
        """Note for the store that a node has changed."""
        if self.is_stored:
            self.changed[node] = None

    def _count(self, node: int, more: int) -> None:
        """Count a listener in by its capacity, or out."""
        if self.role[node] == LISTENER:
            capacity = self.capacity[node]
            self.by_capacity[min(CHILDREN_MAX, capacity)] += more

    def _write_capacity(self, node: int, capacity: int) -> None:
        more = capacity - self.capacity[node]
        self._count(node, -1)
        self.capacity[node] = capacity
        self._count(node, 1)
        self.free[node] += more
        self._clients_max[node] = clients_max(self.role[node], capacity)
        self._note(node)

    def _grow(self, nodes: int) -> None:
        """Make room for so many more nodes in every column; whoever adds indices grows them too."""
        self.parent = longer(self.parent, nodes, NOBODY)
        self.counter.extend([0] * nodes)
        self._small = longer(self._small, _SMALL * nodes)
        self._view()
        self.prefix = longer(self.prefix, nodes)

    def _view(self) -> None:
        """Look at the table of small numbers as columns."""
        (
            self.rank,
            self.capacity,
            self.free,
            self.region,
            self.state,
            self.role,
            self._clients_max,
            self._bags,
        ) = side_by_side(self._small, _SMALL)

    def __getstate__(self) -> dict[str, object]:
        """Be copied without the views, which are of this table."""
        return without_views(vars(self))

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._view()

    def _release(self, node: int) -> None:
        """Let the slot of a node be used again; whoever knows its links cuts them."""
        self._step(node, _LEAVE)
        self._count(node, -1)
        self._unused.append(node)

    def _step(self, node: int, step: int) -> bool:
        """Let something happen to a node; tell whether its state is another now."""
        before = self.state[node]
        after = self._next[_STEPS * before + step]
        if after == before:
            return False
        if after == ILLEGAL:
            raise LocalProtocolError(f"node {node} is {State(before).name}: no {Step(step).name} from there")
        self.state[node] = after
        return True


def _complete(region: int, near: Sequence[int], regions: int) -> tuple[int, ...]:
    """Name every region once: itself, those that are near, and all others."""
    order = dict.fromkeys((region, *near, *range(regions)))
    if len(order) != regions:
        raise LocalProtocolError(f"neighbours of region {region} name one that is not among {regions}")
    return tuple(order)
