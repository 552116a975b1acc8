"""Runs machines: feeds them what happens, does what they want done, and calls them when their deadline comes.

What `meshcast.driver` is for real sockets, this is for virtual ones. A deadline costs at most one entry in the scheduler
for each machine: when it moves later, which is what mostly happens, the entry stays and looks again when it is called.
"""

from collections.abc import Callable, Sequence
from typing import Final

from meshcast.protocol.effects import (
    Bridge,
    Conceal,
    Departed,
    Dial,
    Ended,
    Failed,
    HangUp,
    Play,
    Probe,
    Refill,
    Send,
    SendChunk,
    SendDatagram,
)
from meshcast.protocol.events import ChunkReceived, Event, Received, RefillReceived, Tick
from meshcast.protocol.units import Micros
from sim.host import Host
from sim.network import Network
from sim.process import NEVER, Process
from sim.scheduler import Scheduler
from sim.trace import Trace
from tracker.overlay.effects import Keep

TICK: Final = Tick()
TICKS_MAX: Final = 1_000
"""A machine that names a past deadline so often in one instant would stop time: a bug."""


def forget(change: Keep, now: Micros) -> None:
    """Keep nothing."""


class Runner:
    """All processes, and the network between them."""

    def __init__(self, scheduler: Scheduler, trace: Trace | None) -> None:
        self.scheduler = scheduler
        self.network: Network
        self.trace = trace
        self.watchers: list[Callable[[Process], None]] = []
        """Called after each event with the process that it happened to."""
        self.witnesses: list[Callable[[Process, Event, Sequence[object]], None]] = []
        """Called with each event and what the machine wants done for it, before any of that is done."""
        self.close_watchers: list[Callable[[Process], None]] = []
        """The same, for processes that are watched closely alone."""
        self.listeners: list[Callable[[Process, Received], None]] = []
        """Called after each message that came."""
        self.undertakers: list[Callable[[Process], None]] = []
        """Called with a process that has ended of its own accord."""
        self.keep: Callable[[Keep, Micros], None] = forget
        """Takes the rows that a tracker wants kept."""
        self.fed = 0
        """Events that happened to anybody."""

    def start(self, process: Process) -> None:
        """Let a process begin."""
        process.joined_at = self.scheduler.now
        self.network.enter(process)
        self._arm(process, self.scheduler.now)

    def kill(self, process: Process) -> None:
        """Let a process end, whether it said farewell or not."""
        process.died_at = self.scheduler.now
        self.network.kill(process)

    def feed(self, host: Host, event: Event) -> None:
        """Let something happen to a process, and do what its machine wants done."""
        assert isinstance(host, Process)
        if not host.is_alive:
            return
        if host.is_frozen:
            host.inbox.append(event)
            return
        now = self.scheduler.now
        self.fed += 1
        if self.trace is not None:
            self.trace.note(host.index, event, now)
        if isinstance(event, ChunkReceived):
            host.ear.hear(event, now)
        elif isinstance(event, RefillReceived):
            for part in event.parts:
                host.ear.hear(part, now)
        clock = host.clock
        effects = host.machine.handle(event, now if clock is None else clock.shows(now))
        for witness in self.witnesses:
            witness(host, event, effects)
        for effect in effects:
            # Nine in ten are one of these two.
            if isinstance(effect, SendChunk):
                self.network.send_chunk(host, effect.to, effect.hop, effect.chunk)
            elif isinstance(effect, Play):
                host.ear.play(effect.chunk)
            else:
                self._carry_out(host, effect, now)
        self._arm(host, now)
        self._show(host, event)
        if host.died_at is not None:
            for bury in self.undertakers:
                bury(host)

    def _show(self, host: Process, event: Event) -> None:
        """Show whoever watches what has happened; those who sum up first, for a checker may object."""
        if isinstance(event, Received):
            for listen in self.listeners:
                listen(host, event)
        if host.is_watched:
            for watch in self.close_watchers:
                watch(host)
        for watch in self.watchers:
            watch(host)

    def _carry_out(self, host: Process, effect: object, now: Micros) -> None:
        """Do one thing that a machine wants done, but for chunks that are sent or played."""
        network = self.network
        match effect:
            case SendDatagram(to, message):
                network.send_datagram(host, to, Received(host.key, message))
            case Send(to, message):
                network.send(host, to, Received(host.key, message))
            case Refill(to, chunks):
                rtt_us = network.rtt_us(host, to)
                parts = (ChunkReceived(host.key, hop, chunk, rtt_us, is_refill=True) for hop, chunk in chunks)
                network.send(host, to, RefillReceived(host.key, tuple(parts)), len(chunks))
            case Conceal(sequence):
                host.ear.conceal(sequence, now)
            case Dial(peer, addresses):
                network.dial(host, peer, addresses)
            case HangUp(peer, detail):
                network.hang_up(host, peer, detail)
            case Probe(peer):
                network.ping(host, peer)
            case Ended():
                host.has_ended = True
            case Bridge():
                pass
            case Departed():
                self.kill(host)
            case Failed(reason):
                host.failure = reason
            case Keep():
                self.keep(effect, now)
            case _:
                raise AssertionError(f"{host} wants {effect}, and nobody knows how")

    def _arm(self, process: Process, now: Micros) -> None:
        """See to it that the machine is called when its deadline comes."""
        deadline = process.machine.deadline()
        if deadline is None:
            process.wakes_at = NEVER
            return
        if process.clock is not None:
            deadline = process.clock.comes_at(deadline)
        process.wakes_at = max(deadline, now)
        if process.wakes_at < process.armed_at:
            self._call_at(process, process.wakes_at)

    def _call_at(self, process: Process, when: Micros) -> None:
        """Have the scheduler call for the sake of a process."""
        process.armed_at = when
        self.scheduler.at(when, self._wake, process, when)

    def _wake(self, process: Process, armed_at: Micros) -> None:
        """Call a machine whose deadline has come; look again later if it has moved."""
        if process.armed_at != armed_at:
            return
        process.armed_at = NEVER
        if not process.is_alive or process.is_frozen or process.wakes_at == NEVER:
            return
        now = self.scheduler.now
        if process.wakes_at > now:
            self._call_at(process, process.wakes_at)
            return
        process.ticks = process.ticks + 1 if process.ticked_at == now else 1
        process.ticked_at = now
        assert process.ticks <= TICKS_MAX, f"{process} asks for a tick again and again at {now} us"
        self.feed(process, TICK)
