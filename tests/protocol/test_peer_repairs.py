"""What a listener does when its parent dies, withholds, loses or pollutes."""

from typing import Any

from meshcast.protocol.chunk import Hop
from meshcast.protocol.effects import Effect, Failed, HangUp, Refill, SendChunk
from meshcast.protocol.events import ChunkReceived, Connected, Received
from meshcast.protocol.limits import REPAIR_US, SILENCE_US_MAX
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
    Leave,
    Move,
    Noted,
    Notice,
    Pull,
    Refused,
    Report,
    Stalled,
    Why,
)
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.protocol.vigil import OVERSLEPT_US
from tests.protocol.stories import family, is_whole

THRESHOLD_US = 300 * MILLISECOND


# ---- a parent's death


def test_when_a_parent_dies_standby_1_takes_over_and_nobody_hears_it(world: Any) -> None:
    family(world)
    world.crash("mum")
    died_at = world.now
    world.run(5 * SECOND)
    kid = world.machines["kid"]
    assert world.parent("kid") == "one"
    (repair_us,) = kid.uplink.search.repairs_us
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
    assert world.machines["kid"].uplink.search.repairs_us[0] < REPAIR_US
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
