"""How late the sound is at each peer, as far as the tracker can know, and who near a peer has something to offer soonest.

A joiner says its round trips to some landmarks. Peers whose round trips differ from each other's by a constant are at
one *place*; the constant is twice the difference of their *access*, their last mile. What a place's best connected peer
shows is taken as the place's own way to the landmarks, the rest as access. The way between two places is the shortest
one over a landmark: on measured round trips between cities this is off by 2 ms for neighbours and 4 ms for all.

A peer's *lag* is the sum of such ways from the origin down to it. It is entered with each link, and those beneath
follow, `WALK_MAX` of them in one event and the others later (`catch_up`).

Free places and leaf-only peers are kept in bags by place and *level*: the lag that they give to somebody next to them,
in units of `LEVEL_US`. The least lag that anybody can get is then found by looking at the nearest places first.

Until somebody has measured something all this is worth nothing, and nothing of it is kept: the first who has makes the
tree work it out for everybody, once.
"""

from array import array
from collections.abc import Callable, Sequence
from operator import sub
from typing import Final

from meshcast.protocol.limits import RANK_LISTENER_MIN, RANK_MAX
from meshcast.protocol.units import MILLISECOND, Micros
from tracker.overlay.chains import Chains
from tracker.overlay.columns import END, longer
from tracker.overlay.keys import LEVEL_MASK, LEVELS, NOWHERE, RANK_BITS, key_of
from tracker.overlay.nodes import Nodes
from tracker.overlay.openings import Openings

PLACES_MAX: Final = 255
"""A place fits a byte; more cities than that share places with their neighbours."""
UNKNOWN: Final = 0
"""The place of who has measured nothing."""
UNKNOWN_US: Final = 40 * MILLISECOND
"""From there to anywhere: the mean of pairs of listeners all over the world."""
SAME_PLACE_US: Final = 1 * MILLISECOND
RELAY_US: Final = 1_500
"""What a peer takes to pass a chunk on."""
PLACE_US: Final = 2 * MILLISECOND
"""Two peers are at one place when their ways to the landmarks differ by less than this in the mean."""
ACCESS_FIRST_US: Final = 4 * MILLISECOND
"""What is taken for the access of the first peer of a place, until there are others to compare it with."""
LEVEL_US: Final = 5 * MILLISECOND
DEPTH_US: Final = 1_800
"""What depth counts beside the lag, times the square of the level: near the top sound that comes sooner is worth a level,
and at the bottom a level is worth a detour across an ocean (docs/decisions/0023)."""
PRICES_US: Final = tuple(DEPTH_US * max(0, rank + 1 - RANK_LISTENER_MIN) ** 2 for rank in range(RANK_MAX + 1))
"""That, for those under a parent of each rank."""
QUALITY_US: Final = 500
"""Possible heirs are kept in bags by their access in these units,"""
CAPACITY_MAX: Final = 8
CAPACITY_LEVELS: Final = 4
"""and by the places they lack of so many: each counts as much access as this many units."""
SHIFT_US_MIN: Final = 250
"""Smaller changes of a lag are not passed on to those beneath."""
WALK_MAX: Final = 1024
BAGS_MAX: Final = 4
"""Bags in which candidates are looked at."""


class Lags:
    """Places, accesses and lags of the nodes of one tree."""

    def __init__(self, tree: Nodes, children: Chains, wake: Callable[[], None]) -> None:
        """Begin blind; `wake` is called when the first who has measured anything is known."""
        self.is_blind = True
        """Nobody has measured anything: no lag, crowd or index here means anything."""
        self._wake = wake
        self._tree = tree
        """It has room for all nodes; the columns here are empty until somebody says what it has measured, or that it has
        measured nothing."""
        self._children = children
        self.lag = array("i")
        """How late the sound is at each node, us behind the origin."""
        self.place = array("B")
        self._reach = array("i")
        """Mean one-way delay from each node to all landmarks, us."""
        self.crowd = array("i")
        """How many hear through a node, itself included."""
        self.spots: Final = Openings(PLACES_MAX + 1, LEVELS)
        """Free places, by place and level."""
        self.leaves: Final = Openings(PLACES_MAX + 1, LEVELS)
        """Leaf-only peers, by place and level."""
        self.reserve: Final = Openings(PLACES_MAX + 1, LEVELS)
        """Those of them that may be somebody's heir, by place and quality."""
        self.behind: Final[dict[int, None]] = {}
        """Nodes whose children have not followed them yet."""
        self._shapes: Final[list[list[Micros]]] = [[]]
        self._floor: Final[list[Micros]] = [0]
        self._core: Final[list[array[int]]] = [array("i", [UNKNOWN_US])]
        self.order: Final[list[list[int]]] = [[UNKNOWN]]
        """For each place all places, nearest first."""
        self._places_of: Final[dict[int, list[int]]] = {}

    def grow(self, nodes: int) -> None:
        """Make room for so many more nodes."""
        if len(self.lag):
            self._extend(nodes)

    def _extend(self, nodes: int) -> None:
        self.lag = longer(self.lag, nodes)
        self.place = longer(self.place, nodes)
        self._reach = longer(self._reach, nodes)
        self.crowd = longer(self.crowd, nodes, 1)
        self.spots.grow(nodes)
        self.leaves.grow(nodes)
        self.reserve.grow(nodes)

    # ---- what is measured

    def enter(self, node: int, landmarks: Sequence[Micros]) -> None:
        """Take in the round trips that a node has measured, before it is placed. About 10 us; the first: O(n)."""
        if not len(self.lag):
            self._extend(len(self._tree.parent))
        if self.reserve.key(node) != NOWHERE:
            self.reserve.put(node, NOWHERE)
        if not landmarks:
            self.place[node], self._reach[node] = UNKNOWN, 10 * MILLISECOND
            return
        mean = sum(landmarks) // (2 * len(landmarks))
        shape = [rtt // 2 - mean for rtt in landmarks]
        place = self._find_place(shape, mean)
        self.place[node], self._reach[node] = place, mean
        if mean < self._floor[place]:
            self._lower_floor(place, mean)
        if self.is_blind:
            self.is_blind = False
            self._wake()
        else:
            self._relevel(node)

    def access(self, node: int) -> Micros:
        """Give what a node's last mile adds, one way."""
        return self._reach[node] - self._floor[self.place[node]]

    def delay(self, one: int, other: int) -> Micros:
        """Give the delay from one node to another it feeds."""
        place, there = self.place[one], self.place[other]
        floor = self._floor
        return (
            self._reach[one]
            - floor[place]
            + self._reach[other]
            - floor[there]
            + self._core[place][there]
            + RELAY_US
        )

    def _find_place(self, shape: list[Micros], mean: Micros) -> int:
        nearest = min(range(len(shape)), key=shape.__getitem__)
        known = self._places_of.setdefault(nearest, [])
        limit = PLACE_US * len(shape)
        best, best_off = UNKNOWN, 1 << 60
        for at, place in enumerate(known):
            off = sum(map(abs, map(sub, shape, self._shapes[place])))
            if off < limit:
                if at:
                    known[at - 1], known[at] = known[at], known[at - 1]
                return place
            if off < best_off:
                best, best_off = place, off
        if len(self._floor) <= PLACES_MAX:
            best = self._found(shape, mean - min(ACCESS_FIRST_US, (mean + shape[nearest]) // 2))
            known.append(best)
        return best

    def _found(self, shape: list[Micros], floor: Micros) -> int:
        """Make a new place."""
        place = len(self._floor)
        self._shapes.append(shape)
        self._floor.append(floor)
        self._core.append(array("i", [0] * place))
        for other in range(place + 1):
            way = self._way(place, other)
            if other < place:
                self._core[other].append(way)
                self._core[place][other] = way
            else:
                self._core[place].append(way)
        for other in range(place):
            self.order[other].append(place)
            self._sort(other)
        self.order.append(list(range(place + 1)))
        self._sort(place)
        return place

    def _lower_floor(self, place: int, floor: Micros) -> None:
        much = self._floor[place] - floor > 500
        self._floor[place] = floor
        if much:
            for other in range(len(self._floor)):
                self._core[place][other] = self._core[other][place] = self._way(place, other)
                self._sort(other)
            self._sort(place)

    def _sort(self, place: int) -> None:
        self.order[place].sort(key=self._core[place].__getitem__)

    def _way(self, one: int, other: int) -> Micros:
        """Give the way between two places: the shortest over a landmark."""
        if UNKNOWN in (one, other):
            return UNKNOWN_US
        if one == other:
            return SAME_PLACE_US
        a, b = self._shapes[one], self._shapes[other]
        floors = self._floor[one] + self._floor[other]
        return max(SAME_PLACE_US, min(x + y for x, y in zip(a, b, strict=False)) + floors)

    # ---- lags

    def settle(self, top: int) -> None:
        """Have a node's lag follow its new parent, and those beneath follow it."""
        parent = self._tree.parent[top]
        lag = self.lag[parent] + self.delay(parent, top)
        if lag == self.lag[top]:
            return
        self.lag[top] = lag
        self._relevel(top)
        if self._children.first[top] != END:
            self._follow([top])

    def count(self, node: int, more: int) -> None:
        """Count so many more who hear through a node and all above it."""
        crowd, parent = self.crowd, self._tree.parent
        while node >= 0:
            crowd[node] += more
            node = parent[node]

    def catch_up(self, nodes_max: int = 64) -> None:
        """Have some of those follow that are behind."""
        walk = []
        for node in self.behind:
            walk.append(node)
            if len(walk) == nodes_max:
                break
        for node in walk:
            del self.behind[node]
        if walk:
            self._follow(walk)

    def _follow(self, walk: list[int]) -> None:
        first, after = self._children.first, self._children.next
        lags = self.lag
        for done, node in enumerate(walk):
            if done == WALK_MAX:
                self.behind.update(dict.fromkeys(walk[done:]))
                return
            child = first[node]
            while child != END:
                lag = lags[node] + self.delay(node, child)
                if not -SHIFT_US_MIN < lag - lags[child] < SHIFT_US_MIN:
                    lags[child] = lag
                    self._relevel(child)
                    if first[child] != END:
                        walk.append(child)
                child = after[child]

    # ---- indices

    # Written out, not shared: these run with nearly every link.

    def spot_key(self, node: int) -> int:
        """Name the bag of a free place under a node."""
        place = self.place[node]
        access = self._reach[node] - self._floor[place]
        level = (self.lag[node] + access + PRICES_US[self._tree.rank[node]]) // LEVEL_US
        return place << RANK_BITS | (level if 0 <= level <= LEVEL_MASK else LEVEL_MASK if level > 0 else 0)

    def leaf_key(self, node: int) -> int:
        """Name the bag of a leaf-only node, by what its parent would give to one there."""
        place = self.place[node]
        access = self._reach[node] - self._floor[place]
        level = (self.lag[node] - access + PRICES_US[self._tree.rank[node] - 1]) // LEVEL_US
        return place << RANK_BITS | (level if 0 <= level <= LEVEL_MASK else LEVEL_MASK if level > 0 else 0)

    def heir_key(self, node: int, capacity: int) -> int:
        """Name the bag of a possible heir."""
        place = self.place[node]
        level = (self._reach[node] - self._floor[place]) // QUALITY_US
        if capacity < CAPACITY_MAX:
            level += (CAPACITY_MAX - capacity) * CAPACITY_LEVELS
        return place << RANK_BITS | (min(level, LEVEL_MASK))

    def offer_spot(self, node: int, capacity: int) -> None:
        """Have a node of some capacity among those with a free place; of none: not."""
        self.spots.put(node, self.spot_key(node) if capacity else NOWHERE)
        if self.place[node] != UNKNOWN:
            self.reserve.put(node, self.heir_key(node, capacity) if capacity else NOWHERE)

    def offer_leaf(self, node: int, *, is_leaf: bool) -> None:
        """Have a node among the leaf-only, or not."""
        self.leaves.put(node, self.leaf_key(node) if is_leaf else NOWHERE)

    def _relevel(self, node: int) -> None:
        if self.spots.key(node) != NOWHERE:
            self.spots.put(node, self.spot_key(node))
        elif self.leaves.key(node) != NOWHERE:
            self.leaves.put(node, self.leaf_key(node))

    def nearest_bags(self, openings: Openings, place: int, unit: int = LEVEL_US) -> list[int]:
        """Find the bags that promise a node the least lag, best first: some that are not much worse too."""
        if not openings.count:
            return []
        core, levels_at = self._core[place], openings.ranks_in
        least = openings.lowest_rank() * unit
        limit = 1 << 60
        found = []
        for there in self.order[place]:
            way = core[there]
            if way + least >= limit:
                break
            levels = levels_at[there]
            if levels:
                level = (levels & -levels).bit_length() - 1
                score = way + level * unit
                if score < limit:
                    found.append((score, key_of(there, level)))
                    limit = min(limit, score + unit)
                    rest = levels & (levels - 1)
                    if rest:
                        level = (rest & -rest).bit_length() - 1
                        found.append((way + level * unit, key_of(there, level)))
        found.sort()
        return [key for _, key in found[:BAGS_MAX]]
