"""Effects are values, so that a driver carries them out and a test reads them."""

from typing import Any, get_args

import pytest

from meshcast.protocol import effects


@pytest.mark.parametrize("kind", get_args(effects.Effect), ids=lambda kind: kind.__name__)
def test_every_effect_is_a_frozen_value(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert hasattr(kind, "__slots__")


def test_what_goes_to_a_neighbour_names_it_first(crew: Any) -> None:
    for kind in (effects.Send, effects.SendDatagram, effects.SendChunk, effects.Refill):
        assert next(iter(kind.__annotations__)) == "to"
