"""The broadcaster's machine: it numbers, signs and hands out."""

from typing import Any

import pytest

from meshcast.protocol.chunk import Flag
from meshcast.protocol.effects import Ended, Failed, SendChunk
from meshcast.protocol.events import Captured, Connected, Disconnected, ProgrammeEnded, Received, Stop
from meshcast.protocol.identity import verify
from meshcast.protocol.messages import Announce, Bye, Goodbye, Leave, Notice, Refused, Report, Why
from meshcast.protocol.units import MILLISECOND, SECOND, PeerId

CHUNK_US = 100 * MILLISECOND


def given_chunks(world: Any, name: str = "source") -> list[Any]:
    return [effect.chunk for effect in world.done(SendChunk, name)]


def test_it_announces_the_broadcast_with_the_delegation_that_lets_it_speak(world: Any) -> None:
    world.add_origin()
    world.run(SECOND)
    name, announce = world.told[0]
    assert name == "source"
    assert isinstance(announce, Announce)
    assert announce.delegation == world.crew.delegation()
    assert (announce.title, announce.bitrate_bps, announce.chunk_us) == ("Nightline", 64_000, CHUNK_US)


def test_chunks_are_numbered_from_one_timed_by_samples_and_signed(world: Any) -> None:
    world.add_origin()
    world.run(10_000)
    world.join("ann", "source")
    world.run(SECOND)
    chunks = given_chunks(world)
    assert [one.sequence for one in chunks] == list(
        range(chunks[0].sequence, chunks[0].sequence + len(chunks))
    )
    assert all(one.media_time_us == (one.sequence - 1) * CHUNK_US for one in chunks)
    assert all(one.is_signed_by(world.crew.id("source"), world.crew.broadcast, verify) for one in chunks)


def test_it_sends_one_copy_to_each_child_and_none_to_anybody_else(world: Any) -> None:
    origin = world.add_origin(capacity=2)
    world.run(10_000)
    for name in ("ann", "bob"):
        world.join(name, "source")
    world.join("cat", "ann", "source")
    world.run(SECOND)
    since = world.now
    bytes_before = origin.relay.served_bytes
    world.run(10 * CHUNK_US)
    assert len(world.done(SendChunk, "source", since)) == 20
    assert origin.relay.served_bytes - bytes_before == 2 * 10 * (origin.audio_bytes // origin.backlog.newest)


def test_a_paused_source_sends_empty_chunks_at_the_same_pace(world: Any) -> None:
    origin = world.add_origin()
    origin.handle(Captured((), CHUNK_US, paused=True), world.now)
    held = origin.backlog.get(1)
    assert held.chunk.packets == ()
    assert held.chunk.flags is Flag.PAUSED


def test_the_end_is_said_for_two_seconds_and_then_it_has_ended(world: Any) -> None:
    origin = world.add_origin()
    world._next_chunk_at = None
    world.feed("source", Captured((b"last",), CHUNK_US))
    world.feed("source", ProgrammeEnded())
    world.feed("source", ProgrammeEnded())
    world.run(5 * SECOND)
    flags = [origin.backlog.get(number).chunk.flags for number in range(2, origin.backlog.newest + 1)]
    assert flags == [Flag.END] * 20
    assert len(world.done(Ended, "source")) == 1


def test_listeners_hear_to_the_end_and_then_it_has_ended_for_them_too(world: Any) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("ann", "source")
    world.run(2 * SECOND)
    last = world.machines["source"].backlog.newest
    world._next_chunk_at = None
    world.feed("source", ProgrammeEnded())
    world.run(5 * SECOND)
    assert world.heard("ann")[-1] == last
    assert len(world.done(Ended, "ann")) == 1
    assert world.concealed("ann") == []


def test_it_reports_its_children_to_the_tracker(world: Any) -> None:
    world.add_origin()
    world.run(SECOND)
    world.join("ann", "source")
    world.run(SECOND)
    report = [message for name, message in world.told if name == "source" and isinstance(message, Report)][-1]
    assert report.children == (world.crew.id("ann"),)
    assert (report.parent, report.rank, report.seeking) == (None, 0, False)


def test_a_later_generation_ends_it_and_an_earlier_one_does_not(world: Any) -> None:
    world.add_origin()
    world.run(SECOND)
    world.say("source", Notice((world.crew.delegation("spare", generation=2),), ()))
    world.say("source", Notice((world.crew.delegation("spare", generation=4, not_after_s=1),), ()))
    assert world.done(Failed, "source") == []
    world.say("source", Notice((world.crew.delegation("spare", generation=4),), ()))
    (failed,) = world.done(Failed, "source")
    assert "another broadcaster has taken this broadcast over" in failed.reason


@pytest.mark.parametrize("why", [Why.BAD_DELEGATION, Why.SUPERSEDED])
def test_a_tracker_that_refuses_is_answered_in_one_line(world: Any, why: Why) -> None:
    world.add_origin()
    world.say("source", Refused(why, "detail"))
    (failed,) = world.done(Failed, "source")
    assert "\n" not in failed.reason
    assert failed.reason != "detail"


def test_it_plays_on_while_the_tracker_is_gone(world: Any) -> None:
    origin = world.add_origin()
    world.run(SECOND)
    world.join("ann", "source")
    world.is_tracker_up = False
    world.say("source", Goodbye(SECOND))
    world.run(30 * SECOND)
    assert world.children("source") == ["ann"]
    assert world.concealed("ann") == []
    world.is_tracker_up = True
    world.run(3 * SECOND)
    assert origin.session.contact.value == "known"


def test_somebody_else_at_the_trackers_address_ends_it(world: Any) -> None:
    world.add_origin()
    world.feed("source", Disconnected(world.crew.tracker.peer_id, "other key", is_wrong_key=True))
    assert len(world.done(Failed, "source")) == 1


def test_leaving_it_says_goodbye_to_children_and_tracker(world: Any) -> None:
    world.add_origin()
    world.run(SECOND)
    world.join("ann", "source")
    world.feed("source", Stop())
    assert [to for _, _, to, _ in world.sent(Bye, "source")] == ["ann"]
    assert ("source", Leave()) in world.told


def test_more_links_than_there_is_room_for_are_hung_up(world: Any) -> None:
    origin = world.add_origin()
    answers = [
        origin.handle(
            Connected(PeerId(number.to_bytes(32, "big")), ("192.0.2.9", 1), dialled=False), world.now
        )
        for number in range(300)
    ]
    assert sum(bool(one) for one in answers) > 0
    assert len(origin.acquaintances.since) == 256


def test_what_peers_must_not_say_to_a_source_changes_nothing(world: Any) -> None:
    origin = world.add_origin()
    world.run(SECOND)
    before = dict(origin.relay.children)
    for message in (Leave(), Refused(Why.FULL, ""), world.crew.placed("source", "ann"), Goodbye(1)):
        assert origin.handle(Received(world.crew.id("ann"), message), world.now) == []
    assert origin.relay.children == before
