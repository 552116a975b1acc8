"""What holds after every operation, asserted from scratch: for tests and for the simulator, O(n).

The numbers are those of the overlay's list of promises, as far as they concern the tracker's view of the peers.
"""

from collections import Counter

from meshcast.protocol.capacity import clients_max
from meshcast.protocol.limits import RANK_MAX, STANDBYS_MAX
from meshcast.protocol.tickets import Role
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.keys import NOWHERE, RANK_BITS, RANK_MASK, key_of
from tracker.overlay.nodes import RANK_MIN
from tracker.overlay.openings import Openings
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

_WITH_PARENT = (State.PENDING, State.ATTACHED, State.SUSPECT)


def check(tree: Tree) -> None:
    """Raise AssertionError at the first promise that a tree breaks."""
    nodes = list(tree.nodes())
    assert nodes[0] == ORIGIN, "the origin is always there"
    assert tree.parent[ORIGIN] == NOBODY, "the origin hears from nobody"
    _check_links(tree, nodes)
    _check_counts(tree, nodes)
    _check_standbys(tree, nodes)
    _check_lags(tree, nodes)
    _check_clearings(tree)
    for openings, wanted in _recomputed(tree, nodes):
        _check_openings(openings, wanted, nodes)


def _check_links(tree: Tree, nodes: list[int]) -> None:
    """I1, I4, I5: parents have lower ranks, know their children, and end at the origin or at an orphan."""
    for node in nodes[1:]:
        parent, state = tree.parent[node], tree.state[node]
        assert RANK_MIN[tree.role[node]] <= tree.rank[node] <= RANK_MAX, f"I1: rank of {node}"
        assert (parent != NOBODY) == (state in _WITH_PARENT), (
            f"I5: {node} is {State(state).name} under {parent}"
        )
        if parent != NOBODY:
            assert tree.state[parent] != State.FREE, f"I4: {node} under {parent}, who is gone"
            assert tree.rank[parent] < tree.rank[node], f"I1: rank of {parent} over {node}"
    for node in nodes:
        for child in tree.children.of(node):
            assert tree.parent[child] == node, f"I4: {node} counts {child} among its children"


def _check_counts(tree: Tree, nodes: list[int]) -> None:
    """I7: places and peers are conserved."""
    for node in nodes:
        children = tree.children.of(node)
        assert tree.free[node] + len(children) == tree.capacity[node], f"I7: places of {node}"
        promised = sum(tree.is_promised(child) for child in children)
        assert tree.splices_at(node) == promised, f"I7: splices under way at {node}"
    assert len(tree) == len(nodes), "I7: peers"
    offered = [0] * len(tree.by_capacity)
    for node in nodes:
        if tree.role[node] == Role.LISTENER:
            offered[min(tree.capacity[node], len(offered) - 1)] += 1
    assert [*tree.by_capacity] == offered, "I7: listeners by what they offer"
    # With I4, equality here means that every peer is among its parent's children.
    linked = sum(tree.parent[node] != NOBODY for node in nodes)
    assert linked == sum(tree.capacity[node] - tree.free[node] for node in nodes), "I4: links"


def _check_standbys(tree: Tree, nodes: list[int]) -> None:
    """I8: at most two, lower, neither oneself nor the parent, and nobody stands by for too many."""
    load: Counter[int] = Counter()
    for node in nodes:
        held = tree.standbys.of(node)
        load.update(held)
        assert len(set(held)) == len(held) <= STANDBYS_MAX, f"I8: standbys {held} of {node}"
        for standby in held:
            assert tree.rank[standby] < tree.rank[node], f"I8: rank of {standby}, standby of {node}"
            assert standby != tree.parent[node], f"I8: {standby}, standby of {node}, is its parent"
            assert tree.state[standby] not in (State.FREE, State.SUSPECT), f"I8: {standby} is not there"
            assert node in tree.standbys.clients(standby), f"I8: {standby} does not know {node}"
    for node in nodes:
        clients = tree.standbys.clients(node)
        most = clients_max(tree.role[node], tree.capacity[node])
        assert tree.clients_max(node) == most, f"I8: limit of {node}"
        assert len(clients) == tree.standbys.load[node] == load[node], f"I8: load of {node}"
        assert load[node] <= tree.clients_max(node), f"I8: {node} stands by for {load[node]}"
    for node in tree.standbys.wanting:
        assert tree.state[node] != State.FREE, f"I8: {node}, who is gone, wants a standby"


def _check_lags(tree: Tree, nodes: list[int]) -> None:
    """I6 for what is kept by lag: who is counted, who is offered, and at which place."""
    lags, crowd = tree.lags, dict.fromkeys(nodes, 1)
    if lags.is_blind:
        for openings in (lags.spots, lags.leaves, lags.reserve):
            assert not openings.count, "I6: offers by a lag that nobody knows"
        return
    for node in sorted(nodes, key=lambda one: -tree.rank[one]):
        if tree.parent[node] != NOBODY:
            crowd[tree.parent[node]] += crowd[node]
    for node in nodes:
        assert lags.crowd[node] == crowd[node], f"I6: crowd of {node}"
        assert (lags.spots.key(node) == NOWHERE) == (tree.slots.key(node) == NOWHERE), f"I6: spot of {node}"
        assert (lags.leaves.key(node) == NOWHERE) == (tree.leaf_only.key(node) == NOWHERE), f"I6: leaf {node}"
        # A level may be out of date: a place's floor falls when a better connected peer is seen there.
        for openings in (lags.spots, lags.leaves, lags.reserve):
            key = openings.key(node)
            assert key == NOWHERE or key >> RANK_BITS == lags.place[node], f"I6: place of {node}"


def _check_clearings(tree: Tree) -> None:
    """I6 for who is being cleared: a child of one beyond its capacity, and one for each."""
    errands = tree.errands
    closed = {one.child: adopter for adopter, one in errands.clearings.items()}
    assert closed == errands.closed, "I6: who is being cleared"
    for child, adopter in closed.items():
        assert tree.parent[child] == adopter, f"I6: {child}, who is being cleared, has left {adopter}"
        assert tree.free[adopter] < 0, f"I6: {child} is being cleared for {adopter}, who carries what it can"


def _recomputed(tree: Tree, nodes: list[int]) -> list[tuple[Openings, dict[int, int]]]:
    """I6: who belongs in which index."""
    slots: dict[int, int] = {}
    leaf_only: dict[int, int] = {}
    adopters: dict[int, int] = {}
    for node in nodes:
        if tree.state[node] != State.ATTACHED or node in tree.errands.closed:
            continue
        key = key_of(tree.region[node], tree.rank[node])
        infrastructure = tree.role[node] != Role.LISTENER
        if tree.capacity[node] == 0 and not tree.has_children(node) and not tree.is_promised(node):
            leaf_only[node] = key
        if tree.capacity[node] == 0 or tree.rank[node] >= RANK_MAX:
            continue
        if tree.free[node] > 0:
            slots[node] = key
        has_room = tree.standbys.load[node] < tree.clients_max(node)
        if has_room and (tree.free[node] >= 0 or infrastructure):
            adopters[node] = key
    return [(tree.slots, slots), (tree.leaf_only, leaf_only), (tree.adopters, adopters)]


def _check_openings(openings: Openings, wanted: dict[int, int], nodes: list[int]) -> None:
    """I6: bags, their counts and masks equal the recomputation."""
    for node in nodes:
        assert openings.key(node) == wanted.get(node, NOWHERE), f"I6: bag of {node}"
    ranks_in, bags_at = [0] * len(openings.ranks_in), [0] * len(openings.bags_at)
    for key, size in Counter(wanted.values()).items():
        region, rank = key >> RANK_BITS, key & RANK_MASK
        assert sorted(openings.bag(key)) == sorted(n for n, k in wanted.items() if k == key), f"I6: bag {key}"
        assert openings.sizes[key] == size, f"I6: size of bag {key}"
        ranks_in[region] |= 1 << rank
        bags_at[rank] += 1
    assert openings.count == sum(openings.sizes) == len(wanted), "I6: how many there are"
    assert list(openings.ranks_in) == ranks_in, "I6: masks of ranks"
    assert list(openings.bags_at) == bags_at, "I6: how many bags of each rank"
