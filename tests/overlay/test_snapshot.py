import random
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import PeerId
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.promises import check
from tracker.overlay.registry import Registry
from tracker.overlay.snapshot import Row, changed_rows, pack_row, restore, row, rows, unpack_row
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

Crowd: TypeAlias = Callable[..., Tree]
SOURCE = PeerId(bytes(32))


def key_of(node: int) -> PeerId:
    return PeerId(node.to_bytes(32, "big"))


def register(tree: Tree) -> Registry:
    registry = Registry()
    for node in tree.nodes():
        registry.enter(key_of(node), node, (("192.0.2.1", 1024 + node),))
    return registry


def empty(plant: Callable[..., Tree]) -> tuple[Tree, Registry]:
    tree, registry = plant(), Registry()
    registry.enter(SOURCE, ORIGIN)
    return tree, registry


def test_a_tree_comes_back_as_it_was_but_nobody_is_believed_to_be_there(crowd: Crowd, plant: Crowd) -> None:
    before = crowd([0, 2, 4, 0, 8, 0] * 10)
    registry = register(before)
    after, found = empty(plant)
    nodes = restore(after, found, rows(before, registry))
    assert len(nodes) == 60
    assert {row(after, found, node) for node in nodes} == set(rows(before, registry))
    assert sum(state == State.PENDING for state in after.state) == 60
    assert after.slots.bag(0) == [ORIGIN] * after.slots.count, "nobody but the origin is offered"
    check(after)
    for node in nodes:
        after.confirm(node)
    check(after)


def test_rows_survive_the_way_through_bytes(crowd: Crowd) -> None:
    tree = crowd([0, 2, 4, 0])
    registry = register(tree)
    for one in rows(tree, registry):
        assert unpack_row(pack_row(one)) == one


def test_a_row_of_a_later_version_with_more_fields_is_read(crowd: Crowd) -> None:
    tree = crowd([2])
    one = next(rows(tree, register(tree)))
    longer = bytes([pack_row(one)[0] + 1]) + pack_row(one)[1:] + b"\x07"
    assert unpack_row(longer) == one


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=80))
def test_bytes_that_are_no_row_are_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"^[^\n]*move the store away[^\n]*$"):
        unpack_row(data)


def test_rows_that_no_tracker_wrote_are_refused() -> None:
    sound = Row(key_of(1), None, 3, 2, 0, Role.LISTENER, 0, 0, ())
    assert unpack_row(pack_row(sound)) == sound
    for unsound in (
        replace(sound, rank=2),
        replace(sound, rank=33),
        replace(sound, role=Role.SOURCE),
        replace(sound, capacity=40_000),
        replace(sound, key=PeerId(b"short")),
    ):
        with pytest.raises(BadInputError):
            unpack_row(pack_row(unsound))


def test_links_whose_ranks_do_not_fit_or_whose_parent_is_missing_are_not_restored(plant: Crowd) -> None:
    tree, registry = empty(plant)
    stored = [
        Row(key_of(1), SOURCE, 5, 2, 0, Role.LISTENER, 0, 4, ()),
        Row(key_of(2), key_of(1), 5, 2, 0, Role.LISTENER, 0, 0, ()),
        Row(key_of(3), key_of(9), 6, 2, 0, Role.LISTENER, 0, 0, ()),
        Row(key_of(4), key_of(3), 7, 0, 200, Role.LISTENER, 0, 0, ()),
        Row(SOURCE, key_of(3), 7, 0, 0, Role.LISTENER, 0, 0, ()),
    ]
    nodes = restore(tree, registry, stored)
    assert [tree.state[node] for node in nodes] == [State.PENDING, State.ORPHAN, State.ORPHAN, State.PENDING]
    assert tree.counter[nodes[0]] == 4
    assert tree.region[nodes[3]] == 0, "a region that there is no longer"
    check(tree)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_any_mixture_of_rows_gives_a_sound_tree(plant: Crowd, seed: int) -> None:
    chance = random.Random(seed)
    stored = []
    for node in range(1, 30):
        parent = chance.choice([None, key_of(chance.randrange(35))])
        rank = chance.randrange(3, 33)
        stored.append(Row(key_of(node), parent, rank, chance.randrange(4), 0, Role.LISTENER, 0, 0, ()))
    tree, registry = empty(plant)
    nodes = restore(tree, registry, stored)
    check(tree)
    assert len(nodes) == 29


def test_only_what_changed_is_written_again(crowd: Crowd) -> None:
    tree = crowd([2, 2, 2, 0, 0])
    registry = register(tree)
    assert len(changed_rows(tree, registry)) == 5
    assert changed_rows(tree, registry) == []
    leaf = next(node for node in tree.nodes() if tree.rank[node] == 4)
    tree.detach(leaf)
    changed = changed_rows(tree, registry)
    assert [(one.key, one.parent) for one in changed] == [(key_of(leaf), None)]
    tree.leave(leaf)
    assert changed_rows(tree, registry) == [], "who left is deleted by whoever knew its key"
    assert tree.parent[ORIGIN] == NOBODY
