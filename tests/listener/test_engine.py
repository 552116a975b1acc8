"""One listener: what it does with what its machine wants, and its whole life in virtual time."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.listener.engine import Listener, ListenSettings, View, run_listener
from meshcast.listener.report import report_of
from meshcast.media.opus import Encoder
from meshcast.media.pacing import Block
from meshcast.media.player import Player
from meshcast.media.sinks import MemorySink
from meshcast.media.sound import silence
from meshcast.protocol.chunk import Chunk, Codec, Flag
from meshcast.protocol.effects import Conceal, Ended, Failed, Play
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError
from meshcast.protocol.link import Link
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, BroadcastId
from meshcast.transport.fabric import Fabric
from sim.journal_replay import replay

Noise = Callable[[int], Iterator[Block]]


def chunk(flags: Flag = Flag.NONE, packets: tuple[bytes, ...] = ()) -> Chunk:
    return Chunk(0, 1, 1, 1, 0, 100 * MILLISECOND, Codec.OPUS, flags, packets, b"")


def settings(link: Link, **more: Any) -> ListenSettings:
    return ListenSettings(link, output="null", delay_us=500 * MILLISECOND, max_children=2, **more)


async def first_error(run: Any) -> MeshcastError:
    """Give what a run ends with."""
    with pytest.raises((MeshcastError, ExceptionGroup)) as caught:
        await run
    error: BaseException = caught.value
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, MeshcastError)
    return error


# ---- what a machine wants


def test_sound_silence_and_holes_are_as_long_as_their_chunks() -> None:
    sink = MemorySink()
    listener = Listener(Player(sink), lambda _: True)
    encoder = Encoder(64_000)
    packets = tuple(encoder.encode(silence(960)) for _ in range(5))
    for effect in (
        Play(chunk(packets=packets), 0),
        Play(chunk(Flag.PAUSED), 0),
        Play(chunk(), 0),
        Conceal(4, 100 * MILLISECOND),
    ):
        listener.perform(effect)
    assert len(sink.pcm) == 4 * 4_800
    assert listener.player.silence_us == 200 * MILLISECOND
    assert listener.player.concealed_us == 100 * MILLISECOND
    assert listener.heard.ratio == 0.75


def test_what_is_played_is_audited_once_more() -> None:
    listener = Listener(Player(MemorySink()), lambda one: not one.flags)
    listener.perform(Play(chunk(), 0))
    listener.perform(Play(chunk(Flag.PAUSED), 0))
    assert listener.heard.forged_chunks == 1


async def test_the_end_and_a_failure_are_the_end_and_the_first_failure_is_the_one_that_is_told() -> None:
    listener = Listener(Player(MemorySink()), lambda _: True)
    listener.perform(Ended())
    assert listener.outcome.has_ended
    assert listener.outcome.over.is_set()
    failing = Listener(Player(MemorySink()), lambda _: True)
    for reason in ("the first", "the second"):
        failing.perform(Failed(reason))
    assert failing.outcome.over.is_set()
    assert isinstance(failing.outcome.error, BadInputError)
    assert str(failing.outcome.error) == "the first"


# ---- a whole life


async def test_a_programme_is_heard_to_its_end_and_the_report_is_made_before_the_farewells(
    autojump_clock: MockClock, go_on_air: Any, noise: Noise
) -> None:
    reports = []

    def show(view: View) -> None:
        if view.listener.outcome.over.is_set():
            reports.append(report_of(view, None))

    async with go_on_air() as air:
        await air.start_tracker()
        await air.broadcast(noise(6_000))
        await trio.sleep(1)
        listener = await run_listener(settings(air.link), show)
    assert listener.outcome.has_ended
    assert listener.heard.ratio == 1.0
    assert listener.player.position_us >= 4_000 * MILLISECOND
    assert listener.player.bad_packets == 0
    (report,) = reports
    assert (report["heard_ratio"], report["forged_chunks_played"], report["rank"]) == (1.0, 0, 3)


async def test_what_happens_to_a_listener_is_written_down_and_replays(
    autojump_clock: MockClock, go_on_air: Any, noise: Noise, tmp_path: Path
) -> None:
    path = tmp_path / "listener.journal"
    async with go_on_air() as air:
        await air.start_tracker()
        await air.broadcast(noise(3_000))
        await trio.sleep(0.5)
        await run_listener(settings(air.link, journal=path), lambda _: None)
    found = replay(path)
    assert found.verdict == f"the same in all {found.events} events"
    assert found.events > 30
    assert isinstance(found.machine, PeerMachine)
    assert found.machine.tally.verified >= 20


async def test_one_that_is_asked_to_go_goes(autojump_clock: MockClock, go_on_air: Any, noise: Noise) -> None:
    views: list[View] = []

    def show(view: View) -> None:
        if view.machine.playout.is_audible and not views:
            signal.raise_signal(signal.SIGTERM)
            views.append(view)

    async with go_on_air() as air:
        await air.start_tracker()
        await air.broadcast(noise(60_000))
        await trio.sleep(1)
        with trio.fail_after(30):
            listener = await run_listener(settings(air.link), show)
    assert not listener.outcome.has_ended
    assert listener.outcome.error is None


async def test_one_that_joins_before_the_broadcaster_is_told_that_there_is_no_such_broadcast(
    autojump_clock: MockClock, go_on_air: Any
) -> None:
    async with go_on_air() as air:
        await air.start_tracker()
        unknown = Link(air.link.host, air.link.port, BroadcastId(bytes(32)), air.link.pin)
        error = await first_error(run_listener(settings(unknown), lambda _: None))
    assert isinstance(error, BadInputError)
    assert "check the link" in str(error)


async def test_a_tracker_that_does_not_answer_is_given_up_when_patience_ends(
    autojump_clock: MockClock, go_on_air: Any
) -> None:
    async with go_on_air() as air:
        start = trio.current_time()
        error = await first_error(run_listener(settings(air.link, patience_s=20), lambda _: None))
    assert isinstance(error, UnreachableError)
    assert str(error).startswith("the tracker at 127.0.0.1:4433 has not answered for 20 s; check that")
    assert 20 <= trio.current_time() - start < 30


async def test_whoever_answers_with_another_key_is_not_the_tracker(
    autojump_clock: MockClock, go_on_air: Any
) -> None:
    async with go_on_air() as air:
        await air.start_tracker()
        wrong = Link(air.link.host, air.link.port, air.link.broadcast, type(air.link.pin)(b"w" * 32))
        error = await first_error(run_listener(settings(wrong), lambda _: None))
    assert "ask for a fresh link" in str(error)


async def test_a_port_that_is_taken_is_bad_input(
    autojump_clock: MockClock, fabric: Fabric, go_on_air: Any
) -> None:
    fabric.socket("127.0.0.1", 5555)
    async with go_on_air() as air:
        error = await first_error(run_listener(settings(air.link, port=5555), lambda _: None))
    assert isinstance(error, BadInputError)
    assert "5555" in str(error)
