"""What goes round about others: who may speak, when another one begins or goes on, and who is banned."""

from typing import Any

from meshcast.protocol.chunk import Hop
from meshcast.protocol.effects import Failed
from meshcast.protocol.events import ChunkReceived, Received, RefillReceived
from meshcast.protocol.messages import Notice
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from tests.protocol.stories import family


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


def test_a_ban_reaches_everybody_below_and_cuts_the_banned_off(world: Any) -> None:
    family(world)
    world.join("baby", "kid", "one")
    world.run(2 * SECOND)
    world.say("mum", Notice((), (world.crew.ban("one"),)))
    for name in ("mum", "kid", "baby"):
        assert world.crew.id("one") in world.machines[name].relay.bans
    assert world.crew.id("one") not in world.machines["kid"].uplink.standbys
    assert frozenset({"kid", "one"}) not in world.links


def test_who_is_banned_itself_is_told_in_one_line(world: Any) -> None:
    family(world)
    world.say("kid", Notice((), (world.crew.ban("kid"),)))
    (failed,) = world.done(Failed, "kid")
    assert "banned" in failed.reason
