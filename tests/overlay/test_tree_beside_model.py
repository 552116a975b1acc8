"""The tree beside a naive model: a dict of parents. Whatever happens in whatever order, the promises hold."""

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meshcast.protocol.limits import RANK_LISTENER_MIN, RANK_MAX
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import PeerId
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.keys import WINDOW_RANK_MIN
from tracker.overlay.placement import Move, complete_splice, place, place_in_emergency
from tracker.overlay.promises import check
from tracker.overlay.registry import Registry
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.snapshot import restore, rows
from tracker.overlay.standbys import refill_standbys, take_over_standbys
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

REGIONS = 3
NEAR = [(1, 2), (0, 2), (1, 0)]
pick = st.integers(0, 10_000)


def key_of(node: int) -> PeerId:
    return PeerId(node.to_bytes(32, "big"))


class TreeBesideModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.dice = random.Random(1).randrange
        self.tree = self.plant(origin_capacity=2)
        self.parents: dict[int, int] = {}

    def plant(self, origin_capacity: int) -> Tree:
        return Tree(regions=REGIONS, nearest_regions=NEAR, dice=self.dice, origin_capacity=origin_capacity)

    # ---- the model

    def node(self, number: int) -> int:
        return list(self.parents)[number % len(self.parents)]

    def anybody(self, number: int) -> int:
        return [ORIGIN, *self.parents][number % (len(self.parents) + 1)]

    def children(self, node: int) -> set[int]:
        return {child for child, parent in self.parents.items() if parent == node}

    def moved(self, moves: list[Move]) -> None:
        for move in moves:
            assert self.parents[move.child] == move.source != move.target
            self.parents[move.child] = move.target

    # ---- what may happen

    @rule(capacity=st.sampled_from([0, 0, 0, 1, 2, 4]), region=st.integers(0, 2), come=st.booleans())
    def join(self, capacity: int, region: int, come: bool) -> None:
        self.enter(capacity, region, Role.LISTENER, come=come)

    @precondition(lambda self: len(self.parents) > 3)
    @rule(role=st.sampled_from([Role.RELAY, Role.SPARE]), region=st.integers(0, 2))
    def add_infrastructure(self, role: Role, region: int) -> None:
        self.enter(3, region, role, come=True)

    def enter(self, capacity: int, region: int, role: Role, *, come: bool) -> None:
        node = self.tree.add(capacity=capacity, region=region, role=role, prefix=region)
        rank = self.tree.slots.lowest_rank() if self.tree.slots.count else None
        placement = place(self.tree, node)
        if rank is not None and role is Role.LISTENER:
            # L5: the lowest rank with a free place, and one more for one's own region in a deep tree.
            assert placement is not None
            best = max(rank + 1, RANK_LISTENER_MIN)
            assert self.tree.rank[node] <= best + (rank >= WINDOW_RANK_MIN)
        self.parents[node] = NOBODY if placement is None else placement.parent
        if placement is not None and placement.leaf is not None:
            assert self.parents[placement.leaf] == placement.parent
            assert not self.children(placement.leaf)
        if placement is not None and come:
            self.tree.confirm(node)
            refill_standbys(self.tree, node)

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def leave(self, number: int) -> None:
        node = self.node(number)
        heads = self.children(node)
        assert set(self.tree.leave(node)) == heads
        del self.parents[node]
        self.parents.update(dict.fromkeys(heads, NOBODY))

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def confirm(self, number: int) -> None:
        node = self.node(number)
        if self.parents[node] != NOBODY:
            self.tree.confirm(node)
            move = complete_splice(self.tree, node)
            self.moved([] if move is None else [move])

    @precondition(lambda self: self.parents)
    @rule(
        number=pick,
        other=pick,
        rank=st.none() | st.integers(0, RANK_MAX),
        ahead=st.none() | st.integers(-1, 2),
    )
    def adopted(self, number: int, other: int, rank: int | None, ahead: int | None) -> None:
        head, adopter = self.node(number), self.anybody(other)
        counter = None if ahead is None else max(0, self.tree.counter[head] + ahead)
        adoption = self.tree.adopted(head, adopter, rank=rank, counter=counter)
        if adoption.taken:
            self.parents[head] = adopter
            self.parents.update(dict.fromkeys(adoption.torn, NOBODY))
        if adoption.taken and not adoption.torn:
            # I10: the same report again changes nothing.
            before = bytes(self.tree.rank), bytes(self.tree.state)
            assert self.tree.adopted(head, adopter, rank=rank, counter=counter) == adoption
            assert (bytes(self.tree.rank), bytes(self.tree.state)) == before

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def detach(self, number: int) -> None:
        node = self.node(number)
        self.tree.detach(node)
        self.parents[node] = NOBODY

    @precondition(lambda self: self.parents)
    @rule(number=pick, emergency=st.booleans())
    def place_orphan(self, number: int, emergency: bool) -> None:
        node = self.node(number)
        before = self.tree.rank[node]
        if self.parents[node] == NOBODY:
            placement = (place_in_emergency if emergency else place)(self.tree, node)
            if placement is not None:
                self.parents[node] = placement.parent
                assert not self.children(node) or self.tree.rank[node] <= before

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def place_again(self, number: int) -> None:
        """An orphan that was given a place and could not take it asks once more, before it has been heard."""
        node = self.node(number)
        if self.tree.state[node] == State.PENDING and not self.children(node):
            placement = place_in_emergency(self.tree, node)
            if placement is not None:
                self.parents[node] = placement.parent

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def suspect(self, number: int) -> None:
        self.tree.suspect(self.node(number))

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def clear(self, number: int) -> None:
        self.tree.clear(self.node(number))

    @rule(number=pick)
    def relieve(self, number: int) -> None:
        node = self.anybody(number)
        ranks = {child: self.tree.rank[child] for child in self.children(node) if self.children(child)}
        moves = relieve(self.tree, node)
        self.moved(moves)
        assert all(self.tree.rank[move.child] <= ranks.get(move.child, RANK_MAX) for move in moves)

    @rule()
    def relieve_some(self) -> None:
        self.moved(relieve_some(self.tree))

    @precondition(lambda self: self.parents)
    @rule(number=pick, rank=st.integers(3, RANK_MAX))
    def set_rank(self, number: int, rank: int) -> None:
        torn = self.tree.set_rank(self.node(number), rank)
        self.parents.update(dict.fromkeys(torn, NOBODY))

    @rule(number=pick, capacity=st.integers(0, 4))
    def set_capacity(self, number: int, capacity: int) -> None:
        self.tree.set_capacity(self.anybody(number), capacity)

    @precondition(lambda self: self.parents)
    @rule(number=pick)
    def refill(self, number: int) -> None:
        refill_standbys(self.tree, self.node(number))

    @precondition(lambda self: self.parents)
    @rule(number=pick, others=st.lists(pick, max_size=3))
    def take_over_standbys(self, number: int, others: list[int]) -> None:
        take_over_standbys(self.tree, self.node(number), [self.anybody(other) for other in others])

    @rule()
    def restore(self) -> None:
        """The tracker is killed, and another takes the tree back as it was kept: nobody has been heard yet."""
        kept, registry = Registry(), Registry()
        kept.enter(key_of(ORIGIN), ORIGIN, ())
        for node in self.parents:
            kept.enter(key_of(node), node, ())
        stored = list(rows(self.tree, kept))
        self.tree = self.plant(self.tree.capacity[ORIGIN])
        registry.enter(key_of(ORIGIN), ORIGIN, ())
        back = restore(self.tree, registry, stored)
        before = {key_of(node): parent for node, parent in self.parents.items()}
        self.parents = {node: self.tree.parent[node] for node in back}
        for node, parent in self.parents.items():
            above = before[registry.key(node)]
            # Only a link to somebody who is still there, and of lower rank, comes back.
            assert parent == NOBODY or registry.key(parent) == key_of(above)
            assert parent == NOBODY or self.tree.state[node] == State.PENDING

    # ---- what holds

    @invariant()
    def promises_hold(self) -> None:
        check(self.tree)

    @invariant()
    def parents_are_the_models(self) -> None:
        nodes = [node for node in self.tree.nodes() if node != ORIGIN]
        assert sorted(nodes) == sorted(self.parents)
        for node, parent in self.parents.items():
            assert self.tree.parent[node] == parent
        assert len(self.tree) == len(nodes) + 1

    @invariant()
    def chains_end(self) -> None:
        for node in self.parents:
            above, steps = node, 0
            while above not in {ORIGIN, NOBODY}:
                above, steps = self.parents[above], steps + 1
                assert steps <= RANK_MAX


TestTreeBesideModel = TreeBesideModel.TestCase
TestTreeBesideModel.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
