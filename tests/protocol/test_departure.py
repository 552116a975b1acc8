"""Going politely: whoever goes feeds its children until somebody else does, and no longer than it must."""

from typing import Any

from meshcast.protocol.effects import Departed, HangUp, Play, SendChunk
from meshcast.protocol.events import Stop
from meshcast.protocol.limits import HANDOVER_US_MAX
from meshcast.protocol.messages import Adopt, Bye, Leave, Refuse, Why
from meshcast.protocol.units import MILLISECOND, SECOND


def family(world: Any, delay_us: int = 300 * MILLISECOND) -> None:
    """The source feeds mum, one and two; mum feeds kid, for whom one and two stand by."""
    world.add_origin()
    for name in ("mum", "one", "two"):
        world.join(name, "source")
    world.run(3 * SECOND)
    world.join("kid", "mum", "one", "two", delay_us=delay_us)
    world.run(2 * SECOND)
    assert world.parent("kid") == "mum"


def test_whoever_feeds_nobody_goes_at_once(world: Any) -> None:
    family(world)
    world.feed("kid", Stop())
    assert len(world.done(Departed, "kid")) == 1
    assert world.machines["kid"].deadline() is None
    assert "kid" not in world.children("mum")


def test_whoever_goes_is_gone_as_soon_as_its_last_child_hears_from_somebody_else(world: Any) -> None:
    family(world)
    world.feed("mum", Stop())
    assert world.parent("kid") == "one"
    assert len(world.done(Departed, "mum")) == 1
    assert ("mum", Leave()) in world.told
    assert world.children("source") == ["one", "two"]


def test_children_whom_nobody_answers_are_fed_until_somebody_does(world: Any) -> None:
    """At a delay of 0.3 s this was heard: the Bye came, and nothing after it."""
    family(world)
    told = world.now
    world.keeps = lambda _name, _to, effect: (
        not isinstance(getattr(effect, "message", None), Adopt) or world.now >= told + 1_200 * MILLISECOND
    )
    world.feed("mum", Stop())
    world.run(1_100 * MILLISECOND)
    assert world.parent("kid") is None
    assert world.done(Departed, "mum") == []
    world.run(3 * SECOND)
    assert world.parent("kid") in {"one", "two", "source"}
    assert len(world.done(Departed, "mum")) == 1
    assert world.concealed("kid") == []
    heard = world.heard("kid")
    assert heard == list(range(heard[0], heard[-1] + 1))


def test_whoever_is_not_let_go_goes_all_the_same_when_its_time_is_up(world: Any) -> None:
    family(world)
    told = world.now
    world.keeps = lambda _name, _to, effect: not isinstance(getattr(effect, "message", None), Adopt)
    world.feed("mum", Stop())
    world.run(HANDOVER_US_MAX - MILLISECOND)
    assert world.done(Departed, "mum") == []
    assert world.done(SendChunk, "mum", since=world.now - 200 * MILLISECOND) != []
    world.run(2 * MILLISECOND)
    assert len(world.done(Departed, "mum")) == 1
    assert world.machines["mum"].deadline() is None
    assert any(at >= told for at, name, one in world.log if name == "mum" and isinstance(one, HangUp))


def test_whoever_goes_plays_nothing_more_and_takes_nobody_in(world: Any) -> None:
    family(world)
    world.keeps = lambda name, _to, effect: (
        name != "kid" or not isinstance(getattr(effect, "message", None), Adopt)
    )
    world.feed("mum", Stop())
    since = world.now
    world.join("late", "mum")
    world.run(500 * MILLISECOND)
    assert world.done(Play, "mum", since) == []
    refused = [what for _, name, to, what in world.sent(Refuse, "mum", since) if to == "late"]
    assert [one.why for one in refused] == [Why.LEAVING]
    assert "late" not in world.children("mum")


def test_asked_twice_it_says_farewell_once(world: Any) -> None:
    family(world)
    world.keeps = lambda _name, _to, effect: not isinstance(getattr(effect, "message", None), Adopt)
    world.feed("mum", Stop())
    world.feed("mum", Stop())
    assert len(world.sent(Bye, "mum")) == 1
    assert [message for name, message in world.told if name == "mum"].count(Leave()) == 1
