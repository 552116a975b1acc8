"""A parent that is heard again was no dead one; and where every way loses, going over helps nobody."""

from typing import Any

from meshcast.protocol.doubts import Doubts
from meshcast.protocol.limits import WARY_US
from meshcast.protocol.units import SECOND


def test_a_parent_left_for_silence_that_is_heard_again_is_a_false_alarm_once(crew: Any) -> None:
    doubts = Doubts()
    doubts.left(crew.id("mum"))
    assert not doubts.is_wary(SECOND)
    for _ in range(3):
        doubts.heard(crew.id("mum"), SECOND)
    assert doubts.false_alarms == 1
    assert doubts.is_wary(SECOND + WARY_US - 1)
    assert not doubts.is_wary(SECOND + WARY_US)


def test_somebody_elses_chunk_proves_nothing(crew: Any) -> None:
    doubts = Doubts()
    doubts.left(crew.id("mum"))
    doubts.heard(crew.id("aunt"), SECOND)
    assert doubts.false_alarms == 0


def test_one_whose_link_is_gone_was_rightly_left(crew: Any) -> None:
    doubts = Doubts()
    doubts.left(crew.id("mum"))
    doubts.down(crew.id("aunt"))
    doubts.down(crew.id("mum"))
    doubts.heard(crew.id("mum"), SECOND)
    assert doubts.false_alarms == 0


def test_a_parent_is_exchanged_for_its_losses_once_a_minute() -> None:
    doubts = Doubts()
    assert doubts.may_go_over(SECOND)
    assert not doubts.may_go_over(SECOND + WARY_US - 1)
    assert doubts.may_go_over(SECOND + WARY_US)
