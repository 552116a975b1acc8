"""Messages are values; an Adopt carries its child's signature."""

import dataclasses
from typing import Any, get_args

import pytest

from meshcast.protocol.identity import verify
from meshcast.protocol.messages import Adopt, Message, Why


@pytest.mark.parametrize("kind", get_args(Message), ids=lambda kind: kind.__name__)
def test_every_message_is_a_frozen_value(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert hasattr(kind, "__slots__")


def test_an_adopt_is_good_for_its_child_its_adopter_its_counter_and_its_rank_only(crew: Any) -> None:
    ask = crew.adopt("ann", "bob", counter=3, rank=7)
    ann, bob, cat = crew.id("ann"), crew.id("bob"), crew.id("cat")
    assert ask.is_signed_by(ann, bob, verify)
    assert not ask.is_signed_by(cat, bob, verify)
    assert not ask.is_signed_by(ann, cat, verify), (
        "so asking in a thousand places leaves a thousand signatures"
    )
    for change in ({"counter": 4}, {"rank": 8}):
        assert not dataclasses.replace(ask, **change).is_signed_by(ann, bob, verify)


def test_what_an_adopt_says_of_chunks_is_not_signed_for_it_is_nobodys_evidence(crew: Any) -> None:
    ask = dataclasses.replace(crew.adopt("ann", "bob"), newest=99, wanted_us=1, parent=crew.id("cat"))
    assert ask.is_signed_by(crew.id("ann"), crew.id("bob"), verify)


def test_an_adopts_signature_is_of_its_own_kind(crew: Any) -> None:
    ask: Adopt = crew.adopt("ann", "bob")
    body = Adopt.signed(crew.id("ann"), crew.id("bob"), ask.counter, ask.rank)
    assert body.startswith(b"meshcast/1 adopt\0")


def test_reasons_keep_their_numbers() -> None:
    assert [why.name for why in Why] == [
        "FULL", "RANK", "TICKET", "RAISING", "LEAF", "BANNED", "UNKNOWN_BROADCAST", "BAD_DELEGATION", "SUPERSEDED",
        "SHED", "LEAVING", "POLLUTER", "IDLE", "SLOW", "TITLE_TAKEN",
    ]  # fmt: skip
    assert [int(why) for why in Why] == list(range(1, 16))
