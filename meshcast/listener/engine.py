"""One listener, or a headless relay: the body of `run_listener` is its table of contents."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

import trio

from meshcast.driver import Driver
from meshcast.journal import of_listener, open_journal
from meshcast.keys import fresh_identity
from meshcast.leaving import wait_for_leave
from meshcast.listener.heard import Heard
from meshcast.listener.upload import Upload
from meshcast.media.player import Player
from meshcast.media.sinks import open_sink
from meshcast.membership import dice, member_of
from meshcast.places import own_address, resolve
from meshcast.protocol.chunk import Chunk, Flag
from meshcast.protocol.effects import Bridge, Conceal, Departed, Ended, Failed, Play
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError
from meshcast.protocol.events import RoundTrips
from meshcast.protocol.link import Link, format_address
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.session import Contact
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros
from meshcast.suspension import asleep_us
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.links import Links, open_links

STATUS_S = 0.25
MEASURE_S = 1.0
MEASURE_S_MAX = 1.5
"""Where no chunk comes."""
TRACKER_PATIENCE_S = 60.0
"""A joiner waits so long for a tracker that does not answer, and says so all the while."""


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """What the command line says."""

    link: Link
    output: str
    delay_us: Micros
    max_children: int
    role: Role = Role.LISTENER
    report: Path | None = None
    patience_s: float = TRACKER_PATIENCE_S
    port: int = 0
    exits_with_stdin: bool = False
    journal: Path | None = None
    """Where to write what happens to the machine, for a replay."""
    adapts: bool = False
    """The playout delay follows the jitter, from `delay_us` on."""
    uplink_bps: int | None = None
    """What may be sent in all; None: what its places need."""


@dataclass(slots=True)
class Outcome:
    """How it ended."""

    error: MeshcastError | None = None
    has_ended: bool = False
    over: trio.Event = field(default_factory=trio.Event)
    departed: trio.Event = field(default_factory=trio.Event)
    """Nobody waits for it any more: its children hear from somebody else."""


class Listener:
    """Carries out what the machine wants played, and remembers what was heard."""

    def __init__(
        self, player: Player, is_genuine: Callable[[Chunk], bool], *, plays_to_nobody: bool = False
    ) -> None:
        """`is_genuine` audits what is played; a headless relay plays to nobody, and neither audits nor decodes."""
        self._is_genuine = is_genuine
        self._plays_to_nobody = plays_to_nobody
        self.player = player
        self.heard = Heard()
        self.upload = Upload()
        self.outcome = Outcome()

    def perform(self, effect: object) -> None:
        """Do what is not for a link."""
        assert isinstance(effect, Play | Conceal | Bridge | Ended | Departed | Failed)
        match effect:
            case Play() if self._plays_to_nobody:
                self.heard.play(effect, is_genuine=True)
            case Conceal() if self._plays_to_nobody:
                self.heard.conceal(effect)
            case Play(chunk, _, longer_us):
                self.heard.play(effect, is_genuine=self._is_genuine(chunk))
                if chunk.flags & Flag.PAUSED or not chunk.packets:
                    self.player.silence(chunk.duration_us + longer_us)
                else:
                    self.player.play(chunk.packets, longer_us)
            case Conceal(_, duration_us):
                self.heard.conceal(effect)
                self.player.conceal(duration_us)
            case Bridge(duration_us):
                self.heard.bridge(effect)
                self.player.conceal(duration_us)
            case Ended():
                self.outcome.has_ended = True
                self.outcome.over.set()
            case Departed():
                self.outcome.departed.set()
            case Failed(reason):
                self.outcome.error = self.outcome.error or BadInputError(reason)
                self.outcome.over.set()
            case _:
                assert_never(effect)


@dataclass(frozen=True, slots=True)
class View:
    """What a status line is made of."""

    machine: PeerMachine
    listener: Listener
    links: Links


async def run_listener(settings: ListenSettings, show: Callable[[View], None]) -> Listener:
    """Hear a broadcast until it ends or somebody asks to go; errors are of `MeshcastError`."""
    addresses = await resolve(settings.link.host, settings.link.port)
    identity = fresh_identity()
    with open_journal(settings.journal) as journal, open_sink(settings.output) as sink:
        chance = journal.dice if journal is not None else dice
        member = member_of(identity, settings.link, addresses, settings.role, settings.max_children, chance)
        how: dict[str, Any] = {"adapts": settings.adapts, "is_paced": True, "uplink_bps": settings.uplink_bps}
        machine = PeerMachine(member, settings.delay_us, **how)
        if journal is not None:
            journal.begin(of_listener(member, settings.delay_us, **how))
        plays_to_nobody = settings.role is Role.RELAY
        listener = Listener(Player(sink), machine.sources.is_genuine, plays_to_nobody=plays_to_nobody)
        driver = Driver(machine, listener.perform, journal, asleep_us)
        async with open_links(
            identity, UdpSocket.bind(*own_address(addresses[0], settings.port)), driver.link_event
        ) as links:
            driver.connect(links)
            view = View(machine, listener, links)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(driver.run)
                nursery.start_soon(_measure, driver, view, show if plays_to_nobody else None)
                if not plays_to_nobody:
                    nursery.start_soon(_show, view, show)
                nursery.start_soon(_give_up, settings, machine, listener.outcome)
                nursery.start_soon(_leave, settings, listener.outcome)
                await listener.outcome.over.wait()
                driver.stop()
                # Before the children are elsewhere: a second Ctrl-C cuts that short, and nothing may be lost by it.
                show(view)
                await listener.outcome.departed.wait()
                nursery.cancel_scope.cancel()
    if listener.outcome.error is not None:
        raise listener.outcome.error
    return listener


async def _measure(driver: Driver, view: View, show: Callable[[View], None] | None) -> None:
    """Tell the machine how long the lines are, and see what is sent: once a second, along with a chunk if any comes.

    A headless relay shows its status at the same time: there too it need not wake for it.
    """
    links, measured_at = view.links, trio.current_time()
    while True:
        with trio.move_on_at(measured_at + MEASURE_S_MAX):
            await driver.event_after(measured_at + MEASURE_S)
        now = trio.current_time()
        view.listener.upload.note(links.wire_bytes_sent, now - measured_at)
        measured_at = now
        driver.feed(RoundTrips(tuple((peer, links.rtt_us(peer)) for peer in links.peers)))
        if show is not None:
            show(view)


async def _show(view: View, show: Callable[[View], None]) -> None:
    """Show the status now and again."""
    while True:
        show(view)
        await trio.sleep(STATUS_S)


async def _leave(settings: ListenSettings, outcome: Outcome) -> None:
    """End when somebody asks for it."""
    await wait_for_leave(with_stdin=settings.exits_with_stdin)
    outcome.over.set()


async def _give_up(settings: ListenSettings, machine: PeerMachine, outcome: Outcome) -> None:
    """Say so when a joiner's tracker does not answer for too long."""
    waited_s = 0.0
    while not machine.playout.is_audible and waited_s < settings.patience_s:
        await trio.sleep(STATUS_S)
        away = machine.session.contact in {Contact.AWAY, Contact.DIALLING}
        waited_s = waited_s + STATUS_S if away else 0.0
    if waited_s >= settings.patience_s:
        place = format_address((settings.link.host, settings.link.port))
        outcome.error = UnreachableError(
            f"the tracker at {place} has not answered for {waited_s:.0f} s; check that it runs and that UDP gets "
            "through"
        )
        outcome.over.set()
