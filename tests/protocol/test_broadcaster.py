"""A broadcaster stands by while another is on the air, goes on when that one dies, and gives way to whoever took over."""

from typing import Any

import pytest

from meshcast.protocol.broadcaster import TRANSITIONS, Post, Step
from meshcast.protocol.chunk import Flag
from meshcast.protocol.effects import Ended, Failed, SendChunk
from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.events import ProgrammeEnded, Stop
from meshcast.protocol.inquiry import DEPENDENT_US
from meshcast.protocol.limits import LEASE_US
from meshcast.protocol.messages import Announce, Join, Notice, Refused, Report, Wait, WaitFor, Why
from meshcast.protocol.tickets import Role, delegation, unpack
from meshcast.protocol.understudy import OPEN_AFTER_US
from meshcast.protocol.units import MILLISECOND, SECOND

CHUNK_US = 100 * MILLISECOND
SILENCE_US = 3 * CHUNK_US
LISTENERS = ("ann", "bob", "cat")


def event(world: Any, late_us: int = 0, children: tuple[str, ...] = ("ann", "bob")) -> tuple[Any, Any]:
    """Let a source and its spare be heard; the spare stands by for the source's children, and cat hears through ann."""
    source = world.add_broadcaster("source")
    world.run(SECOND)
    spare = world.add_broadcaster("spare", is_spare=True, late_us=late_us)
    world.place("spare", "source")
    world.run(SECOND)
    for name in children:
        world.join(name, "source", "spare")
    world.join("cat", children[0] if children else "spare", "spare")
    world.run(6 * SECOND)
    assert post(source) is Post.ON_AIR
    assert post(spare) is Post.STANDING_BY
    assert spare.serving.standing.rank == 1
    return source, spare


def open_for_want_of_anybody(world: Any) -> None:
    """Say as the tracker, as often as the spare asks, that it knows of nothing."""
    answered = 0
    for _ in range(100):
        asked = len([one for name, one in world.told if name == "spare" and isinstance(one, Join)])
        if asked > answered:
            answered = asked
            world.say("spare", Refused(Why.UNKNOWN_BROADCAST, ""))
        world.run(100 * MILLISECOND)


def post(broadcaster: Any) -> Post:
    """Say where a broadcaster stands now."""
    assert isinstance(broadcaster.post, Post)
    return broadcaster.post


def in_order(world: Any, name: str, since: int = 0) -> list[int]:
    """Give what was played since then, which is without a gap and only grows."""
    heard = world.heard(name, since)
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    return list(heard)


# ---- taking over


@pytest.mark.parametrize("late_us", [0, 30 * MILLISECOND, 70 * MILLISECOND])
def test_when_the_source_dies_its_spare_goes_on_with_the_next_number_and_nobody_misses_a_chunk(
    world: Any, late_us: int
) -> None:
    _, spare = event(world, late_us)
    world.crash("source")
    world.run(20 * SECOND)
    assert post(spare) is Post.ON_AIR
    assert spare.takeovers_us == [pytest.approx(SILENCE_US, abs=late_us + 1)]
    for name in LISTENERS:
        assert world.concealed(name) == []
        assert in_order(world, name)[-1] >= spare.backlog.newest - 12
        assert world.machines[name].sources.generation == spare.serving.sources.generation
    assert world.parent("ann") == world.parent("bob") == "spare"
    assert world.parent("cat") == "ann", "who heard through somebody else has noticed nothing"
    assert world.machines["cat"].tally.parents == 1


def test_what_the_spare_sends_first_is_what_the_source_would_have_sent_and_media_time_goes_on(
    world: Any,
) -> None:
    _, spare = event(world, late_us=40 * MILLISECOND)
    last = spare.backlog.newest
    began = world.now
    world.crash("source")
    world.run(2 * SECOND)
    chunks = [spare.backlog.get(number).chunk for number in range(last - 5, spare.backlog.newest + 1)]
    assert [one.media_time_us for one in chunks] == [
        chunks[0].media_time_us + number * CHUNK_US for number in range(len(chunks))
    ]
    mine = [one for one in chunks if one.generation != world.crew.generation]
    assert mine[0].sequence == last + 1
    assert len(mine) in {19, 20, 21}, "as many as there was time for, from the moment of the last one"
    assert world.now - began == 2 * SECOND


def test_the_source_that_goes_politely_is_followed_at_once(world: Any) -> None:
    _, spare = event(world)
    world.feed("source", Stop())
    world.crash("source")
    world.run(150 * MILLISECOND)
    assert post(spare) is Post.ON_AIR
    world.run(10 * SECOND)
    assert all(world.concealed(name) == [] for name in LISTENERS)


def test_the_end_of_the_programme_is_the_end_for_the_spare_too(world: Any) -> None:
    _, spare = event(world)
    del world.speaks_at["source"]
    world.feed("source", ProgrammeEnded())
    world.run(10 * SECOND)
    assert spare.takeovers_us == []
    assert len(world.done(Ended, "spare")) == 1
    assert all(len(world.done(Ended, name)) == 1 for name in LISTENERS)


def test_a_spare_whose_own_input_is_silent_takes_nothing_over(world: Any) -> None:
    _, spare = event(world)
    del world.speaks_at["spare"]
    world.run(SECOND)
    world.crash("source")
    world.run(3 * SECOND)
    assert post(spare) is Post.STANDING_BY


def test_a_spare_that_feeds_the_whole_crowd_asks_its_own_children_and_waits_until_they_have_asked_others(
    world: Any,
) -> None:
    _, spare = event(world, children=())
    world.join("bob", "spare", "source")
    world.run(6 * SECOND)
    world.crash("source")
    world.run(5 * SECOND)
    assert post(spare) is Post.ON_AIR
    assert DEPENDENT_US <= spare.takeovers_us[0] <= DEPENDENT_US + CHUNK_US
    assert world.concealed("bob") == world.concealed("cat") == []


def test_with_nobody_listening_the_trackers_word_is_enough(world: Any) -> None:
    world.add_broadcaster("source")
    world.run(SECOND)
    spare = world.add_broadcaster("spare", is_spare=True)
    world.place("spare", "source")
    world.run(3 * SECOND)
    world.say("spare", Wait(WaitFor.SOURCE, 0, 0, b""))
    world.run(SECOND)
    assert post(spare) is Post.STANDING_BY, "it hears the source itself"
    world.crash("source")
    world.run(3 * SECOND)
    assert post(spare) is Post.STANDING_BY, "perhaps it has lost its own network"
    world.say("spare", Wait(WaitFor.SOURCE, 0, 0, b""))
    assert post(spare) is Post.ON_AIR


# ---- false alarms


def test_a_spare_that_alone_does_not_hear_the_source_is_kept_supplied_by_others_and_fights_nobody(
    world: Any,
) -> None:
    source, spare = event(world)
    cut = {frozenset({"source", "spare"})}
    world.keeps = lambda one, other, _: frozenset({one, other}) not in cut
    world.run(10 * SECOND)
    assert post(spare) is Post.STANDING_BY
    assert spare.backlog.newest >= source.backlog.newest - 2, "it is as warm as ever"
    cut.clear()
    world.run(5 * SECOND)
    assert all(world.concealed(name) == [] for name in LISTENERS)
    world.crash("source")
    world.run(5 * SECOND)
    assert post(spare) is Post.ON_AIR
    assert all(world.concealed(name) == [] for name in LISTENERS)


def test_a_spare_that_nobody_answers_says_nothing(world: Any) -> None:
    source, spare = event(world)
    world.keeps = lambda one, other, _: "spare" not in {one, other}
    world.run(10 * SECOND)
    assert post(spare) is Post.STANDING_BY
    assert world.machines["ann"].sources.generation == world.crew.generation
    assert post(source) is Post.ON_AIR


# ---- giving way


def test_in_a_partition_both_halves_hear_on_and_afterwards_all_hear_one(world: Any) -> None:
    source, spare = event(world)
    here = {"source", "bob"}
    world.keeps = lambda one, other, _: (one in here) == (other in here)
    world.run(8 * SECOND)
    assert post(spare) is Post.ON_AIR, "ann and cat hear nothing but it"
    assert post(source) is Post.ON_AIR
    assert all(world.concealed(name) == [] for name in LISTENERS)
    assert world.machines["bob"].backlog.newest == pytest.approx(world.machines["cat"].backlog.newest, abs=1)
    world.keeps = lambda *_: True
    # The source comes back to the tracker, and hears who has its broadcast.
    world.say("source", Notice(spare.serving.sources.delegations[:1], ()))
    world.run(LEASE_US + 100 * MILLISECOND)
    assert post(source) is Post.STANDING_BY
    world.run(5 * SECOND)
    assert world.machines["bob"].sources.generation == spare.serving.sources.generation
    assert len(world.concealed("bob")) <= 1
    for name in LISTENERS:
        heard = world.heard(name)
        assert heard == sorted(set(heard)), "no number twice, and none after a later one"


def test_one_that_gave_way_is_the_spare_from_then_on_and_takes_over_in_its_turn(world: Any) -> None:
    source, spare = event(world)
    asleep = {"source"}
    world.keeps = lambda one, other, _: not asleep & {one, other}
    world.run(5 * SECOND)
    assert post(spare) is Post.ON_AIR
    asleep.clear()
    world.say("source", Notice(spare.serving.sources.delegations, ()))
    assert post(source) is Post.RESTING
    assert world.done(Failed, "source") == []
    world.run(4 * SECOND)
    joins = [one for name, one in world.told if name == "source" and isinstance(one, Join)]
    assert joins[-1].role is Role.SPARE
    world.say("source", world.crew.placed("source", "spare"))
    world.run(5 * SECOND)
    assert source.serving.standing.rank == 1
    assert source.backlog.newest >= spare.backlog.newest - 1
    for name in ("ann", "bob"):
        world.stand_by(name, "source")
    world.run(6 * SECOND)
    world.crash("spare")
    world.run(5 * SECOND)
    assert post(source) is Post.ON_AIR
    assert source.serving.sources.generation > spare.serving.sources.generation
    assert all(world.concealed(name) == [] for name in LISTENERS)
    assert all(in_order(world, name) for name in LISTENERS)


def test_nobody_is_adopted_by_one_that_has_just_given_way(world: Any) -> None:
    source, spare = event(world)
    world.say("source", Notice((world.crew.delegation("spare", generation=9),), ()))
    assert post(source) is Post.RESTING
    assert world.children("source") == []
    world.run(LEASE_US // 2)
    assert world.children("source") == []
    assert source.serving.standing.is_raising
    assert post(spare) in {Post.STANDING_BY, Post.ON_AIR}


def test_a_source_superseded_by_another_run_ends_and_a_spare_stands_by_for_it(world: Any) -> None:
    source = world.add_broadcaster("source")
    spare = world.add_broadcaster("spare", is_spare=True)
    open_for_want_of_anybody(world)
    assert post(spare) is Post.ON_AIR
    other = world.crew.delegation("other", run=99, generation=2**32 - 1)
    world.say("source", Notice((other,), ()))
    world.say("spare", Notice((other,), ()))
    assert len(world.done(Failed, "source")) == 1
    assert post(source) is Post.ON_AIR
    assert post(spare) is Post.RESTING
    assert world.done(Failed, "spare") == []


# ---- beginning


def test_it_shows_the_tracker_that_it_may_stand_by_with_what_lets_nobody_speak(world: Any) -> None:
    world.add_broadcaster("spare", is_spare=True)
    world.run(100 * MILLISECOND)
    (join,) = [one for _, one in world.told if isinstance(one, Join)]
    shown = delegation(unpack(join.invitation))
    assert (join.role, shown.key, shown.generation) == (Role.SPARE, world.crew.id("spare"), 0)
    assert shown.is_valid(world.crew.broadcast, world.now, world.crew.member("ann").verify)


def test_a_spare_of_a_broadcast_that_nobody_has_opened_opens_it(world: Any) -> None:
    spare = world.add_broadcaster("spare", is_spare=True)
    world.run(100 * MILLISECOND)
    world.say("spare", Refused(Why.UNKNOWN_BROADCAST, "no such broadcast here"))
    assert post(spare) is Post.STANDING_BY, (
        "the tracker may just have begun, and the source be on its way back"
    )
    open_for_want_of_anybody(world)
    assert post(spare) is Post.ON_AIR
    assert isinstance(world.told[-1][1], Announce | Report)
    assert spare.backlog.get(1).chunk.media_time_us == 0
    assert len([one for _, one in world.told if isinstance(one, Join)]) >= 2, "it has asked again"


def test_a_spare_whose_source_stays_away_opens_the_broadcast_anew(world: Any) -> None:
    spare = world.add_broadcaster("spare", is_spare=True)
    for _ in range(OPEN_AFTER_US // (2 * SECOND)):
        world.run(2 * SECOND)
        assert post(spare) is Post.STANDING_BY
        world.say("spare", Wait(WaitFor.SOURCE, 0, 0, b""))
    world.run(2 * SECOND)
    world.say("spare", Wait(WaitFor.SOURCE, 0, 0, b""))
    assert post(spare) is Post.ON_AIR


def test_children_of_a_source_know_its_spare_from_itself(world: Any) -> None:
    world.add_broadcaster("source")
    world.run(SECOND)
    world.join("ann", "source")
    world.add_broadcaster("spare", is_spare=True)
    world.place("spare", "source")
    world.run(6 * SECOND)
    ann = world.machines["ann"]
    assert list(ann.uplink.standbys.warm()) == [world.crew.id("spare")], "the tracker has named nobody"


def test_a_spare_is_told_of_the_trackers_refusal_in_one_line(world: Any) -> None:
    spare = world.add_broadcaster("spare", is_spare=True)
    world.run(100 * MILLISECOND)
    world.say("spare", Refused(Why.BAD_DELEGATION, "the broadcast key has not signed for this spare"))
    assert [one.reason for one in world.done(Failed, "spare")] == [
        "the broadcast key has not signed for this spare"
    ]
    assert post(spare) is Post.STANDING_BY


def test_a_step_that_the_table_does_not_know_is_a_bug(world: Any) -> None:
    source = world.add_broadcaster("source")
    assert {step for _, step in TRANSITIONS} == set(Step)
    with pytest.raises(LocalProtocolError, match="take over is no step from on the air"):
        source._step(Step.TAKE_OVER)


def test_what_it_takes_over_with_is_bounded(world: Any) -> None:
    event(world)
    since = world.now
    world.crash("source")
    world.run(SILENCE_US)
    first = world.done(SendChunk, "spare", since)
    mine = [one.chunk for one in first if one.chunk.generation != world.crew.generation]
    assert len({one.sequence for one in mine}) <= 4, "a burst, as datagrams"
    assert all(one.flags is Flag.NONE for one in mine)
    assert world.sent(Notice, "spare", since), "and everybody is told first who speaks"
