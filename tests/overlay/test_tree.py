import copy
from collections.abc import Callable
from typing import TypeAlias

import pytest

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import RANK_LISTENER_MIN, RANK_MAX, RANK_RELAY, RANK_SPARE
from meshcast.protocol.tickets import Role
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.promises import check
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

Plant: TypeAlias = Callable[..., Tree]


def chain(tree: Tree, length: int, capacity: int = 2) -> list[int]:
    """Attach peers one under the other, whatever the capacities."""
    nodes: list[int] = []
    for _ in range(length):
        node = tree.add(capacity=capacity, region=0)
        tree.attach(node, nodes[-1] if nodes else ORIGIN)
        tree.confirm(node)
        nodes.append(node)
    return nodes


def test_ranks_leave_room_for_spare_and_relays(plant: Plant) -> None:
    tree = plant()
    listener, below = chain(tree, 2)
    spare = tree.add(capacity=2, region=0, role=Role.SPARE)
    relay = tree.add(capacity=2, region=0, role=Role.RELAY)
    tree.attach(spare, ORIGIN)
    tree.attach(relay, ORIGIN)
    assert [tree.rank[node] for node in (spare, relay, listener, below)] == [
        RANK_SPARE, RANK_RELAY, RANK_LISTENER_MIN, RANK_LISTENER_MIN + 1,
    ]  # fmt: skip
    check(tree)


def test_a_spare_and_a_relay_never_feed_each_other_nor_hear_from_listeners(plant: Plant) -> None:
    tree = plant()
    (listener,) = chain(tree, 1)
    spare = tree.add(capacity=2, region=0, role=Role.SPARE)
    relay = tree.add(capacity=2, region=0, role=Role.RELAY)
    assert not tree.may_attach(spare, relay)
    assert not tree.may_attach(relay, listener)
    assert tree.may_attach(relay, spare)
    assert tree.may_attach(listener, relay)


def test_a_peer_without_children_goes_anywhere_and_one_with_children_only_up(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    d, e = chain(tree, 2)
    assert tree.may_attach(c, e)
    assert not tree.may_attach(b, e)
    assert tree.may_attach(b, d)
    with pytest.raises(LocalProtocolError, match="may not be put"):
        tree.attach(b, e)
    tree.attach(b, d)
    assert list(tree.children.of(d)) == [e, b]
    assert tree.state[b] == State.PENDING
    check(tree)
    assert a not in (tree.parent[b], tree.parent[c])


def test_a_subtree_stays_whole_when_its_head_is_orphaned(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    assert tree.leave(a) == [b]
    assert tree.parent[c] == b
    assert [tree.state[node] for node in (a, b, c)] == [State.FREE, State.ORPHAN, State.ATTACHED]
    assert tree.branch(c) == b
    assert not tree.is_rooted(c)
    check(tree)


def test_orphans_come_in_the_order_they_were_adopted(plant: Plant) -> None:
    tree = plant()
    (a,) = chain(tree, 1, capacity=9)
    children = [tree.add(capacity=0, region=0) for _ in range(4)]
    for child in reversed(children):
        tree.attach(child, a)
    assert tree.leave(a) == children[::-1]


def test_the_origin_neither_leaves_nor_is_suspected(plant: Plant) -> None:
    tree = plant()
    with pytest.raises(LocalProtocolError, match="cannot leave"):
        tree.leave(ORIGIN)
    with pytest.raises(LocalProtocolError, match="never suspected"):
        tree.suspect(ORIGIN)


def test_nobody_is_sent_to_a_peer_that_is_not_confirmed_or_is_suspect(plant: Plant) -> None:
    tree = plant()
    node = tree.add(capacity=2, region=0)
    tree.attach(node, ORIGIN)
    assert tree.slots.key(node) == tree.adopters.key(node) == -1
    tree.confirm(node)
    assert tree.slots.key(node) >= 0
    tree.suspect(node)
    assert tree.slots.key(node) == tree.adopters.key(node) == -1
    assert tree.parent[node] == ORIGIN
    tree.clear(node)
    assert tree.slots.key(node) >= 0
    check(tree)


def test_a_suspect_stands_by_for_nobody(plant: Plant) -> None:
    tree = plant()
    a, _b = chain(tree, 2)
    c, d = chain(tree, 2)
    assert tree.give_standby(d, a)
    tree.suspect(a)
    assert tree.standbys.of(d) == ()
    assert list(tree.standbys.wanting) == [d]
    assert not tree.give_standby(d, a)
    assert not tree.give_standby(d, c), "its parent"
    check(tree)


# ---- the peers' truth


def test_a_reported_parent_is_taken_over_even_beyond_its_capacity(plant: Plant) -> None:
    tree = plant()
    a, *_ = chain(tree, 2, capacity=1)
    b, *_ = chain(tree, 1, capacity=0)
    c = tree.add(capacity=0, region=0)
    assert tree.adopted(c, a, counter=1).taken
    assert tree.free[a] == -1
    assert tree.adopted(c, b, counter=2).taken
    assert (tree.free[a], tree.free[b], tree.parent[c]) == (0, -1, b)
    check(tree)


def test_a_report_raises_ranks_only_where_the_order_demands_it(plant: Plant) -> None:
    tree = plant()
    a, b = chain(tree, 2)
    x, y, z = chain(tree, 3)
    tree.set_rank(b, 9)
    tree.adopted(a, z, counter=1)
    assert tree.parent[a] == z
    assert tree.rank[a] == tree.rank[z] + 1
    assert tree.rank[b] > tree.rank[a]
    assert [tree.rank[n] for n in (x, y, z)] == [3, 4, 5]
    check(tree)


def test_a_reported_rank_bounds_the_ancestors_ranks(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    for node, rank in ((c, 20), (b, 15), (a, 10)):
        tree.set_rank(node, rank)
    assert [tree.rank[n] for n in (a, b, c)] == [10, 11, 12]
    d = tree.add(capacity=0, region=0)
    tree.adopted(d, c, rank=7, counter=1)
    assert [tree.rank[n] for n in (a, b, c, d)] == [4, 5, 6, 7]
    tree.adopted(d, c, rank=1, counter=1)
    assert [tree.rank[n] for n in (a, b, c, d)] == [3, 4, 5, 6]
    check(tree)


def test_a_report_that_would_close_a_loop_tears_the_adopters_own_link(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    adoption = tree.adopted(a, c, counter=1)
    assert adoption.taken
    assert adoption.torn == (c,)
    assert (tree.parent[a], tree.parent[b], tree.parent[c]) == (c, a, NOBODY)
    assert tree.state[c] == State.ORPHAN
    check(tree)
    assert tree.adopted(c, ORIGIN, rank=3, counter=1).torn == ()
    assert [tree.rank[n] for n in (c, a, b)] == [3, 4, 5]
    check(tree)


def test_one_pushed_beyond_the_greatest_rank_is_torn_off(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    assert tree.set_rank(a, RANK_MAX - 1) == (c,)
    assert [tree.rank[n] for n in (a, b)] == [RANK_MAX - 1, RANK_MAX]
    assert tree.state[c] == State.ORPHAN
    d = tree.add(capacity=0, region=0)
    assert tree.adopted(d, b, counter=1).torn == (d,)
    check(tree)


def test_stale_and_repeated_reports_change_nothing(plant: Plant) -> None:
    tree = plant()
    a, *_ = chain(tree, 1)
    b, *_ = chain(tree, 1)
    c = tree.add(capacity=0, region=0)
    tree.adopted(c, a, counter=5)
    assert not tree.adopted(c, b, counter=4).taken
    assert not tree.adopted(c, b, counter=5).taken
    assert not tree.adopted(c, b).taken, "an adopter's word against the child's"
    assert not tree.adopted(c, c, counter=9).taken
    assert not tree.adopted(ORIGIN, a, counter=9).taken
    assert tree.adopted(c, a, counter=5).taken
    assert tree.parent[c] == a
    assert tree.adopted(c, b, counter=6).taken
    check(tree)


def test_a_report_without_news_gives_the_store_no_work(plant: Plant) -> None:
    tree = plant()
    a, *_ = chain(tree, 1)
    assert tree.adopted(a, ORIGIN, rank=3, counter=2).taken
    tree.changed.clear()
    assert tree.adopted(a, ORIGIN, rank=3, counter=2).taken
    assert not tree.changed
    tree.adopted(a, ORIGIN, rank=3, counter=3)
    assert list(tree.changed) == [a]


def test_what_the_tracker_only_decided_any_report_of_the_child_beats(plant: Plant) -> None:
    tree = plant()
    a, *_ = chain(tree, 1)
    b, *_ = chain(tree, 1)
    c = tree.add(capacity=0, region=0)
    tree.adopted(c, a, counter=5)
    tree.attach(c, b)
    assert not tree.adopted(c, a).taken, "the old parent may just not know yet"
    assert tree.adopted(c, a, counter=5).taken
    assert (tree.parent[c], tree.state[c]) == (a, State.ATTACHED)


def test_an_adopters_word_takes_an_orphan_but_clears_nobody_of_suspicion(plant: Plant) -> None:
    tree = plant()
    a, b = chain(tree, 2)
    c, d = chain(tree, 2)
    tree.suspect(d)
    assert tree.adopted(d, a).taken
    assert tree.state[d] == State.SUSPECT
    tree.leave(a)
    assert tree.adopted(b, c).taken
    assert tree.state[b] == State.ATTACHED
    check(tree)


def test_falling_ranks_take_those_beneath_along_but_only_so_many(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = plant()
    a, b = chain(tree, 2, capacity=9)
    children = []
    for _ in range(6):
        child = tree.add(capacity=0, region=0)
        tree.attach(child, b)
        children.append(child)
    tree.set_rank(a, 10)
    monkeypatch.setattr("tracker.overlay.tree.RANK_WALK_MAX", 3)
    tree.set_rank(a, 3)
    assert tree.rank[b] == 4
    assert [tree.rank[child] for child in children] == [5, 5, 12, 12, 12, 12]
    check(tree)


def test_lowering_a_rank_drops_standbys_that_are_no_longer_lower(plant: Plant) -> None:
    tree = plant()
    a, b, c = chain(tree, 3)
    d, e = chain(tree, 2)
    assert tree.give_standby(c, e)
    tree.adopted(c, ORIGIN, rank=3, counter=1)
    assert tree.standbys.of(c) == ()
    assert tree.give_standby(e, a)
    tree.set_rank(a, tree.rank[e])
    assert tree.standbys.of(e) == ()
    assert d != b
    check(tree)


def test_a_smaller_capacity_sends_surplus_clients_away_oldest_first(plant: Plant) -> None:
    tree = plant(origin_capacity=9)
    (a,) = chain(tree, 1, capacity=2)
    clients = [chain(tree, 2)[1] for _ in range(6)]
    for client in clients:
        assert tree.give_standby(client, a)
    extra = chain(tree, 2)[1]
    assert not tree.give_standby(extra, a), "a peer is standby to at most three times its capacity"
    tree.set_capacity(a, 1)
    assert list(tree.standbys.clients(a)) == clients[3:]
    assert list(tree.standbys.wanting) == clients[:3]
    check(tree)


def test_misuse_is_the_callers_fault(plant: Plant) -> None:
    tree = plant()
    node = tree.add(capacity=0, region=0)
    with pytest.raises(LocalProtocolError, match="no parent to be confirmed"):
        tree.confirm(node)
    with pytest.raises(LocalProtocolError, match="capacity of -1"):
        tree.set_capacity(node, -1)
    with pytest.raises(LocalProtocolError, match="not there"):
        tree.adopted(node, 60)
    with pytest.raises(LocalProtocolError, match="neighbours of 1"):
        Tree(regions=2, nearest_regions=[()], dice=lambda _: 0)
    with pytest.raises(LocalProtocolError, match="cannot be promised"):
        tree.promise_splice(node, ORIGIN)


def test_a_peers_own_word_corrects_what_an_adopter_said_of_it(plant: Plant) -> None:
    """Found by seed 12 of the mass crash: the tracker believed one listener elsewhere for good."""
    tree = plant()
    a, b = chain(tree, 1)[0], chain(tree, 1)[0]
    c = tree.add(capacity=0, region=0)
    tree.adopted(c, a, counter=5)
    tree.detach(c)
    assert tree.adopted(c, b).taken, "an adopter's word is better than none"
    assert tree.adopted(c, a, counter=5).taken, "but the peer knows better"
    assert tree.parent[c] == a
    assert not tree.adopted(c, b).taken


@pytest.mark.plain
def test_a_copy_of_a_tree_is_the_same_and_goes_its_own_way(crowd: Callable[..., Tree]) -> None:
    tree = crowd([2, 0, 4, 0, 0])
    other = copy.deepcopy(tree)
    check(other)
    last = max(tree.nodes())
    tree.leave(last)
    assert last in set(other.nodes()) - set(tree.nodes())
    assert other.parent[last] != NOBODY
    check(tree)
    check(other)
