import pytest

from meshcast.protocol.errors import LocalProtocolError
from tracker.overlay.nodes import Nodes
from tracker.overlay.states import ILLEGAL, NEXT, TRANSITIONS, State, Step


def test_the_table_of_numbers_is_the_table_of_names() -> None:
    for state in State:
        for step in Step:
            assert NEXT[state][step] == TRANSITIONS.get((state, step), ILLEGAL)


def test_nothing_happens_to_a_peer_that_is_not_there_but_that_it_comes() -> None:
    assert [step for step in Step if (State.FREE, step) in TRANSITIONS] == [Step.ADD]


def test_everybody_may_leave_from_any_state() -> None:
    for state in State:
        if state is not State.FREE:
            assert TRANSITIONS[state, Step.LEAVE] is State.FREE


def test_an_illegal_step_is_a_fault_of_the_caller() -> None:
    nodes = Nodes([()])
    node = nodes.add(capacity=1, region=0)
    with pytest.raises(LocalProtocolError, match="ORPHAN: no ADD"):
        nodes._step(node, Step.ADD)
