"""One broadcaster: the body of `run_broadcaster` is its table of contents."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

import trio

from meshcast.broadcaster.packer import Packer, chunk_us_for
from meshcast.driver import Driver
from meshcast.keys import fresh_identity, keep_identity
from meshcast.leaving import wait_for_leave
from meshcast.media.pacing import Source
from meshcast.media.sources import open_source
from meshcast.membership import member_of
from meshcast.places import own_address, resolve
from meshcast.protocol.effects import Bridge, Conceal, Departed, Ended, Failed, Play
from meshcast.protocol.errors import BadInputError, UnreachableError
from meshcast.protocol.events import ProgrammeEnded
from meshcast.protocol.identity import Identity
from meshcast.protocol.limits import TITLE_BYTES_MAX
from meshcast.protocol.link import Link, TrackerAddress, format_address
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Delegation, Role, sign_delegation
from meshcast.protocol.units import BroadcastId, PeerId
from meshcast.tracker_keys import pin_of
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.links import Links, open_links

STATUS_S = 0.25
TRACKER_PATIENCE_S = 10.0
"""A broadcaster that cannot reach its tracker at the start is told so after this."""
TITLE_LETTERS_MAX = 60
DELEGATION_S = 7 * 24 * 3600
"""How long one run may last."""


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

    machine: SourceMachine
    links: Links
    link: Link
    source: Source


async def run_broadcaster(settings: BroadcastSettings, show: Callable[[View], None]) -> None:
    """Broadcast a source until it ends or somebody asks to go; errors are of `MeshcastError`."""
    chunk_us = chunk_us_for(settings.bitrate_bps)
    broadcast, identity = keep_identity(settings.key), fresh_identity()
    addresses = await resolve(settings.tracker.host, settings.tracker.port)
    async with open_source(settings.source, patience_s=settings.patience_s) as source:
        pin = settings.tracker.pin or await pin_of(settings.tracker, addresses, settings.known_trackers)
        link = Link(settings.tracker.host, settings.tracker.port, BroadcastId(bytes(broadcast.peer_id)), pin)
        titles = (settings.title, source.title, Path(settings.source).stem)
        title = next((shown for one in titles if (shown := sendable(one or ""))), "")
        machine = SourceMachine(
            member_of(identity, link, addresses, Role.SOURCE, settings.max_children),
            delegate(broadcast, identity),
            Programme(title, settings.bitrate_bps, chunk_us),
        )
        outcome = Outcome()
        driver = Driver(machine, lambda effect: _perform(effect, outcome))
        async with open_links(
            identity, UdpSocket.bind(*own_address(addresses[0], settings.port)), driver.link_event
        ) as links:
            driver.connect(links)
            view = View(machine, links, link, source)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(driver.run)
                nursery.start_soon(_leave, settings, driver, outcome)
                nursery.start_soon(
                    _broadcast, source, Packer(settings.bitrate_bps), driver, settings, outcome
                )
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
    now_s = int(time.time())
    return sign_delegation(
        broadcast,
        index=0,
        source=PeerId(source.peer_id),
        run=secrets.randbits(32),
        generation=now_s,
        not_after_s=now_s + DELEGATION_S,
    )


def _perform(effect: object, outcome: Outcome) -> None:
    """Do what is not for a link."""
    assert isinstance(effect, Play | Conceal | Bridge | Ended | Departed | Failed)
    match effect:
        case Ended():
            outcome.over.set()
        case Failed(reason):
            outcome.error = outcome.error or reason
            outcome.over.set()
        case Play() | Conceal() | Bridge() | Departed():
            raise AssertionError("a source plays nothing and goes at once")
        case _:
            assert_never(effect)


async def _broadcast(
    source: Source, packer: Packer, driver: Driver, settings: BroadcastSettings, outcome: Outcome
) -> None:
    """Wait for the tracker, then hand over chunk after chunk."""
    await _wait_for_ticket(driver, settings)
    try:
        async for block in source:
            if outcome.is_ending:
                return
            if (captured := packer.add(block)) is not None:
                driver.feed(captured)
    except UnreachableError as error:
        outcome.error = str(error)
    if (captured := packer.rest()) is not None:
        driver.feed(captured)
    driver.feed(ProgrammeEnded())


async def _wait_for_ticket(driver: Driver, settings: BroadcastSettings) -> None:
    """Wait until the tracker knows this broadcast."""
    machine = driver.machine
    assert isinstance(machine, SourceMachine)
    with trio.move_on_after(TRACKER_PATIENCE_S):
        while machine.ticket is None:  # noqa: ASYNC110 - the machine is pure and has nobody to tell
            await trio.sleep(0.02)
    if machine.ticket is None:
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
