"""The endpoint: one socket, all connections of both roles, one task.

The task waits until the socket is readable or the earliest timer is due. Then it reads at most a batch, hands each
datagram to the connection it names, and at once hands on what came out of it; serves the timers; and flushes each
connection that has something to send exactly once. A packet that calls for nothing but a late acknowledgement causes no
flush. Nothing blocks and nothing queues: what the socket will not take is lost, as on any network.

A timer that was just served is never served again within `TIMER_STEP_S`, so time goes on, virtual or real.

Whatever arrives may cost a connection, and nothing else. Time is `trio.current_time()` everywhere.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar, TypeVarTuple, Unpack

import trio
from aioquic.quic import events

from meshcast.protocol.identity import Identity
from meshcast.protocol.units import Address
from meshcast.transport import limits
from meshcast.transport.acceptor import Acceptor
from meshcast.transport.channel import Channel, ChannelState, ChannelStep, Owner
from meshcast.transport.channels import Channels
from meshcast.transport.configuration import dialling
from meshcast.transport.counters import Counters
from meshcast.transport.datagram import DatagramSocket
from meshcast.transport.endings import FAULTS, Blame, Ending
from meshcast.transport.fast_connection import FastConnection
from meshcast.transport.turns import Turns

Answered = TypeVar("Answered")
Arguments = TypeVarTuple("Arguments")


class Endpoint:
    """All connections of one socket."""

    def __init__(
        self,
        identity: Identity,
        socket: DatagramSocket,
        accept: Callable[[Channel], Owner],
        after: Callable[[], None],
    ) -> None:
        """Serve `socket`; `accept` finds the owner of a new channel, `after` runs in each turn before the flush."""
        self._socket = socket
        self._after = after
        self._dialling = dialling()
        self._channels = Channels()
        self._acceptor = Acceptor(identity, socket, self._channels, accept)
        self._dirty: list[Channel] = []
        self.turns = Turns(socket, self._turn, partial(self._deadline, is_patient=True))
        """When the task wakes."""
        self.strays = 0
        """Datagrams that belonged to no connection and opened none."""
        self.woken = 0
        """How often the task woke."""

    @property
    def in_progress(self) -> int:
        """Count the strangers whose handshake is under way."""
        return self._acceptor.in_progress

    @property
    def connections(self) -> int:
        """Count the connections, those that are closing included."""
        return len(self._channels)

    def totals(self) -> Counters:
        """Add up what went through all connections that ever were."""
        return self._channels.totals()

    @property
    def wire_bytes_sent(self) -> int:
        """Add up the bytes that went out over all connections that ever were."""
        return self._channels.wire_bytes_sent

    # What owners do

    def dial(self, address: Address) -> Channel:
        """Open a connection to an address; the caller sets the owner before it lets go of the task."""
        channel = Channel(FastConnection(configuration=self._dialling), dialled=True)
        self._channels.add(channel, channel.quic.host_cid)
        channel.quic.connect(address, now=trio.current_time())
        self.touch(channel)
        return channel

    def touch(self, channel: Channel) -> None:
        """Flush the channel in this turn, or wake the task for it; may be called from anywhere."""
        if not channel.is_dirty:
            channel.is_dirty = True
            self._dirty.append(channel)
            self.turns.kick()

    def send_at_once(self, channel: Channel, frame: bytes, size: int, now: float) -> bool:
        """Send a datagram of `size` bytes without waiting for the flush; False when it may not go, or not so.

        `frame` is its QUIC frame. A chunk for sixteen children is the same short cut sixteen times; nobody else has to
        look at the channel.
        """
        built = self._ask(channel, channel.quic.send_at_once, frame, size, now)
        if built is None:
            return False
        data, address = built
        if self._socket.send(data, address):
            channel.counters.wire_bytes_sent += len(data)
        else:
            channel.counters.wire_blocked += 1
        self.turns.wake_for(channel, channel.quic.soonest(now))
        return True

    def close(self, channel: Channel, code: int, reason: str) -> None:
        """Say farewell now; what was sent and not yet acknowledged may be lost. The owner hears nothing more."""
        if not channel.is_live:
            return
        said = reason.encode()[: limits.REASON_BYTES_MAX].decode(errors="ignore")
        channel.quic.close(error_code=code, reason_phrase=said)
        self._begin_closing(channel)

    def drop(self, channel: Channel) -> None:
        """Forget a channel without a word."""
        if channel.state is ChannelState.GONE:
            return
        self._channels.forget(channel)
        self._acceptor.settle(channel)
        channel.forget()

    # The task

    async def run(self) -> None:
        """Serve until cancelled."""
        await self.turns.take_while(lambda: True)

    async def finish(self) -> None:
        """Serve until no channel is live; let nobody in any more."""
        self._acceptor.shut()
        await self.turns.take_while(lambda: any(channel.is_live for channel in self._channels))

    def hang_up_on_all(self, code: int, reason: str) -> None:
        """Say farewell to whoever is left, at once."""
        for channel in list(self._channels):
            self.close(channel, code, reason)
        self._flush(trio.current_time())

    def _turn(self) -> int:
        """Do all there is to do; tell how many datagrams had come in."""
        self.woken += 1
        now = trio.current_time()
        arrived = self._socket.receive(limits.RECEIVE_BATCH)
        for data, sender in arrived:
            self._receive(data, sender, now)
        while (due := self.turns.next_due(now)) is not None:
            self._serve(due, now)
        self._after()
        self.turns.is_kicked = False
        self._flush(trio.current_time())
        return len(arrived)

    # Receiving

    def _receive(self, data: bytes, sender: Address, now: float) -> None:
        channel = self._channels.find(data) or self._acceptor.admit(data, sender, now)
        if channel is None:
            self.strays += 1
            return
        channel.counters.wire_bytes_received += len(data)
        if channel.state is ChannelState.OPEN:
            datagrams = self._ask(channel, channel.quic.receive_plain, data, sender, now)
            if datagrams is not None:
                self._go_on(channel, datagrams, now)
                return
        if channel.state is ChannelState.GONE:
            return
        if channel.state is ChannelState.CLOSING:
            self._send(channel, channel.next_farewell())
            return
        self._ask(channel, channel.quic.receive_the_long_way, data, sender, now)
        if channel.state is ChannelState.HANDSHAKING and not channel.dialled and channel.quic.in_first_flight:
            # Not a packet of anybody's: such a connection would hold 63 KiB until its idle timeout.
            owner = channel.owner
            self.drop(channel)
            self.strays += 1
            if owner is not None:
                owner.ended(Ending(Blame.FAULT, "a first packet that nobody can read"))
        self._look_after(channel, now)

    def _go_on(self, channel: Channel, datagrams: list[bytes], now: float) -> None:
        """Hand on what a short cut has brought, and see when to look at the channel next."""
        for data in datagrams:
            if channel.owner is not None:
                channel.owner.heard(data)
        if not channel.is_live:
            return
        at = channel.quic.next_look(now)
        if at <= now:
            self._look_after(channel, now)
            return
        if channel.owner is not None:
            channel.owner.progressed()
        if not channel.is_dirty:
            self.turns.wake_for(channel, at)

    def _look_after(self, channel: Channel, now: float) -> None:
        """Hand on what came out of a packet, and see what is to be done next."""
        self._hand_on(channel)
        if channel.state is ChannelState.OPEN:
            channel.quic.release_handshake()
        if channel.owner is not None:
            channel.owner.progressed()
        if channel.state is not ChannelState.GONE and not channel.is_dirty:
            if self._ask(channel, channel.quic.has_work, now):
                self.touch(channel)
            else:
                self._arm(channel, now)

    def _hand_on(self, channel: Channel) -> None:
        if channel.state is ChannelState.GONE or not channel.quic.has_news:
            return
        self._hand_on_news(channel)

    def _hand_on_news(self, channel: Channel) -> None:
        while channel.state is not ChannelState.GONE and (event := channel.quic.next_event()) is not None:
            self._handle(channel, event)
        if channel.is_live and (ending := channel.quic.ending) is not None:
            self._end(channel, ending)

    def _handle(self, channel: Channel, event: events.QuicEvent) -> None:
        match event:
            case events.DatagramFrameReceived():
                if channel.owner is not None:
                    channel.owner.received(event)
            case events.ConnectionIdIssued(connection_id):
                self._channels.register(channel, connection_id)
            case events.ConnectionIdRetired(connection_id):
                self._channels.retire(channel, connection_id)
            case events.ConnectionTerminated():
                ending = channel.quic.ending
                if channel.is_live and ending is not None:
                    self._end(channel, ending)
                self.drop(channel)
            case events.HandshakeCompleted():
                if channel.state is ChannelState.HANDSHAKING:
                    channel.take(ChannelStep.ESTABLISHED)
                    self._acceptor.settle(channel)
                    if channel.owner is not None:
                        channel.owner.established()
            case _:
                if channel.owner is not None:
                    channel.owner.received(event)

    # Timers

    def _deadline(self, channel: Channel, *, is_patient: bool = False) -> float:
        """Say when something is to be done about a channel although nothing happens; a probe may be a little late."""
        if channel.state is ChannelState.CLOSING:
            return channel.closing_until
        timer = self._ask(channel, channel.quic.get_timer)
        at = math.inf if timer is None else timer
        if is_patient and channel.state is ChannelState.OPEN:
            at = channel.quic.latest(at)
        return at if channel.owner is None else min(at, channel.owner.deadline())

    def _arm(self, channel: Channel, now: float) -> None:
        self.turns.wake_for(channel, max(self._deadline(channel), now + limits.TIMER_STEP_S))

    def _serve(self, channel: Channel, now: float) -> None:
        if channel.state is ChannelState.CLOSING and now >= channel.closing_until:
            self.drop(channel)
            return
        if channel.is_live:
            timer = self._ask(channel, channel.quic.get_timer)
            if timer is not None and timer <= now:
                self._ask(channel, channel.quic.handle_timer, now)
                self._hand_on(channel)
                if channel.is_live:
                    self.touch(channel)
            if channel.owner is not None and channel.owner.deadline() <= now:
                channel.owner.expired(now)
        if channel.state is not ChannelState.GONE and not channel.is_dirty:
            self._arm(channel, now)

    # Sending

    def _flush(self, now: float) -> None:
        while self._dirty:
            batch, self._dirty = self._dirty, []
            for channel in batch:
                channel.is_dirty = False
                if channel.state is not ChannelState.GONE:
                    self._transmit(channel, now)

    def _transmit(self, channel: Channel, now: float) -> None:
        packets = self._ask(channel, channel.quic.datagrams_to_send, now)
        if packets is None:
            return
        self._send(channel, packets)
        if channel.state is ChannelState.CLOSING and packets and not channel.farewell:
            # The library says it once, and packets get lost.
            channel.farewell = packets
            self._send(channel, channel.next_farewell())
        self._hand_on(channel)
        if channel.state is not ChannelState.GONE:
            self._arm(channel, now)

    def _send(self, channel: Channel, packets: list[tuple[bytes, Address]]) -> None:
        for data, address in packets:
            if self._socket.send(data, address):
                channel.counters.wire_bytes_sent += len(data)
            else:
                channel.counters.wire_blocked += 1

    # Ends

    def _end(self, channel: Channel, ending: Ending) -> None:
        owner = channel.owner
        self._begin_closing(channel)
        if owner is not None:
            owner.ended(ending)
        if ending.blame is Blame.PEER:
            self.drop(channel)

    def _begin_closing(self, channel: Channel) -> None:
        channel.close(until=trio.current_time() + limits.LINGER_S)
        self._acceptor.settle(channel)
        self.touch(channel)

    def _ask(
        self,
        channel: Channel,
        question: Callable[[Unpack[Arguments]], Answered],
        *arguments: *Arguments,
    ) -> Answered | None:
        """Ask a connection something; a fault in it costs that connection and yields None."""
        try:
            return question(*arguments)
        except FAULTS as fault:
            self._fail(channel, fault)
            return None

    def _fail(self, channel: Channel, fault: BaseException) -> None:
        ending = Ending(Blame.FAULT, f"{type(fault).__name__}: {fault}")
        owner, channel.owner = channel.owner, None
        self.drop(channel)
        if owner is not None:
            owner.ended(ending)
