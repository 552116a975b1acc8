"""A listener's whole life, from its first word to its last, among others of its kind."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.chunk import Hop
from meshcast.protocol.effects import Failed, Play, Refill, Send
from meshcast.protocol.events import ChunkReceived, Received, RefillReceived, Stop
from meshcast.protocol.limits import BEAT_EVERY_US, PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Beat,
    Bye,
    Detach,
    Hello,
    Join,
    Leave,
    Move,
    Noted,
    Notice,
    Pull,
    Refused,
    Report,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.tickets import Role
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


def test_who_waits_is_told_for_what(world: Any) -> None:
    peer = world.add_peer("ann")
    world.say("ann", Wait(WaitFor.SOURCE, 0, 0, b""))
    assert peer.status().waiting == "for the broadcaster"
    world.say("ann", Wait(WaitFor.PLACE, 12, 0, b""))
    assert peer.status().waiting == "for a place (number 12)"


def test_nothing_is_reported_before_one_is_placed(world: Any) -> None:
    world.add_peer("ann")
    world.run(SECOND)
    assert [type(message) for _, message in world.told] == [Join]
    world.place("ann", None)
    world.run(SECOND)
    assert isinstance(world.told[-1][1], Report)


@pytest.mark.parametrize("why", [Why.UNKNOWN_BROADCAST, Why.BANNED, Why.TICKET, Why.FULL])
def test_a_joiner_that_the_tracker_refuses_fails_in_one_line(world: Any, why: Why) -> None:
    world.add_peer("ann")
    world.say("ann", Refused(why, "no room"))
    (failed,) = world.done(Failed, "ann")
    assert "\n" not in failed.reason


def test_a_ticket_of_somebody_else_or_from_another_time_is_no_place(
    crew: Any, make_world: Callable[[], Any]
) -> None:
    for placed in (crew.placed("bob", "source"), crew.placed("ann", "source")):
        world = make_world()
        world.add_peer("ann", wall_offset_us=crew.until_s * SECOND)
        world.say("ann", placed)
        (failed,) = world.done(Failed, "ann")
        assert "clock" in failed.reason


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


def test_what_an_earlier_term_said_is_void(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.say("kid", Noted(5, 1))
    world.say("kid", Move(4, kid.uplink.attached_counter, world.crew.id("mum"), world.crew.ticket("one")))
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


# ---- the source changes


def test_a_new_generation_is_heard_from_its_beginning_and_the_old_one_no_more(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    new = world.crew.delegation("source", run=8, generation=4)
    world.feed("kid", Received(world.crew.id("mum"), Notice((new,), ())))
    assert kid.backlog.newest == 0
    assert kid.sources.delegations == (new,)
    mum = world.crew.id("mum")
    old = world.crew.chunk(9_000)
    world.feed("kid", ChunkReceived(mum, Hop(0, 0), old))
    assert 9_000 not in kid.backlog
    world.feed("kid", ChunkReceived(mum, Hop(0, 0), world.crew.chunk(1, run=8, generation=4)))
    assert kid.backlog.newest == 1
    assert kid.playout.next_sequence == 1


def test_a_spare_that_takes_over_is_heard_without_a_break_and_so_is_what_came_before_it(world: Any) -> None:
    family(world)
    kid, mum = world.machines["kid"], world.crew.id("mum")
    newest = kid.backlog.newest
    new = world.crew.delegation("spare", generation=4)
    world.feed("kid", Received(mum, Notice((new,), ())))
    assert kid.backlog.newest == newest, "nothing begins anew"
    assert kid.playout.is_audible
    assert kid.sources.delegations == (new, world.crew.delegation())

    def hear(sequence: int, by: str = "source", generation: int = 3) -> None:
        chunk = world.crew.chunk(sequence, by=by, generation=generation)
        world.feed("kid", ChunkReceived(mum, Hop(0, 0), chunk))

    hear(newest + 1)
    assert newest + 1 not in kid.backlog, "who spoke before speaks no more"
    hear(newest + 4, "spare", 4)
    assert newest + 4 in kid.backlog
    hear(newest + 3)
    assert newest + 3 in kid.backlog, "it was sent before the spare began"
    hear(newest + 3, "spare", 4)
    assert kid.backlog.get(newest + 3).chunk.generation == 4
    hear(newest + 5)
    assert newest + 5 not in kid.backlog
    assert kid.uplink.parent == mum, "whoever hears through somebody else stays"


def test_the_children_of_a_source_that_is_superseded_go_to_their_standbys_at_once(world: Any) -> None:
    world.add_origin()
    world.run(SECOND)
    world.join("one", None, role=Role.RELAY)
    world.place("one", "source")
    world.join("kid", "source", "one")
    world.run(SECOND)
    assert world.parent("kid") == "source"
    world.feed(
        "kid", Received(world.crew.id("one"), Notice((world.crew.delegation("spare", generation=4),), ()))
    )
    assert world.parent("kid") == "one"


def test_of_a_backlog_with_two_generations_in_it_nothing_is_lost(world: Any) -> None:
    family(world)
    kid, mum = world.machines["kid"], world.crew.id("mum")
    newest = kid.backlog.newest
    delegations = (world.crew.delegation("spare", generation=4), world.crew.delegation())
    world.feed("kid", Received(mum, Notice(delegations, ())))
    old = [world.crew.chunk(newest + number) for number in (1, 2)]
    new = [world.crew.chunk(newest + number, by="spare", generation=4) for number in (3, 4)]
    parts = tuple(ChunkReceived(mum, Hop(0, 0), one, is_refill=True) for one in (*old, *new))
    world.feed("kid", RefillReceived(mum, parts))
    assert all(newest + number in kid.backlog for number in (1, 2, 3, 4))
    assert len(kid.uplink.pulls.holes) == 0
