"""Who hangs under whom and who stands by for whom, with the indices always in step.

Four indices: *slots*, attached nodes with a free place; *leaf_only*, attached nodes that can serve nobody; *adopters*,
attached nodes that may take standby clients and orphans; *overcommitted*, attached nodes that feed more than they can.
`_index` is the only place that says who belongs in them, and
every change below ends with it.
"""

from collections.abc import Sequence
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.units import Rank
from tracker.overlay.chains import Chains
from tracker.overlay.columns import NOBODY
from tracker.overlay.errands import Clearing, Errands
from tracker.overlay.keys import RANK_BITS
from tracker.overlay.lags import Lags
from tracker.overlay.nodes import Nodes
from tracker.overlay.openings import Openings
from tracker.overlay.standby_links import StandbyLinks
from tracker.overlay.states import ATTACHED

_SLOT: Final = 1
_LEAF_ONLY: Final = 2
_ADOPTER: Final = 4
_OVERCOMMITTED: Final = 8


class Links(Nodes):
    """The columns with links between them."""

    def __init__(self, nearest_regions: Sequence[Sequence[int]]) -> None:
        super().__init__(nearest_regions)
        regions = len(nearest_regions)
        self.children: Final = Chains()
        self.standbys: Final = StandbyLinks()
        self.lags: Final = Lags(self, self.children, self._open_eyes)
        self.slots: Final = Openings(regions)
        self.leaf_only: Final = Openings(regions)
        self.adopters: Final = Openings(regions)
        self.overcommitted: Final = Openings(regions)
        kinds = {
            _SLOT: self.slots, _LEAF_ONLY: self.leaf_only, _ADOPTER: self.adopters, _OVERCOMMITTED: self.overcommitted
        }  # fmt: skip
        self._touching: Final = tuple(
            tuple([(bit, openings) for bit, openings in kinds.items() if touched & bit])
            for touched in range(sum(kinds) + 1)
        )
        """For each sum of bits the indices that it names."""
        self._leaf_of: Final[dict[int, int]] = {}
        self._joiner_of: Final[dict[int, int]] = {}
        self._splices_at: Final[dict[int, int]] = {}
        self.errands: Final = Errands()

    # ---- splices: the leaf-only child that is to go under the joiner that took its place

    def promise_splice(self, joiner: int, leaf: int) -> None:
        """Remember that `leaf` goes under `joiner`, its sibling, once that one is attached."""
        are_siblings = self.parent[joiner] == self.parent[leaf] != NOBODY
        if not are_siblings or leaf in self._joiner_of or joiner in self._leaf_of:
            raise LocalProtocolError(f"leaf {leaf} cannot be promised to {joiner}")
        self._leaf_of[joiner] = leaf
        self._joiner_of[leaf] = joiner
        parent = self.parent[leaf]
        self._splices_at[parent] = self.splices_at(parent) + 1
        self._index(leaf)

    @property
    def has_splices(self) -> bool:
        """Tell whether anybody waits for anybody."""
        return bool(self._leaf_of)

    def promised_leaf(self, joiner: int) -> int | None:
        """Give the leaf that waits to go under `joiner`."""
        return self._leaf_of.get(joiner)

    def withdraw_splice(self, joiner: int) -> None:
        """Let the leaf that waits to go under `joiner`, if one does, stay where it is."""
        if self._leaf_of:
            self._break_splice_of_leaf(self._leaf_of.get(joiner, joiner))

    def splices_at(self, parent: int) -> int:
        """Count the children of a node that wait to go under another."""
        return self._splices_at.get(parent, 0)

    def is_promised(self, leaf: int) -> bool:
        """Tell whether a node waits to go under another."""
        return leaf in self._joiner_of

    # ---- clearings: a child that gets no more children of its own, so that it can be moved as a childless one

    def begin_clearing(self, child: int) -> None:
        """Send nobody to `child` any more, until it has left its parent or that one carries no more than it can."""
        errands, adopter = self.errands, self.parent[child]
        if self.free[adopter] >= 0 or adopter in errands.clearings or child in errands.closed:
            raise LocalProtocolError(f"node {child} cannot be cleared for {adopter}")
        errands.clearings[adopter] = Clearing(child, {})
        errands.closed[child] = adopter
        self._index(child)

    def end_clearing(self, adopter: int) -> None:
        """Let the child of `adopter` that is being cleared, if one is, have children again."""
        clearing = self.errands.clearings.pop(adopter, None)
        if clearing is not None:
            del self.errands.closed[clearing.child]
            self._index(clearing.child)

    # ---- standbys

    def give_standby(self, node: int, standby: int) -> bool:
        """Have `standby` stand by for `node`, if it may: attached, lower, not its parent, not full, and new.

        The node must have room for it, too.
        """
        if not self._bags[standby] & _ADOPTER or self.rank[standby] >= self.rank[node]:
            return False
        if standby == self.parent[node]:
            return False
        return self.give_adopter(node, standby)

    def give_adopter(self, node: int, standby: int) -> bool:
        """Have one stand by for `node` that is in the index of adopters at a lower rank, and not its parent, as above."""
        standbys = self.standbys
        if not standbys.give(node, standby):
            return False
        # Nothing but the last client that it may have changes where it belongs.
        if standbys.load[standby] >= self._clients_max[standby]:
            self._bags[standby] &= ~_ADOPTER
            self.adopters.take_out(standby)
        return True

    def drop_standby(self, node: int, standby: int) -> None:
        """Have `standby` stand by for `node` no longer."""
        standbys = self.standbys
        standbys.drop(node, standby)
        if standbys.load[standby] == self._clients_max[standby] - 1:
            # It has room again; where nothing else speaks against it, that is all that changes.
            is_open = standby not in self.errands.closed
            if (
                self.free[standby] >= 0
                and self.rank[standby] < RANK_MAX
                and is_open
                and self.state[standby] == ATTACHED
            ):
                self._bags[standby] |= _ADOPTER
                key = self.region[standby] << RANK_BITS | self.rank[standby]
                self.adopters.put(standby, key)
            else:
                self._index(standby)

    # ---- within

    def _grow(self, nodes: int) -> None:
        super()._grow(nodes)
        self.children.grow(nodes, nodes)
        self.standbys.grow(nodes)
        self.lags.grow(nodes)
        for openings in (self.slots, self.leaf_only, self.adopters, self.overcommitted):
            openings.grow(nodes)

    def _index(self, node: int) -> None:
        """Have a node in exactly the bags where it belongs: the only place that says which."""
        bags = 0
        if self.state[node] == ATTACHED:
            free = self.free[node]
            if not self.capacity[node]:
                if free:
                    bags = _OVERCOMMITTED
                elif node not in self._joiner_of:
                    bags = _LEAF_ONLY
            elif self.rank[node] < RANK_MAX:
                bags = _SLOT if free > 0 else _OVERCOMMITTED if free < 0 else 0
                # The origin and the relays are the last resort even when they are full.
                is_usable = free >= 0 or self.role[node] != LISTENER
                if is_usable and self.standbys.load[node] < self._clients_max[node]:
                    bags |= _ADOPTER
            elif free < 0:
                bags = _OVERCOMMITTED
            closed = self.errands.closed
            if closed and node in closed:
                bags &= _OVERCOMMITTED
        touched = bags ^ self._bags[node]
        if touched:
            self._bags[node] = bags
            self._put(node, bags, touched)

    def _put(self, node: int, bags: int, touched: int) -> None:
        """Enter a node in some bags and take it out of the other ones that are touched."""
        key = self.region[node] << RANK_BITS | self.rank[node]
        for bit, openings in self._touching[touched]:
            if bags & bit:
                openings.put(node, key)
            else:
                openings.take_out(node)
        if not self.lags.is_blind:
            if touched & _SLOT:
                self.lags.offer_spot(node, self.capacity[node] if bags & _SLOT else 0)
            if touched & _LEAF_ONLY:
                self.lags.offer_leaf(node, is_leaf=bags & _LEAF_ONLY != 0)

    def _open_eyes(self) -> None:
        """Work out what is kept by lag, from the top down, when somebody first measures. O(n log n)."""
        lags = self.lags
        nodes = sorted(self.nodes(), key=self.rank.__getitem__)
        for node in nodes:
            lags.crowd[node] = 1
            bags = self._bags[node]
            parent = self.parent[node]
            if parent != NOBODY:
                lags.lag[node] = lags.lag[parent] + lags.delay(parent, node)
            if bags & _SLOT:
                lags.offer_spot(node, self.capacity[node])
            elif bags & _LEAF_ONLY:
                lags.offer_leaf(node, is_leaf=True)
        for node in reversed(nodes):
            if self.parent[node] != NOBODY:
                lags.crowd[self.parent[node]] += lags.crowd[node]

    def _link(self, node: int, parent: int) -> None:
        self.parent[node] = parent
        self.children.append(parent, node)
        free = self.free[parent] = self.free[parent] - 1
        lags = self.lags
        if not lags.is_blind:
            lags.settle(node)
            lags.count(parent, lags.crowd[node])
        self._note(node)
        if self.standbys.has(node, parent):
            self.standbys.drop(node, parent)
            self._index(parent)
        elif free <= 0:
            # One place less changes nothing where others are left.
            self._index(parent)

    def _unlink(self, node: int) -> None:
        if self._leaf_of:
            self._break_splice_of_leaf(self._leaf_of.get(node, node))
        parent = self.parent[node]
        self.parent[node] = NOBODY
        self.children.remove(parent, node)
        free = self.free[parent] = self.free[parent] + 1
        if free <= 1:
            # One place more changes nothing where others were free.
            self._index(parent)
        clearings = self.errands.clearings
        if clearings and parent in clearings and (free >= 0 or clearings[parent].child == node):
            self.end_clearing(parent)
        if not self.lags.is_blind:
            self.lags.count(parent, -self.lags.crowd[node])
        self._note(node)

    def _unlink_all(self, parent: int) -> list[int]:
        """Take all children off one that goes; give them in the order they came. It is in no index any longer."""
        self.end_clearing(parent)
        heads = self.children.clear(parent)
        leaf_of = self._leaf_of
        for head in heads:
            if leaf_of:
                self._break_splice_of_leaf(leaf_of.get(head, head))
            self.parent[head] = NOBODY
            self._note(head)
        self.free[parent] += len(heads)
        return heads

    def _break_splice_of_leaf(self, leaf: int) -> None:
        joiner = self._joiner_of.pop(leaf, None)
        if joiner is not None:
            del self._leaf_of[joiner]
            # The two are siblings for as long as the promise holds: whoever moves one of them breaks it first.
            parent = self.parent[leaf]
            self._splices_at[parent] -= 1
            if not self._splices_at[parent]:
                del self._splices_at[parent]
            self._index(leaf)

    def _release_clients(self, node: int, most: int) -> None:
        """Stand by for no more than so many; the oldest clients go first. O(load)."""
        surplus = self.standbys.load[node] - most
        if surplus > 0:
            for client in self.standbys.clients(node)[:surplus]:
                self.drop_standby(client, node)

    def _write_rank(self, node: int, rank: Rank) -> None:
        """Change a rank; standbys that are no longer lower than their clients go."""
        before = self.rank[node]
        self.rank[node] = rank
        self._note(node)
        if rank < before:
            for standby in self.standbys.of(node):
                if self.rank[standby] >= rank:
                    self.drop_standby(node, standby)
        elif self.standbys.load[node]:
            for client in self.standbys.clients(node):
                if self.rank[client] <= rank:
                    self.drop_standby(client, node)
        stays = self._bags[node]
        if stays or self.state[node] == ATTACHED:
            self._index(node)
            stays &= self._bags[node]
            if stays:
                # Those that stay the same are now those of another rank.
                self._put(node, self._bags[node], stays)
