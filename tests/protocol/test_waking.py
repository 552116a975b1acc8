"""A machine whose clock stood still attaches anew: nothing that it believed before is worth anything."""

from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.effects import HangUp
from meshcast.protocol.events import Received, Woken
from meshcast.protocol.limits import ACCEPT_AGE_US_MAX, SLEPT_LINKS_US, SLEPT_US_MIN
from meshcast.protocol.messages import Detach
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND
from tests.protocol.stories import family


def sleep(world: Any, name: str, slept_us: int) -> None:
    """Let the world go on without one of them; its clock, which the test cannot hold back, is the world's."""
    world.silent[name] = None
    world.run(slept_us)
    del world.silent[name]
    world.feed(name, Woken(slept_us))


def test_less_than_a_second_is_no_sleep(world: Any) -> None:
    family(world)
    world.feed("kid", Woken(SLEPT_US_MIN - 1))
    assert world.parent("kid") == "mum"
    world.run(SECOND)
    assert world.concealed("kid") == []


def test_after_a_short_sleep_a_standby_is_asked_at_once_though_the_parent_seems_to_be_there(
    world: Any,
) -> None:
    family(world)
    world.feed("kid", Woken(SLEPT_US_MIN))
    assert world.parent("kid") == "one"
    assert "kid" not in world.children("mum")


def test_an_accept_that_lay_there_while_the_machine_slept_is_void(world: Any, accept: Any) -> None:
    """By its own clock it had come in time; its giver may have raised its rank long since."""
    family(world)
    world.keeps = lambda name, _to, _effect: name != "kid"
    world.crash("mum")
    world.run(400 * MILLISECOND)
    kid = world.machines["kid"]
    counter = kid.uplink.asks.counter
    assert kid.uplink.asks.peers
    assert ACCEPT_AGE_US_MAX > 400 * MILLISECOND
    world.feed("kid", Woken(2 * SECOND))
    kid.handle(Received(world.crew.id("one"), accept(counter, rank=4)), world.now)
    effects = kid.handle(Received(world.crew.id("one"), accept(counter, rank=4)), world.now)
    assert world.parent("kid") is None
    assert [one.message for one in effects if getattr(one, "to", None) == world.crew.id("one")] == [
        Detach(counter)
    ]


def test_after_a_long_sleep_every_link_is_made_anew_and_sound_begins_at_the_live_end(world: Any) -> None:
    """What seems to be a link is none: the other ends gave it up while this one slept, and it is never dialled."""
    family(world)
    played_before = world.heard("kid")[-1]
    woken_at = world.now + SLEPT_LINKS_US
    sleep(world, "kid", SLEPT_LINKS_US)
    assert len(world.done(HangUp, "kid", woken_at)) >= 4, "parent, standbys and tracker"
    world.run(5 * SECOND)
    assert world.parent("kid") is not None
    after = [one for one in world.heard("kid") if one > played_before]
    assert all(later == earlier + 1 for earlier, later in pairwise(after)), "no burst, nothing twice, no hole"
    assert after[0] - played_before >= (SLEPT_LINKS_US - SECOND) // (100 * MILLISECOND)
    assert world.machines["kid"].playout.missing == 0


@pytest.mark.parametrize("slept_us", [2 * SECOND, 10 * SECOND, HOUR])
def test_one_that_has_not_found_anybody_yet_may_sleep_too(world: Any, slept_us: int) -> None:
    world.add_origin()
    world.add_peer("late")
    world.feed("late", Woken(slept_us))
    world.place("late", "source")
    world.run(3 * SECOND)
    assert world.parent("late") == "source"
