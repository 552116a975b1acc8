"""The shape of every machine."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.events import Stop
from meshcast.protocol.machine import Machine, earliest


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | st.integers(-(10**15), 10**15)))
def test_the_earliest_of_deadlines_is_their_minimum_and_none_when_there_are_none(
    deadlines: list[int | None],
) -> None:
    assert earliest(*deadlines) == min((one for one in deadlines if one is not None), default=None)


def test_peer_and_source_have_the_shape_of_a_machine_and_are_silent_once_stopped(crew: Any) -> None:
    machines: list[Machine] = [crew.peer("ann"), crew.origin()]
    for machine in machines:
        assert machine.deadline() is not None, "it wants to reach the tracker"
        machine.handle(Stop(), 1_000)
        assert machine.deadline() is None
        assert machine.handle(Stop(), 2_000) == []
