"""Who hears from whom, in the tracker's view: the operations.

A node's rank is an upper bound of its depth, and a parent's is always lower than its child's; that alone makes loops
impossible. Where a rank falls, those beneath it fall too, as far as a bounded walk goes (any upper bound is legal);
where one rises, those beneath rise only as far as the order demands.

**The peers' truth wins.** What the tracker decides (`attach`) is PENDING until a report confirms it, and a report
(`adopted`) is taken over even where it contradicts capacities, ranks or links in this view: what contradicts it is
corrected or torn off, and the torn become orphans until their own reports come. `promises.check` asserts what holds
after every operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import RANK_LISTENER_MIN, RANK_MAX
from meshcast.protocol.machine import Dice
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Rank
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.links import Links
from tracker.overlay.nodes import CAPACITY_MAX, RANK_MIN
from tracker.overlay.states import ATTACHED, FREE, PENDING, SUSPECT, Step

_PLACE: Final = int(Step.PLACE)
_CONFIRM: Final = int(Step.CONFIRM)
_SUSPECT: Final = int(Step.SUSPECT)
_CLEAR: Final = int(Step.CLEAR)
_LOSE: Final = int(Step.LOSE)

_CLEARABLE: Final = (SUSPECT, FREE)
"""States that hearing a node changes, or that it must not have."""

RANK_WALK_MAX: Final = 1024
"""So many nodes at most are lowered in one event, 3 ms of work; those farther down keep a higher bound."""


assert max(RANK_MIN) == RANK_LISTENER_MIN, "`_least_rank` counts on it"


@dataclass(frozen=True)
class Adoption:
    """What became of a report that somebody was adopted."""

    taken: bool
    """It was news, or confirmed what was believed; False for a stale one."""
    torn: tuple[int, ...] = ()
    """Nodes whose parent in this view the report disproved: orphans until they are heard."""


_STALE: Final = Adoption(taken=False)
_TAKEN: Final = Adoption(taken=True)


class Tree(Links):
    """The relay tree of one broadcast; every operation is O(1), O(regions) or bounded as it says."""

    def __init__(
        self,
        *,
        regions: int,
        nearest_regions: Sequence[Sequence[int]],
        dice: Dice,
        origin_capacity: int = 0,
        origin_region: int = 0,
    ) -> None:
        """Plant a tree. `nearest_regions[r]` names other regions, nearest to r first; it need not name all."""
        if len(nearest_regions) != regions:
            raise LocalProtocolError(f"{regions} regions, but neighbours of {len(nearest_regions)}")
        super().__init__(nearest_regions)
        self.dice: Final = dice
        self._hearsay: Final[dict[int, None]] = {}
        """Nodes that hang where they do by an adopter's word alone."""
        self.add(capacity=origin_capacity, region=origin_region, role=Role.SOURCE)
        self._step(ORIGIN, _CONFIRM)
        self._index(ORIGIN)

    # ---- coming and going

    def leave(self, node: int) -> list[int]:
        """Let a peer go; give its children, now orphan heads, in the order they came. Their subtrees stay whole."""
        if node == ORIGIN:
            raise LocalProtocolError("the origin cannot leave its tree")
        # Out of every index first: then what follows need not look there again and again.
        self._release(node)
        self._index(node)
        heads: list[int] = []
        if self.free[node] != self.capacity[node]:
            heads = self._unlink_all(node)
            for head in heads:
                self._step(head, _LOSE)
                if self._bags[head]:
                    self._index(head)
        if self.parent[node] != NOBODY:
            self._unlink(node)
        standbys = self.standbys
        for standby in standbys.of(node):
            self.drop_standby(node, standby)
        if standbys.load[node]:
            standbys.drop_clients(node)
        standbys.forget(node)
        if self.is_stored:
            self.changed.pop(node, None)
        if self.errands.is_any:
            self.errands.forget(node)
        if not self.lags.is_blind:
            # Those who heard through it were taken off its ancestors with it.
            self.lags.crowd[node] = 1
        return heads

    # ---- links

    def attach(self, node: int, parent: int) -> None:
        """Decide that `node` shall hear from `parent`; it is PENDING until a report confirms it.

        One with children may only go where its rank does not rise.
        """
        if not self.may_attach(node, parent):
            raise LocalProtocolError(f"node {node} may not be put under {parent}")
        before = self.parent[node]
        if before != parent:
            if before != NOBODY:
                self._unlink(node)
            self._link(node, parent)
        self._step(node, _PLACE)
        if self._bags[node]:
            # It is not attached any longer.
            self._index(node)
        rank, current = self.rank[parent] + 1, self.rank[node]
        if rank < RANK_LISTENER_MIN:
            rank = self._least_rank(node)
        if rank == current:
            return
        held = self.standbys.of(node)
        if rank > current:
            for standby in held:
                self.drop_standby(node, standby)
        if held or self.standbys.load[node] or self.free[node] < self.capacity[node]:
            self._rerank(node, rank)
        else:
            self.rank[node] = rank

    def restore(self, node: int, parent: int | None, *, rank: Rank, counter: int) -> None:
        """Enter what was stored of a peer just added: PENDING, for it has not been heard; an orphan if ranks forbid it."""
        self.counter[node] = counter
        self._write_rank(node, rank)
        if parent is not None and self.rank[parent] < rank:
            self._link(node, parent)
            self._step(node, _PLACE)

    def may_attach(self, node: int, parent: int) -> bool:
        """Tell whether the rank rule allows the tracker to put `node` under `parent`."""
        if node in (ORIGIN, parent) or self.state[node] == FREE or self.state[parent] == FREE:
            return False
        above, role = self.rank[parent], self.role[node]
        if role != LISTENER:
            return above < RANK_MIN[role]
        if self.free[node] == self.capacity[node]:
            return above < RANK_MAX
        most = self.rank[node]
        return above < most and most >= RANK_LISTENER_MIN

    def confirm(self, node: int) -> None:
        """Hear that a node is where it is believed to be."""
        if self.parent[node] == NOBODY:
            raise LocalProtocolError(f"node {node} has no parent to be confirmed")
        self._step(node, _CONFIRM)
        self._index(node)

    def detach(self, node: int) -> None:
        """Hear that a node has lost its parent; its subtree stays whole beneath it."""
        if self.parent[node] != NOBODY:
            self._unlink(node)
        self._step(node, _LOSE)
        self._index(node)

    def adopted(
        self, head: int, adopter: int, rank: Rank | None = None, counter: int | None = None
    ) -> Adoption:
        """Take over a report that `adopter` feeds `head`: the peers' truth, even against this view.

        `rank` and `counter` are the head's own, where it reports itself. Without a counter it is the adopter's word,
        which cannot contradict what the head itself has said, nor clear it of a suspicion.
        """
        if self.state[head] == FREE or self.state[adopter] == FREE:
            raise LocalProtocolError(f"node {head} or {adopter} is not there")
        if head in (ORIGIN, adopter) or self._is_stale(head, adopter, counter):
            return _STALE
        parent = self.parent[head]
        if counter is not None:
            if self._hearsay:
                self._hearsay.pop(head, None)
        elif parent != adopter or self.state[head] == PENDING:
            # It confirms what the tracker decided, and the head may have decided otherwise.
            self._hearsay[head] = None
        torn = self._relink(head, adopter) if parent != adopter else []
        if counter is None:
            if self.state[head] != SUSPECT:
                self._step(head, _CONFIRM)
        else:
            if counter > self.counter[head]:
                self.counter[head] = counter
                self._note(head)
            if self.state[head] != ATTACHED:
                self._step(head, _CONFIRM)
        if rank is not None and self.rank[adopter] >= rank:
            self._bound(adopter, rank - 1)
        least = self._least_rank(head)
        if rank is None or rank < least:
            rank = least
        if rank == self.rank[head]:
            self._index(head)
        else:
            torn += self._rerank(head, rank)
        return Adoption(taken=True, torn=tuple(torn)) if torn else _TAKEN

    # ---- what else is heard of a node

    def set_rank(self, node: int, rank: Rank) -> tuple[int, ...]:
        """Take over a rank that a node announces; give those torn off because theirs would exceed the greatest."""
        self._bound(self.parent[node], rank - 1)
        torn = self._rerank(node, max(rank, self._least_rank(node)))
        self._index(node)
        return tuple(torn)

    def set_capacity(self, node: int, capacity: int) -> None:
        """Take over what a node says it can carry; surplus children and clients are found by who looks for them."""
        if not 0 <= capacity <= CAPACITY_MAX:
            raise LocalProtocolError(f"a capacity of {capacity}")
        self._write_capacity(node, capacity)
        self._release_clients(node, self._clients_max[node])
        self._break_splice_of_leaf(node)
        if self.free[node] >= 0:
            self.end_clearing(node)
        self._index(node)

    def suspect(self, node: int) -> None:
        """Hear that a node is silent: it keeps its place, gets no newcomers, and stands by for nobody."""
        if node == ORIGIN:
            raise LocalProtocolError("the origin is never suspected: it is all there is")
        self._step(node, _SUSPECT)
        self.standbys.drop_clients(node)
        self._index(node)

    def clear(self, node: int) -> None:
        """Hear a node itself: it is no suspect any longer."""
        if self.state[node] in _CLEARABLE and self._step(node, _CLEAR):
            self._index(node)

    # ---- ranks and reports

    def _least_rank(self, node: int) -> Rank:
        """Give the lowest rank that a node may have where it hangs."""
        parent = self.parent[node]
        below = self.rank[parent] + 1 if parent != NOBODY else 0
        if below >= RANK_LISTENER_MIN:
            # No role has a higher one.
            return below
        least = RANK_MIN[self.role[node]]
        return below if below > least else least  # noqa: FURB136 - a call takes longer

    def _is_stale(self, head: int, adopter: int, counter: int | None) -> bool:
        """Tell whether a report is older than what is known; what the tracker only believes, any report beats."""
        if counter is None:
            return self.parent[head] != adopter and self.state[head] in (ATTACHED, PENDING)
        if self.parent[head] != adopter and self.state[head] in (ATTACHED, SUSPECT):
            # Of one age, a peer's own word stands, but an adopter's gives way to it.
            return counter < self.counter[head] + (head not in self._hearsay)
        return counter < self.counter[head]

    def _relink(self, head: int, adopter: int) -> list[int]:
        """Hang `head` under another; where that would close a loop, the adopter's own link is the stale one."""
        torn = []
        if self.has_children(head) and self.is_under(adopter, head):
            self.detach(adopter)
            torn.append(adopter)
        if self.parent[head] != NOBODY:
            self._unlink(head)
        self._link(head, adopter)
        return torn

    def _bound(self, node: int, rank: Rank) -> None:
        """Lower a node and its ancestors as far as a rank reported beneath them implies: at most 32 steps."""
        if node == NOBODY or self.rank[node] <= rank:
            return
        path = []
        while node != NOBODY and self.rank[node] > rank:
            path.append((node, rank))
            node, rank = self.parent[node], rank - 1
        for one, implied in reversed(path):
            least = max(implied, self._least_rank(one))
            if least < self.rank[one]:
                self._write_rank(one, least)

    def _rerank(self, top: int, rank: Rank) -> list[int]:
        """Give a node a rank and put those beneath it in order; tear off whose rank would exceed the greatest.

        All whose rank changes are in the right indices then, and so is who is torn off.
        """
        if rank > RANK_MAX:
            self.detach(top)
            return [top]
        if rank == self.rank[top]:
            return []
        self._write_rank(top, rank)
        torn: list[int] = []
        if self.free[top] == self.capacity[top]:
            return torn
        walk, lowered = [top], 0
        for node in walk:
            order = self.rank[node] + 1
            for child in self.children.of(node):
                current = self.rank[child]
                least = max(order, RANK_MIN[self.role[child]])
                if least > RANK_MAX:
                    self.detach(child)
                    torn.append(child)
                elif current < least or (current > least and lowered < RANK_WALK_MAX):
                    lowered += current > least
                    self._write_rank(child, least)
                    walk.append(child)
        return torn
