import random
from collections.abc import Callable

from meshcast.protocol.units import MILLISECOND
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.promises import check
from tracker.overlay.tree import Tree


def is_blind(tree: Tree) -> bool:
    return tree.lags.is_blind


def test_what_is_kept_by_lag_is_worked_out_for_everybody_when_the_first_has_measured(
    crowd: Callable[..., Tree],
) -> None:
    chance = random.Random(5)
    tree = crowd([chance.choice((0, 0, 2, 4)) for _ in range(200)], origin_capacity=8, regions=3)
    tree.suspect(20)
    assert is_blind(tree)
    tree.lags.enter(ORIGIN, [10 * MILLISECOND] * 4)
    assert not is_blind(tree)
    assert tree.lags.crowd[ORIGIN] == len(list(tree.nodes()))
    for node in tree.nodes():
        parent = tree.parent[node]
        assert parent == NOBODY or tree.lags.lag[node] == tree.lags.lag[parent] + tree.lags.delay(
            parent, node
        )
    check(tree)
    tree.leave(3)
    tree.lags.enter(4, [20 * MILLISECOND] * 4)
    check(tree)


def test_one_who_has_measured_nothing_does_not_open_the_trackers_eyes(crowd: Callable[..., Tree]) -> None:
    tree = crowd([2] * 14)
    tree.lags.enter(5, ())
    assert tree.lags.is_blind
    check(tree)
