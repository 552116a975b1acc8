"""The checker is worth something only if it finds what is broken."""

from collections.abc import Callable

import pytest

from tracker.overlay.keys import NOWHERE
from tracker.overlay.promises import check
from tracker.overlay.states import State
from tracker.overlay.tree import Tree


def break_rank(tree: Tree) -> None:
    tree.rank[5] = tree.rank[tree.parent[5]]


def break_parent(tree: Tree) -> None:
    tree.parent[5] = tree.parent[tree.parent[5]]


def break_free(tree: Tree) -> None:
    tree.free[1] += 1


def break_state(tree: Tree) -> None:
    tree.state[5] = State.ORPHAN


def break_count(tree: Tree) -> None:
    tree._unused.append(5)


def break_capacity(tree: Tree) -> None:
    tree.capacity[1] += 1


def break_links(tree: Tree) -> None:
    parent = tree.parent[5]
    tree.children.remove(parent, 5)
    tree.free[parent] += 1


def break_load(tree: Tree) -> None:
    tree.standbys.load[1] += 1


def break_standby(tree: Tree) -> None:
    tree.standbys._standbys[2 * 5] = 5


def break_slot(tree: Tree) -> None:
    node = next(node for node in tree.nodes() if tree.slots.key(node) != NOWHERE)
    tree.slots.put(node, NOWHERE)


def break_mask(tree: Tree) -> None:
    tree.adopters.ranks_in[0] |= 1 << 20


def break_bags(tree: Tree) -> None:
    tree.adopters.bags_at[20] += 1


def break_limit(tree: Tree) -> None:
    tree._clients_max[5] += 1


def break_splices(tree: Tree) -> None:
    tree._splices_at[1] = 1


@pytest.mark.parametrize(
    "harm",
    [
        break_rank, break_parent, break_free, break_state, break_count, break_capacity, break_links, break_load,
        break_standby, break_slot, break_mask, break_bags, break_limit, break_splices,
    ],
)  # fmt: skip
def test_every_broken_promise_is_found(crowd: Callable[..., Tree], harm: Callable[[Tree], None]) -> None:
    tree = crowd([2] * 14)
    check(tree)
    harm(tree)
    with pytest.raises(AssertionError):
        check(tree)
