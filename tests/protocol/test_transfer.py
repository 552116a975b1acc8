"""Going over to another parent without a gap: by order or for a better one, and what happens when it comes to nothing."""

from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Dial, Effect, Send
from meshcast.protocol.limits import MOVE_US_MAX
from meshcast.protocol.messages import Detach, Move, Why
from meshcast.protocol.units import MILLISECOND

CHUNK_US = 100 * MILLISECOND


def move(child: Any, **changes: Any) -> list[Effect]:
    values = {"term": 1, "counter": child.uplink.attached_counter, "parent": child.id("mum")}
    effects: list[Effect] = child.uplink.move(
        Move(**(values | {"to": child.crew.ticket("dad")} | changes)), child.now
    )
    return effects


def test_a_child_does_not_move_back_to_a_parent_that_it_has_left_for_silence_twice(child: Any) -> None:
    """A parent that beats and withholds was left within 300 ms, and the tracker, which hears it, sent the child back."""
    child.attach()
    child.uplink.neighbours.avoid(child.id("dad"), child.now)
    assert [one.peer for one in move(child) if isinstance(one, Dial)] == [child.id("dad")]
    child.uplink.neighbours.avoid(child.id("dad"), child.now)
    assert move(child) == []
    child.now = child.uplink.neighbours.avoided[child.id("dad")]
    assert [one.peer for one in move(child) if isinstance(one, Dial)] == [child.id("dad")]


def test_a_move_is_make_before_break(child: Any) -> None:
    child.attach()
    assert move(child) == [Dial(child.id("dad"), child.crew.ticket("dad").addresses)]
    child.up("dad")
    assert child.uplink.state is Attachment.MOVING
    assert child.parent == "mum"
    effects = child.accept("dad")
    assert child.parent == "dad"
    assert Send(child.id("mum"), Detach(1)) in effects


@pytest.mark.parametrize("stale", [{"counter": 0}, {"counter": 2}, {"parent": b"x" * 32}])
def test_a_move_that_speaks_of_how_things_were_changes_nothing(child: Any, stale: dict[str, Any]) -> None:
    child.attach()
    assert move(child, **stale) == []
    assert child.uplink.state is Attachment.HEARING


def test_a_move_to_oneself_to_the_parent_or_to_a_stranger_changes_nothing(crew: Any, child: Any) -> None:
    child.attach()
    for to in (crew.ticket("me"), crew.ticket("mum"), crew.ticket("dad", tracker=crew.identity("impostor"))):
        assert move(child, to=to) == []


def test_a_move_that_comes_to_nothing_leaves_everything_as_it_was(child: Any) -> None:
    child.attach()
    for end in ("refused", "gone", "silent"):
        move(child)
        child.up("dad")
        assert child.uplink.state is Attachment.MOVING
        if end == "refused":
            child.refuse("dad")
        elif end == "gone":
            child.uplink.disconnected(child.id("dad"), child.now)
        else:
            until = child.now + MOVE_US_MAX
            sequence = child.backlog.newest
            while child.now < until:
                sequence += 1
                child.chunk(sequence)
                child.wait(CHUNK_US)
        assert (child.uplink.state, child.parent) == (Attachment.HEARING, "mum")
        assert child.standing.rank == 5
        child.uplink.disconnected(child.id("dad"), child.now)


def test_a_raise_for_a_move_that_comes_to_nothing_ends_under_the_old_parent(child: Any) -> None:
    child.attach(rank=4)
    move(child)
    child.up("dad")
    child.refuse("dad", Why.RANK)
    assert child.standing.is_raising
    child.refuse("dad", Why.FULL)
    assert (child.standing.rank, child.standing.is_raising, child.parent) == (5, False, "mum")


def test_a_parent_that_dies_during_a_move_is_replaced_by_whoever_answers(child: Any) -> None:
    child.attach(standbys=("one",))
    move(child)
    child.up("dad")
    child.uplink.disconnected(child.id("mum"), child.now)
    assert child.uplink.state is Attachment.ASKING
    child.accept("dad", counter=2)
    assert child.parent == "dad"
