"""The steward: how many it places in one event."""

from dataclasses import dataclass

from tracker.overlay.columns import NOBODY
from tracker.overlay.steward import ADMITTED_MAX, Steward
from tracker.overlay.tree import Tree
from tracker.overlay.waiting import Waiting


@dataclass
class Wish:
    capacity: int


def test_only_so_many_are_placed_in_one_event_and_the_others_keep_their_turn() -> None:
    tree = Tree(regions=1, nearest_regions=[[0]], dice=lambda _: 0, origin_capacity=2 * ADMITTED_MAX)
    steward, waiting = Steward(tree), Waiting[int, Wish]()
    for name in range(ADMITTED_MAX + 9):
        waiting.add(name, Wish(0))

    def enter(_: int, wish: Wish) -> int:
        return tree.add(capacity=wish.capacity, region=0)

    placed = list(steward.admit(waiting, enter, steward.forget, 0))
    assert len(placed) == ADMITTED_MAX
    assert len(waiting) == 9
    assert waiting.next() == ADMITTED_MAX
    assert len(list(steward.admit(waiting, enter, steward.forget, 0))) == 9
    assert steward.admit_next(waiting, enter, steward.forget, 0) == NOBODY


def test_one_for_whom_there_is_no_place_is_taken_out_again_and_waits_on() -> None:
    tree = Tree(regions=1, nearest_regions=[[0]], dice=lambda _: 0, origin_capacity=0)
    steward, waiting, gone = Steward(tree), Waiting[int, Wish](), list[int]()
    waiting.add(7, Wish(3))

    def withdraw(node: int) -> None:
        gone.append(node)
        tree.leave(node)

    assert (
        steward.admit_next(waiting, lambda _, wish: tree.add(capacity=wish.capacity, region=0), withdraw, 0)
        == NOBODY
    )
    assert gone == [1]
    assert waiting.next() == 7
