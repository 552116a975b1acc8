"""One broadcaster: the body of `run_broadcaster` is its table of contents."""

import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

import trio

from meshcast.broadcaster.desk import Desk
from meshcast.broadcaster.packer import Packer, chunk_us_for
from meshcast.driver import Driver
from meshcast.keys import fresh_identity, keep_identity
from meshcast.leaving import wait_for_leave
from meshcast.media.pacing import Source
from meshcast.media.sources import Loop, open_loop, open_source
from meshcast.membership import member_of
from meshcast.places import own_address, resolve
from meshcast.protocol.broadcaster import BroadcasterMachine, Post
from meshcast.protocol.effects import Bridge, Conceal, Departed, Ended, Failed, Play
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError
from meshcast.protocol.events import ProgrammeEnded
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import OPUS_FRAME_US, TITLE_BYTES_MAX
from meshcast.protocol.link import Link, TrackerAddress, format_address
from meshcast.protocol.mandate import Mandate
from meshcast.protocol.session import Contact
from meshcast.protocol.source import Programme
from meshcast.protocol.tickets import Delegation, Role
from meshcast.protocol.units import SECOND, BroadcastId, Micros, PeerId
from meshcast.tracker_keys import pin_of
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.links import Links, open_links

STATUS_S = 0.25
POLL_S = 0.02
"""A machine is pure, and has nobody to tell."""
REOPEN_S = 2.0
"""A live source that has ended is looked for again so often."""
SETTLE_S = 2.0
"""What a spare hears first is a backlog, which says less well than live chunks when it was captured."""
TRACKER_PATIENCE_S = 10.0
"""A broadcaster that cannot reach its tracker at the start is told so after this."""
TITLE_LETTERS_MAX = 60


@dataclass(frozen=True, slots=True)
class BroadcastSettings:
    """What the command line says."""

    source: str
    tracker: TrackerAddress
    title: str | None
    bitrate_bps: int
    max_children: int
    key: Path
    known_trackers: Path
    patience_s: float = 60.0
    port: int = 0
    exits_with_stdin: bool = False
    is_spare: bool = False
    """Stand by while another broadcaster with the same key is on the air."""
    while_away: str | None = None
    """What is played while the host is away."""


@dataclass(slots=True)
class Outcome:
    """How it ended."""

    error: str | None = None
    is_ending: bool = False
    """Somebody has asked for the end: nothing more is taken from the source."""
    over: trio.Event = field(default_factory=trio.Event)


@dataclass(frozen=True, slots=True)
class View:
    """What a status line is made of."""

    machine: BroadcasterMachine
    links: Links
    link: Link
    source: Source
    desk: Desk | None = None

    @property
    def is_away(self) -> bool:
        """Tell whether the standby programme is heard."""
        return self.desk is not None and self.desk.is_away


async def run_broadcaster(settings: BroadcastSettings, show: Callable[[View], None]) -> None:
    """Broadcast a source until it ends or somebody asks to go; errors are of `MeshcastError`."""
    chunk_us = chunk_us_for(settings.bitrate_bps)
    broadcast, identity = keep_identity(settings.key), fresh_identity()
    addresses = await resolve(settings.tracker.host, settings.tracker.port)
    async with (
        open_source(settings.source, patience_s=settings.patience_s) as source,
        _open_standby(settings) as standby,
    ):
        desk = Desk(source, standby, chunk_us // OPUS_FRAME_US)
        pin = settings.tracker.pin or await pin_of(settings.tracker, addresses, settings.known_trackers)
        link = Link(settings.tracker.host, settings.tracker.port, BroadcastId(bytes(broadcast.peer_id)), pin)
        titles = (settings.title, source.title, Path(settings.source).stem)
        title = next((shown for one in titles if (shown := sendable(one or ""))), "")
        role = Role.SPARE if settings.is_spare else Role.SOURCE
        machine = BroadcasterMachine(
            member_of(identity, link, addresses, role, settings.max_children),
            Mandate(broadcast, PeerId(identity.peer_id)),
            Programme(title, settings.bitrate_bps, chunk_us),
            None if settings.is_spare else delegate(broadcast, identity),
        )
        outcome = Outcome()
        driver = Driver(machine, lambda effect: _perform(effect, outcome))
        async with open_links(
            identity, UdpSocket.bind(*own_address(addresses[0], settings.port)), driver.link_event
        ) as links:
            driver.connect(links)
            view = View(machine, links, link, source, desk)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(driver.run)
                nursery.start_soon(_leave, settings, driver, outcome)
                nursery.start_soon(
                    _broadcast, source, desk, Packer(settings.bitrate_bps), driver, settings, outcome
                )
                if standby is not None:
                    nursery.start_soon(_turn, desk)
                    nursery.start_soon(_look_for_host, desk, source.is_live, settings)
                nursery.start_soon(_show, view, show)
                await outcome.over.wait()
                driver.stop()
                nursery.cancel_scope.cancel()
        show(view)
        error = outcome.error or source.ended_early
    if error is not None:
        raise BadInputError(error)


def sendable(title: str) -> str:
    """Make of a file's title one that trackers take: printable, in one line, and short."""
    words = "".join(letter if letter.isprintable() else " " for letter in title).split()
    short = " ".join(words)[:TITLE_LETTERS_MAX].encode()[:TITLE_BYTES_MAX]
    return short.decode("utf-8", "ignore").strip()


def delegate(broadcast: Identity, source: Identity) -> Delegation:
    """Let this process speak for the broadcast, from now on and instead of all before it."""
    mandate = Mandate(broadcast, PeerId(source.peer_id))
    return mandate.begin(secrets.randbits(32), int(time.time()) * SECOND)


def _perform(effect: object, outcome: Outcome) -> None:
    """Do what is not for a link."""
    assert isinstance(effect, Play | Conceal | Bridge | Ended | Departed | Failed)
    match effect:
        case Ended():
            outcome.over.set()
        case Failed(reason):
            outcome.error = outcome.error or reason
            outcome.over.set()
        case Departed():
            pass  # A spare that stands by goes at once: whoever hears from it has standbys.
        case Play() | Conceal() | Bridge():
            raise AssertionError("a source plays nothing")
        case _:
            assert_never(effect)


@asynccontextmanager
async def _open_standby(settings: BroadcastSettings) -> AsyncIterator[Loop | None]:
    """Open what is played while the host is away, if there is anything."""
    if settings.while_away is None:
        yield None
        return
    async with open_loop(settings.while_away) as loop:
        yield loop


async def _turn(desk: Desk) -> None:
    """Let the host go and come back whenever somebody sends a signal."""
    with trio.open_signal_receiver(signal.SIGUSR1) as signals:
        async for _ in signals:
            desk.turn()


async def _look_for_host(desk: Desk, is_live: bool, settings: BroadcastSettings) -> None:  # noqa: FBT001 - started so
    """Open a live source anew when it has ended or failed: a microphone that is back, a stream that goes on."""
    while is_live and settings.source != "-":
        await desk.gone.wait()
        await trio.sleep(REOPEN_S)
        with suppress(MeshcastError):
            async with open_source(settings.source, patience_s=settings.patience_s) as host:
                await host.ready()
                desk.welcome(host)
                await desk.gone.wait()


async def _broadcast(
    source: Source,
    desk: Desk,
    packer: Packer,
    driver: Driver,
    settings: BroadcastSettings,
    outcome: Outcome,
) -> None:
    """Wait for the tracker, then hand over chunk after chunk."""
    machine = driver.machine
    assert isinstance(machine, BroadcasterMachine)
    await _wait_for_tracker(machine, settings)
    await fall_in(source, machine, packer.chunk_us)
    try:
        async for block, is_standby in desk:
            if outcome.is_ending:
                return
            if (captured := packer.add(block, is_standby=is_standby)) is not None:
                driver.feed(captured)
    except UnreachableError as error:
        outcome.error = str(error)
        if machine.is_spare_there or machine.post is not Post.ON_AIR:
            # Somebody else goes on with the programme: it must not end with this machine's input.
            outcome.over.set()
            return
    if (captured := packer.rest()) is not None:
        driver.feed(captured)
    driver.feed(ProgrammeEnded())


async def fall_in(source: Source, machine: BroadcasterMachine, chunk_us: Micros) -> None:
    """Let a spare whose source is no live one read it in step with the source that is on the air."""
    if source.is_live:
        return
    while machine.post is not Post.ON_AIR and machine.epoch_us is None:  # noqa: ASYNC110
        await trio.sleep(POLL_S)
    if machine.post is not Post.ON_AIR:
        await trio.sleep(SETTLE_S)
    if machine.post is not Post.ON_AIR and machine.epoch_us is not None:
        # A block is there when it begins, and was captured when it ends.
        began_at = (machine.epoch_us + OPUS_FRAME_US) / SECOND
        await source.catch_up(began_at, chunk_us // OPUS_FRAME_US)


async def _wait_for_tracker(machine: BroadcasterMachine, settings: BroadcastSettings) -> None:
    """Wait until the tracker knows this broadcaster, or at least answers one that waits for another."""

    def is_there() -> bool:
        waits = machine.post is not Post.ON_AIR and machine.session.contact is Contact.KNOWN
        return waits or machine.ticket is not None

    with trio.move_on_after(TRACKER_PATIENCE_S):
        while not is_there():  # noqa: ASYNC110 - as above
            await trio.sleep(POLL_S)
    if not is_there():
        raise unreachable(settings.tracker)


async def _show(view: View, show: Callable[[View], None]) -> None:
    """Show the status now and again."""
    while True:
        show(view)
        await trio.sleep(STATUS_S)


async def _leave(settings: BroadcastSettings, driver: Driver, outcome: Outcome) -> None:
    """End the programme when somebody asks for it, so that listeners need not wait; at once when asked twice."""
    await wait_for_leave(with_stdin=settings.exits_with_stdin)
    outcome.is_ending = True
    driver.feed(ProgrammeEnded())
    await wait_for_leave(with_stdin=False)
    outcome.over.set()


def unreachable(tracker: TrackerAddress) -> UnreachableError:
    """Say that a tracker does not answer."""
    place = format_address((tracker.host, tracker.port))
    return UnreachableError(
        f"no tracker answers at {place}; start one with: meshcast-tracker serve --listen {place}"
    )
