"""A listener's whole life, from its first word to its last, among others of its kind."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.chunk import Hop
from meshcast.protocol.effects import Effect, Failed, HangUp, Play, Refill, Send, SendChunk
from meshcast.protocol.events import ChunkReceived, Connected, Disconnected, Received, RefillReceived, Stop
from meshcast.protocol.limits import BEAT_EVERY_US, PLAYOUT_DELAY_US_DEFAULT, REPAIR_US, SILENCE_US_MAX
from meshcast.protocol.messages import (
    Accept,
    Accuse,
    Adopt,
    Beat,
    Bye,
    Detach,
    Fault,
    Goodbye,
    Hello,
    Join,
    Leave,
    Move,
    Noted,
    Notice,
    Pull,
    Refused,
    Renewed,
    Report,
    Resume,
    Stalled,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.protocol.vigil import OVERSLEPT_US

CHUNK_US = 100 * MILLISECOND
THRESHOLD_US = 300 * MILLISECOND


def is_whole(sequences: list[int]) -> bool:
    return len(sequences) > 1 and sequences == list(range(sequences[0], sequences[-1] + 1))


def family(world: Any) -> None:
    """Make source -> mum -> (one child) with standbys one and two, also under the source, and let all hear."""
    world.add_origin()
    world.run(5 * SECOND)
    for name in ("mum", "one", "two"):
        world.join(name, "source")
    world.join("kid", "mum", "one", "two")
    world.run(3 * SECOND)
    assert world.parent("kid") == "mum"
    assert len(world.machines["kid"].uplink.standbys.warm()) == 2


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


# ---- a parent's death


def test_when_a_parent_dies_standby_1_takes_over_and_nobody_hears_it(world: Any) -> None:
    family(world)
    world.crash("mum")
    died_at = world.now
    world.run(5 * SECOND)
    kid = world.machines["kid"]
    assert world.parent("kid") == "one"
    (repair_us,) = kid.uplink.repairs_us
    assert repair_us <= THRESHOLD_US + world.rtt_us, "detection and one message there and back"
    assert is_whole(world.heard("kid"))
    assert world.concealed("kid") == []
    assert "mum" not in world.children("one")
    assert world.children("one") == ["kid"]
    asks = world.sent(Adopt, "kid", died_at)
    assert len(asks) == 1
    assert asks[0][3].newest > 0, "it is sent only what it lacks"


def test_when_standby_1_dies_too_standby_2_takes_over_in_time(world: Any) -> None:
    family(world)
    for name in ("mum", "one"):
        world.crash(name)
    world.run(5 * SECOND)
    assert world.parent("kid") == "two"
    assert world.machines["kid"].uplink.repairs_us[0] < REPAIR_US
    assert world.concealed("kid") == []


def test_when_all_whom_it_knows_are_dead_the_tracker_is_asked_and_places_it(world: Any) -> None:
    family(world)
    world.join("dad", "source")
    for name in ("mum", "one", "two"):
        world.crash(name)
    world.keeps = lambda by, to, _: {by, to} != {"kid", "source"}
    world.run(2 * SECOND)
    report = [message for name, message in world.told if name == "kid" and isinstance(message, Report)][-1]
    assert report.seeking
    assert report.silent == world.crew.id("mum") or report.parent is None
    world.place("kid", "dad")
    world.run(2 * SECOND)
    assert world.parent("kid") == "dad"


def test_the_parents_parent_is_an_uncle_and_the_last_resort_without_a_tracker(world: Any) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source")
    world.join("kid", "mum")
    world.run(3 * SECOND)
    world.is_tracker_up = False
    world.crash("mum")
    world.run(3 * SECOND)
    assert world.parent("kid") == "source"
    assert world.concealed("kid") == []


def test_a_subtree_stays_together_when_its_head_is_orphaned(world: Any) -> None:
    """The head repairs; its children are told and wait."""
    family(world)
    world.join("baby", "kid", "two")
    world.run(3 * SECOND)
    world.crash("mum")
    died_at = world.now
    world.run(5 * SECOND)
    assert world.parent("kid") == "one"
    assert world.parent("baby") == "kid"
    assert world.sent(Stalled, "kid", died_at)
    assert [to for _, _, to, _ in world.sent(Adopt, "baby", died_at)] == []
    assert world.concealed("baby") == []


def test_a_withholding_parent_is_left_within_the_silence_threshold_however_much_it_beats(world: Any) -> None:
    family(world)

    def keeps(by: str, to: str, effect: Effect) -> bool:
        return not (by == "mum" and to == "kid" and isinstance(effect, SendChunk | Refill))

    world.keeps = keeps
    began_at = world.now
    mum = world.crew.id("mum")
    for _ in range(20):
        world.run(50 * MILLISECOND)
        beat = world.machines["mum"].relay.beat()
        world.feed("kid", Received(mum, beat))
    left_at = next(at for at, _, _, _ in world.sent(Adopt, "kid", began_at))
    assert left_at - began_at <= THRESHOLD_US
    assert world.parent("kid") == "one"
    assert world.concealed("kid") == []


def test_a_parent_that_repeats_old_chunks_is_left_as_one_that_brings_none(world: Any) -> None:
    family(world)
    mum = world.machines["mum"]
    old = mum.backlog.get(mum.backlog.newest)
    world.keeps = lambda by, _to, effect: not (by == "mum" and isinstance(effect, SendChunk))
    began_at = world.now
    for _ in range(10):
        world.run(50 * MILLISECOND)
        world.feed("kid", ChunkReceived(world.crew.id("mum"), Hop(0, 0), old.chunk))
    assert world.parent("kid") == "one"
    assert world.sent(Adopt, "kid", began_at)[0][0] - began_at <= THRESHOLD_US


def test_a_stalled_parent_is_not_left_while_its_own_repair_goes_on(world: Any) -> None:
    family(world)
    world.join("baby", "kid", "mum")
    world.run(3 * SECOND)
    silenced = {"source", "one", "two"}
    world.keeps = lambda by, _to, effect: not (by in silenced and isinstance(effect, SendChunk | Refill))
    began_at = world.now
    world.run(900 * MILLISECOND)
    assert world.parent("baby") == "kid"
    world.keeps = lambda *_: True
    world.run(3 * SECOND)
    assert world.parent("baby") == "kid"
    assert world.sent(Adopt, "baby", began_at) == []


def test_a_pause_of_the_source_is_no_silence(world: Any) -> None:
    """It sends empty chunks, so that nobody changes parents."""
    family(world)
    before = len(world.sent(Adopt))
    world.run(10 * SECOND)
    assert len(world.sent(Adopt)) == before


# ---- lost chunks


def test_a_lost_chunk_is_pulled_and_played_in_its_place(world: Any) -> None:
    family(world)
    lost = world.machines["mum"].backlog.newest + 3

    def keeps(by: str, to: str, effect: Effect) -> bool:
        return not (
            isinstance(effect, SendChunk) and effect.chunk.sequence == lost and (by, to) == ("mum", "kid")
        ) or bool(world.sent(Pull, "kid"))

    world.keeps = keeps
    world.run(3 * SECOND)
    (pull,) = world.sent(Pull, "kid")
    assert pull[3] == Pull(((lost, lost),))
    assert lost in world.heard("kid")
    assert world.concealed("kid") == []


def test_a_loss_at_the_top_makes_one_peer_ask_and_not_its_subtree(world: Any) -> None:
    family(world)
    world.join("baby", "kid", "one")
    world.run(2 * SECOND)
    lost = world.machines["mum"].backlog.newest + 3
    world.keeps = lambda by, to, effect: (
        not (
            (by, to) == ("source", "mum") and isinstance(effect, SendChunk) and effect.chunk.sequence == lost
        )
        or bool(world.sent(Pull, "mum"))
    )
    since = world.now
    world.run(2 * SECOND)
    assert len(world.sent(Pull, "mum", since)) == 1
    assert world.sent(Pull, "kid", since) == world.sent(Pull, "baby", since) == []
    for name in ("mum", "kid", "baby"):
        assert world.concealed(name) == []


# ---- polluters


def test_a_polluter_is_cut_off_accused_and_never_passed_on(world: Any) -> None:
    family(world)
    world.join("baby", "kid", "one")
    world.run(2 * SECOND)
    forged = world.crew.chunk(world.machines["kid"].backlog.newest + 1, by="forger")
    at = world.now
    world.feed("kid", ChunkReceived(world.crew.id("mum"), Hop(0, 0), forged))
    assert ("kid", Accuse(world.crew.id("mum"), Fault.FORGED, forged.signed)) in world.told
    assert frozenset({"kid", "mum"}) not in world.links
    world.run(2 * SECOND)
    assert world.parent("kid") == "one"
    assert world.concealed("kid") == world.concealed("baby") == []
    assert all(one.chunk.signed != forged.signed for one in world.done(SendChunk, "kid", at))
    assert world.machines["kid"].tally.forged == 1


def test_a_polluter_that_dials_again_is_hung_up_on(world: Any) -> None:
    family(world)
    kid, mum = world.machines["kid"], world.crew.id("mum")
    world.feed("kid", ChunkReceived(mum, Hop(0, 0), world.crew.chunk(9_999, by="forger")))
    effects = kid.handle(Connected(mum, ("198.51.100.7", 1), dialled=False), world.now)
    assert any(isinstance(one, HangUp) and one.peer == mum for one in effects)
    assert kid.handle(ChunkReceived(mum, Hop(0, 0), world.crew.chunk(9_999, by="forger")), world.now) == []


def test_chunks_of_another_run_are_dropped_and_blame_nobody(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.feed("kid", ChunkReceived(world.crew.id("mum"), Hop(0, 0), world.crew.chunk(9_999, run=1)))
    assert kid.tally.strays == 1
    assert kid.tally.accused == {}
    assert world.parent("kid") == "mum"


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


# ---- the tracker goes and comes back


def test_a_dead_tracker_is_not_heard_and_resumed_with_the_ticket(world: Any) -> None:
    family(world)
    world.is_tracker_up = False
    world.feed("kid", Disconnected(world.crew.tracker.peer_id, "gone"))
    world.run(10 * SECOND)
    world.told.clear()
    world.is_tracker_up = True
    world.run(5 * SECOND)
    mine = [message for name, message in world.told if name == "kid"]
    assert isinstance(mine[0], Resume)
    assert isinstance(mine[1], Report)
    assert mine[1].parent == world.crew.id("mum")
    assert world.concealed("kid") == []


def test_a_tracker_that_forgot_is_joined_anew(world: Any) -> None:
    family(world)
    world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    assert [type(message) for name, message in world.told if name == "kid" and isinstance(message, Join)] == [
        Join,
        Join,
    ]
    assert world.done(Failed, "kid") == []
    assert world.parent("kid") == "mum"


def test_a_ticket_that_is_refused_twice_is_given_up_once(world: Any) -> None:
    """I10: two reports were under way when the tracker had forgotten this peer."""
    family(world)
    for _ in range(2):
        world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    assert len([one for name, one in world.told if name == "kid" and isinstance(one, Join)]) == 2
    assert world.done(Failed, "kid") == []


def test_a_listener_waits_for_the_broadcaster_to_come_back_to_a_tracker_that_forgot(world: Any) -> None:
    family(world)
    world.say("kid", Refused(Why.TICKET, "unknown"))
    world.run(SECOND)
    world.told.clear()
    world.say("kid", Refused(Why.UNKNOWN_BROADCAST, "no such broadcast here"))
    world.run(5 * SECOND)
    assert world.done(Failed, "kid") == []
    assert any(name == "kid" and isinstance(one, Resume) for name, one in world.told)
    assert world.machines["kid"].uplink.neighbours.own_ticket is not None, (
        "among peers it is as good as before"
    )


def test_a_tracker_that_goes_for_a_restart_is_hung_up_on_and_dialled_again(world: Any) -> None:
    family(world)
    since = world.now
    world.say("kid", Goodbye(SECOND))
    world.run(5 * SECOND)
    assert HangUp(world.crew.tracker.peer_id, "goodbye") in world.done(HangUp, "kid", since)
    assert any(isinstance(message, Resume) and name == "kid" for name, message in world.told)


def test_a_renewed_ticket_is_ones_own_and_nobody_elses(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    world.say("kid", Renewed(world.crew.ticket("mum")))
    assert kid.uplink.neighbours.own_ticket.peer == world.crew.id("kid")
    later = world.crew.ticket("kid", until_s=world.crew.until_s - 1)
    world.say("kid", Renewed(later))
    assert kid.uplink.neighbours.own_ticket == later


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


# ---- hostile neighbours


def test_words_that_only_a_tracker_may_say_mean_nothing_from_a_neighbour(world: Any) -> None:
    family(world)
    kid = world.machines["kid"]
    mum = world.crew.id("mum")
    order = Move(1, kid.uplink.attached_counter, mum, world.crew.ticket("one"))
    for message in (
        order,
        world.crew.placed("kid", "one"),
        Refused(Why.BANNED, ""),
        Goodbye(1),
        Noted(9, 9),
        Leave(),
    ):
        world.feed("kid", Received(mum, message))
    world.run(SECOND)
    assert world.parent("kid") == "mum"
    assert world.done(Failed, "kid") == []


def test_whatever_a_neighbour_says_out_of_turn_the_machine_goes_on(world: Any) -> None:
    """No message in any state raises, and the listener goes on hearing or finds another parent."""
    crew = world.crew
    family(world)
    speech: list[Any] = [
        Accept(0, 0, 0, 0, ()),
        Accept(2**32 - 1, 32, 2**32 - 1, 2**64 - 1, (b"aaaa",) * 32),
        Beat(2**32 - 1, 2**64 - 1, 0, (), 64),
        Beat(0, 0, 32, (), 0),
        Bye(Why.SLOW),
        Detach(0),
        Detach(2**32 - 1),
        Hello(crew.ticket("two"), 0, 0),
        Pull(((0, 2**32 - 1),) * 32),
        Pull(((9, 3),)),
        Stalled(b"aaaa", 2**64 - 1),
        Adopt(0, 0, 0, 0, None, bytes(64)),
        crew.adopt("two", "kid", counter=2**32 - 1),
        Notice((crew.delegation("x", generation=1),), (crew.ban("two", until_s=1),)),
    ]
    for message in speech * 2:
        for who in ("two", "one", "mum", "source", "nobody"):
            world.feed("kid", Received(crew.id(who), message))
            world.run(20 * MILLISECOND)
    world.run(6 * SECOND)
    world.place("kid", "source")
    world.run(2 * SECOND)
    assert world.machines["kid"].uplink.state.is_hearing
    assert SILENCE_US_MAX < SECOND


def test_a_chunk_that_has_waited_for_a_sleeper_does_not_bind_it_to_a_parent_that_may_have_risen(
    world: Any,
) -> None:
    """I1: two seconds without a word are more than a peer that is awake allows, and a lease may have ended since."""
    family(world)
    kid = world.machines["kid"]
    assert kid.uplink.parent == world.crew.id("mum")
    later = world.now + OVERSLEPT_US
    held = kid.backlog.get(kid.backlog.newest).chunk
    stale = ChunkReceived(world.crew.id("mum"), Hop(0, 0), world.crew.chunk(held.sequence + 1), 40_000)
    kid.handle(stale, later)
    assert kid.uplink.parent is None
