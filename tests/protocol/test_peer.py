"""A listener's whole life, from its first word to its last, among others of its kind."""

from itertools import pairwise
from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Play, Refill, Send
from meshcast.protocol.events import Received, Stop
from meshcast.protocol.limits import BEAT_EVERY_US, PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.messages import Accept, Adopt, Beat, Bye, Detach, Hello, Join, Leave, Move, Pull, Why
from meshcast.protocol.units import MILLISECOND, SECOND
from tests.protocol.stories import family, is_whole

CHUNK_US = 100 * MILLISECOND


# ---- joining


def test_a_listener_joins_is_placed_asks_is_accepted_is_refilled_and_plays_at_once(world: Any) -> None:
    world.add_origin()
    world.run(5 * SECOND)
    peer = world.join("ann", "source")
    joined_at = world.now
    world.run(3 * SECOND)
    assert [name for name, message in world.told if isinstance(message, Join)] == ["ann"]
    said = [
        type(one.message)
        for at, name, one in world.log
        if isinstance(one, Send) and "ann" in {name, world.names.get(one.to)}
    ]
    for earlier, later in ((Join, Hello), (Hello, Adopt), (Adopt, Accept)):
        assert said.index(earlier) < said.index(later)
    assert len(world.done(Refill, "source")) == 1
    assert (peer.uplink.state, world.parent("ann"), world.children("source")) == (
        Attachment.HEARING,
        "source",
        ["ann"],
    )
    assert peer.tally.first_play_at - joined_at <= CHUNK_US
    assert is_whole(world.heard("ann"))
    delays = {one.age_us for one in world.done(Play, "ann")}
    assert max(delays) <= PLAYOUT_DELAY_US_DEFAULT + 2 * CHUNK_US


def test_a_listener_below_a_listener_hears_as_well(world: Any) -> None:
    world.add_origin(capacity=1)
    world.run(5 * SECOND)
    names = ["source", "a", "b", "c", "d"]
    for parent, name in pairwise(names):
        world.join(name, parent, "source", capacity=1)
        world.run(SECOND)
    world.run(5 * SECOND)
    assert [world.machines[name].standing.rank for name in names] == [0, 3, 4, 5, 6]
    for name in names[1:]:
        assert is_whole(world.heard(name))
        assert world.concealed(name) == []
        assert world.heard(name)[-1] >= world.heard("a")[-1] - 1


# ---- moves


def test_a_move_is_make_before_break_and_loses_no_chunk(world: Any) -> None:
    """I12."""
    family(world)
    world.move("kid", "two")
    since = world.now
    world.run(3 * SECOND)
    assert world.parent("kid") == "two"
    assert world.children("mum") == []
    accepts, detaches = world.sent(Accept, "two", since), world.sent(Detach, "kid", since)
    assert accepts[0][0] <= detaches[0][0]
    assert is_whole(world.heard("kid"))
    assert world.concealed("kid") == []
    assert len(world.sent(Pull, "kid", since)) == 0


def test_a_move_that_speaks_of_another_parent_changes_nothing(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.say("kid", Move(1, kid.uplink.attached_counter, world.crew.id("two"), world.crew.ticket("one")))
    world.say("kid", Move(1, kid.uplink.attached_counter + 1, world.crew.id("mum"), world.crew.ticket("one")))
    world.run(SECOND)
    assert world.parent("kid") == "mum"


# ---- being somebody's parent


def test_a_child_whose_parent_leaves_politely_does_not_wait_for_silence(world: Any) -> None:
    family(world)
    world.feed("mum", Stop())
    assert [to for _, _, to, _ in world.sent(Bye, "mum")] == ["kid"]
    assert world.parent("kid") == "one"
    assert ("mum", Leave()) in world.told
    world.run(3 * SECOND)
    assert world.concealed("kid") == []


def test_a_head_that_sheds_its_children_can_still_be_adopted_by_one_of_them(world: Any) -> None:
    """The Bye that shed them made them forget its ticket, and its Adopt was refused for want of one."""
    family(world)
    kid = world.machines["kid"]
    mum = world.crew.id("mum")
    world.feed("kid", Received(mum, Hello(world.crew.ticket("mum"), 32, 0)))
    world.feed("kid", Received(mum, Bye(Why.SHED)))
    world.run(SECOND)
    assert world.parent("kid") == "one"
    effects = kid.handle(Received(mum, world.crew.adopt("mum", "kid", counter=99)), world.now)
    assert any(isinstance(one, Send) and isinstance(one.message, Accept) for one in effects)


def test_warm_standbys_cost_a_beat_every_five_seconds(world: Any) -> None:
    family(world)
    since = world.now
    world.run(20 * SECOND)
    assert (
        len([1 for _, by, to, _ in world.sent(Beat, "one", since) if to == "kid"])
        <= 20 * SECOND // BEAT_EVERY_US + 1
    )


def test_links_that_nobody_needs_are_closed(world: Any) -> None:
    family(world)
    world.move("kid", "two")
    world.run(25 * SECOND)
    assert frozenset({"kid", "mum"}) not in world.links
    assert frozenset({"kid", "two"}) in world.links
