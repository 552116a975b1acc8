"""Events are values: equal when they say the same, and never changed."""

from typing import Any, get_args

import pytest

from meshcast.protocol import events


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_every_event_is_a_frozen_value(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert hasattr(kind, "__slots__")


def test_a_chunk_that_says_nothing_else_came_live_over_a_link_of_unknown_round_trip(crew: Any) -> None:
    event = events.ChunkReceived(crew.id("ann"), None, crew.chunk(1))  # type: ignore[arg-type]
    assert (event.rtt_us, event.is_refill) == (0, False)
