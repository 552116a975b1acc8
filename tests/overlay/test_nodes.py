import pytest

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import RANK_MAX, RANK_RELAY
from meshcast.protocol.tickets import Role
from tracker.overlay.nodes import Nodes
from tracker.overlay.states import State


def test_every_region_is_near_in_the_end_itself_first() -> None:
    nodes = Nodes([(2,), (), (0, 1)])
    assert nodes.nearest == ((0, 2, 1), (1, 0, 2), (2, 0, 1))


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="not among 2"):
        Nodes([(1,), (2,)])
    with pytest.raises(LocalProtocolError, match="0 regions"):
        Nodes([])
    with pytest.raises(LocalProtocolError, match="in region 1"):
        Nodes([()]).add(capacity=0, region=1)
    with pytest.raises(LocalProtocolError, match="capacity -1"):
        Nodes([()]).add(capacity=-1, region=0)


def test_a_peer_comes_as_an_orphan_of_the_greatest_rank_unless_its_role_says_better() -> None:
    nodes = Nodes([()])
    listener = nodes.add(capacity=2, region=0)
    relay = nodes.add(capacity=64, region=0, role=Role.RELAY)
    assert (nodes.rank[listener], nodes.rank[relay]) == (RANK_MAX, RANK_RELAY)
    assert nodes.state[listener] == State.ORPHAN
    assert len(nodes) == 2


def test_the_number_of_one_that_left_is_used_again_and_nothing_of_it_remains() -> None:
    nodes = Nodes([(), ()])
    first = nodes.add(capacity=7, region=1, prefix=9)
    nodes.counter[first] = 5
    nodes._release(first)
    again = nodes.add(capacity=1, region=0)
    assert again == first
    assert (nodes.prefix[again], nodes.counter[again], nodes.region[again], nodes.free[again]) == (0, 0, 0, 1)
    assert len(nodes) == 1


def test_columns_grow_as_peers_come() -> None:
    nodes = Nodes([()])
    assert [nodes.add(capacity=0, region=0) for _ in range(500)] == list(range(500))
    assert len(nodes) == 500 <= len(nodes.parent)
