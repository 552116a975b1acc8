"""A line: one connection between two peers, from the first packet to the farewell.

The dialler pins the acceptor's key when the handshake is complete, writes its own proof and is up. The acceptor is up
once it has checked that proof; what was sent along behind it and overtook it (blobs) waits, and datagrams are dropped.
After that a line carries frames, datagrams and blobs, watches for silence, pings when nothing else asks for an
acknowledgement, and leaves only when its last words have been acknowledged or `FAREWELL_S_MAX` has passed.

A line never decides what its end means for the link between the two peers; it reports to its exchange.
"""

import enum
import math
from typing import Final, Protocol

import trio
from aioquic.quic import events
from aioquic.quic.connection import stream_is_unidirectional

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.protocol.units import Address, PeerId, short
from meshcast.transport import limits
from meshcast.transport.blobs import Incoming, Outgoing
from meshcast.transport.channel import Channel, ChannelState
from meshcast.transport.endings import Blame, Ending
from meshcast.transport.endpoint import Endpoint
from meshcast.transport.framing import (
    CONTROL_STREAM,
    PREAMBLE_BYTES,
    FrameReader,
    framed,
    preamble,
    proven_peer,
)
from meshcast.transport.reasons import FAREWELLS, DownReason


class LineState(enum.Enum):
    """How far a line has come."""

    DIALLING = enum.auto()
    PROVING = enum.auto()
    UP = enum.auto()
    LEAVING = enum.auto()
    DOWN = enum.auto()


class LineStep(enum.Enum):
    """What happens to a line."""

    PROVED = enum.auto()
    LEAVE = enum.auto()
    FALL = enum.auto()


TRANSITIONS: Final = {
    (LineState.DIALLING, LineStep.PROVED): LineState.UP,
    (LineState.PROVING, LineStep.PROVED): LineState.UP,
    (LineState.UP, LineStep.LEAVE): LineState.LEAVING,
    (LineState.DIALLING, LineStep.FALL): LineState.DOWN,
    (LineState.PROVING, LineStep.FALL): LineState.DOWN,
    (LineState.UP, LineStep.FALL): LineState.DOWN,
    (LineState.LEAVING, LineStep.FALL): LineState.DOWN,
}


class Exchange(Protocol):
    """Whom a line reports to."""

    def wants(self, line: "Line") -> bool:
        """Say whether a line that has just reached its peer is still needed."""

    def line_up(self, line: "Line") -> None:
        """Learn that both keys are proved."""

    def line_down(self, line: "Line", reason: DownReason, detail: str) -> None:
        """Learn that a line that was not told to fall has fallen."""

    def line_progressed(self, line: "Line") -> None:
        """Learn that a line that crossed another may have delivered all."""

    def frame_arrived(self, peer: PeerId, data: bytes) -> None:
        """Take a frame."""

    def datagram_arrived(self, peer: PeerId, data: bytes) -> None:
        """Take a datagram."""

    def blob_arrived(self, peer: PeerId, data: bytes) -> None:
        """Take a blob."""


class Line:
    """One connection as the links see it; the owner of a channel."""

    def __init__(
        self,
        exchange: Exchange,
        endpoint: Endpoint,
        channel: Channel,
        identity: Identity,
        expected: PeerId | None,
        address: Address | None,
    ) -> None:
        """Own `channel`; `expected` and `address` are the key and the place dialled, None for a line accepted."""
        self._exchange = exchange
        self._endpoint = endpoint
        self._identity = identity
        self._address = address
        self._reader = FrameReader()
        self._incoming = Incoming()
        self._outgoing = Outgoing()
        self._give_up_at = trio.current_time() + limits.DIAL_S_MAX
        self._pinged_at = 0.0
        self._detail = ""
        self.channel = channel
        self.peer = expected
        self.state = LineState.PROVING if expected is None else LineState.DIALLING
        self.is_crossed = False
        """Another line to the same peer is up; one of the two has to go."""
        self.is_finished = False
        """Nothing more will be sent from here."""
        self.is_peer_finished = False
        """Nothing more will come."""

    # What it is asked

    @property
    def dialled(self) -> bool:
        """Tell whether this side dialled."""
        return self.channel.dialled

    @property
    def address(self) -> Address | None:
        """Tell where the other side is now; it may move."""
        if self.channel.state is not ChannelState.GONE:
            self._address = self.channel.quic.get_peer_address() or self._address
        return self._address

    @property
    def rtt_s(self) -> float:
        """Tell the smoothed round trip in seconds."""
        return 0.0 if self.channel.state is ChannelState.GONE else self.channel.quic.rtt_s

    def is_delivered(self) -> bool:
        """Tell whether all that was sent reliably has been acknowledged."""
        quic = self.channel.quic
        return self._outgoing.forget(quic.is_delivered) and quic.is_delivered(CONTROL_STREAM)

    # What it is told to do

    def send(self, frame: bytes) -> bool:
        """Send one frame; False when the backlog is full or the other side has stopped the stream."""
        quic = self.channel.quic
        data = framed(frame)
        if quic.unacknowledged(CONTROL_STREAM) + len(data) > limits.BACKLOG_BYTES_MAX:
            return False
        if not quic.can_write(CONTROL_STREAM):
            return False
        quic.send_stream_data(CONTROL_STREAM, data)
        self.channel.counters.frames_sent += 1
        self._endpoint.touch(self.channel)
        return True

    def send_datagram(self, data: bytes, frame: bytes, now: float) -> bool:
        """Send one datagram, of which `frame` is the QUIC frame, now or never."""
        channel, size = self.channel, len(data)
        if size <= limits.DATAGRAM_BYTES_MAX and (
            self._endpoint.send_at_once(channel, frame, size, now) or self._queue(data, now)
        ):
            channel.counters.datagrams_sent += 1
            channel.counters.datagram_bytes_sent += size
            return True
        channel.counters.datagrams_dropped += 1
        return False

    def _queue(self, data: bytes, now: float) -> bool:
        """Leave a datagram to the next flush; False when there is no room for it."""
        channel = self.channel
        if channel.state is ChannelState.GONE:
            # A fault of the library, just now, has cost the connection.
            return False
        channel.counters.datagrams_dropped += channel.quic.shed_stale_datagrams(now)
        if not channel.quic.has_room_for(len(data)):
            return False
        channel.quic.queue_datagram(data, now)
        self._endpoint.touch(channel)
        return True

    def send_blob(self, data: bytes) -> bool:
        """Send one blob; False when too much is on its way already."""
        quic = self.channel.quic
        self._outgoing.forget(quic.is_delivered)
        if not self._outgoing.has_room_for(len(data)):
            self.channel.counters.blobs_refused += 1
            return False
        stream_id = quic.get_next_available_stream_id(is_unidirectional=True)
        quic.send_stream_data(stream_id, data, end_stream=True)
        self._outgoing.add(stream_id, len(data))
        self.channel.counters.blobs_sent += 1
        self._endpoint.touch(self.channel)
        return True

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._pinged_at = trio.current_time()
        self.channel.quic.ping()
        self._endpoint.touch(self.channel)

    def update_keys(self) -> None:
        """Go on under new keys."""
        self.channel.quic.update_keys()

    @property
    def has_new_keys(self) -> bool:
        """Tell whether the keys are not those of the handshake."""
        return self.channel.quic.has_new_keys

    def finish(self) -> None:
        """End the control stream: whatever comes next goes over another line."""
        if self.is_finished:
            return
        self.is_finished = True
        if self.channel.quic.can_write(CONTROL_STREAM):
            self.channel.quic.send_stream_data(CONTROL_STREAM, b"", end_stream=True)
            self._endpoint.touch(self.channel)

    def must_settle_by(self, at: float) -> None:
        """Fall at `at` unless told to before."""
        self._give_up_at = at

    def leave(self, detail: str) -> None:
        """Say farewell as soon as all is acknowledged; nothing more is reported."""
        self._take(LineStep.LEAVE)
        self._detail = detail
        self._give_up_at = trio.current_time() + limits.FAREWELL_S_MAX
        self._leave_if_delivered()
        self._endpoint.touch(self.channel)

    def fall(self, reason: DownReason, detail: str) -> None:
        """Say farewell at once; nothing more is reported."""
        if self.state is not LineState.DOWN:
            self._take(LineStep.FALL)
            self._endpoint.close(self.channel, FAREWELLS[reason], detail)

    # What the endpoint tells it

    def established(self) -> None:
        """Pin the key of whom was dialled, and prove one's own."""
        if self.state is not LineState.DIALLING or self.peer is None:
            return
        quic = self.channel.quic
        try:
            key = quic.peer_key()
        except RemoteProtocolError as error:
            self._fail(DownReason.WRONG_KEY, str(error))
            return
        if key != self.peer:
            self._fail(DownReason.WRONG_KEY, f"{short(key)} answered instead of {short(self.peer)}")
            return
        if not self._exchange.wants(self):
            self.fall(DownReason.UNREACHABLE, "another connection was faster")
            return
        quic.send_stream_data(CONTROL_STREAM, preamble(self._identity, self.peer, quic.exported))
        self._endpoint.touch(self.channel)
        self._rise()

    def heard(self, data: bytes) -> None:
        """Hand on a datagram."""
        if self.state is LineState.UP:
            self.channel.counters.datagrams_received += 1
            self._exchange.datagram_arrived(self._known_peer(), data)

    def received(self, event: events.QuicEvent) -> None:
        """Take what came; a RemoteProtocolError closes this line and touches nothing else."""
        if self.state in (LineState.LEAVING, LineState.DOWN):
            return
        try:
            self._take_event(event)
        except RemoteProtocolError as error:
            self._fail(DownReason.PROTOCOL, str(error))

    def progressed(self) -> None:
        """Look whether what was waited for has been acknowledged."""
        if self.state is LineState.LEAVING:
            self._leave_if_delivered()
        elif self.is_crossed and self.state is LineState.UP:
            self._exchange.line_progressed(self)

    def ended(self, ending: Ending) -> None:
        """Report why the connection is over."""
        match ending.blame:
            case Blame.PEER:
                self._report(DownReason.CLOSED, ending.reason)
            case Blame.FAULT:
                self._report(DownReason.PROTOCOL, ending.reason)
            case Blame.OURS:
                self._report(DownReason.HUNG_UP, ending.reason)
            case Blame.SILENCE:
                was_up = self.state is LineState.UP
                self._report(DownReason.SILENT if was_up else DownReason.UNREACHABLE, ending.reason)

    def deadline(self) -> float:
        """Say when something is to be done although nothing happens."""
        if self.state is LineState.DOWN:
            return math.inf
        if self.state is not LineState.UP:
            return self._give_up_at
        quic = self.channel.quic
        since = quic.owed_since
        if since is None:
            # Who hears speech acknowledges it, which keeps the way open, and notices by itself when it ends.
            ping_at = max(quic.last_sent, quic.heard_at, self._pinged_at) + limits.PING_S
            return min(ping_at, self._give_up_at)
        ask_at = max(since + limits.ACK_OLDEST_S, self._pinged_at) + limits.ASK_AGAIN_S
        return min(ask_at, since + limits.SILENCE_S_MAX, self._give_up_at)

    def expired(self, now: float) -> None:
        """Give up, or ask for a sign of life."""
        match self.state:
            case LineState.DIALLING:
                self._fail(DownReason.UNREACHABLE, f"no answer within {limits.DIAL_S_MAX:g} s")
            case LineState.PROVING:
                # A stranger that never finished; it is owed no word, and a word could be aimed at somebody else.
                self._endpoint.drop(self.channel)
                self._report(DownReason.UNREACHABLE, "a stranger did not finish the handshake")
            case LineState.LEAVING:
                self.fall(DownReason.HUNG_UP, self._detail)
            case LineState.UP:
                self._watch(now)
            case LineState.DOWN:
                pass

    # How it does it

    def _watch(self, now: float) -> None:
        since = self.channel.quic.owed_since
        if since is not None and now >= since + limits.SILENCE_S_MAX:
            self._fail(DownReason.SILENT, f"nothing acknowledged for {limits.SILENCE_S_MAX:g} s")
        elif now >= self._give_up_at:
            self._fail(
                DownReason.PROTOCOL, f"two connections did not become one within {limits.SETTLE_S_MAX:g} s"
            )
        else:
            self.ping()

    def _rise(self) -> None:
        self._give_up_at = math.inf
        self._take(LineStep.PROVED)
        self._exchange.line_up(self)

    def _take_event(self, event: events.QuicEvent) -> None:
        match event:
            case events.DatagramFrameReceived(data):
                self.heard(data)
            case events.StreamDataReceived(data, end_stream, stream_id):
                if stream_is_unidirectional(stream_id):
                    self._incoming.feed(stream_id, data, end=end_stream)
                    self._hand_on_blobs()
                else:
                    self._take_control(data, end=end_stream)
            case events.StreamReset() | events.StopSendingReceived():
                raise RemoteProtocolError("a stream was cut off")
            case _:
                pass

    def _take_control(self, data: bytes, *, end: bool) -> None:
        self._reader.feed(data)
        if self.state is LineState.PROVING:
            proof = self._reader.take(PREAMBLE_BYTES)
            if proof is not None:
                self._check(proof)
        while self.state is LineState.UP and (frame := self._reader.next_frame()) is not None:
            self.channel.counters.frames_received += 1
            self._exchange.frame_arrived(self._known_peer(), frame)
        if end:
            if self.state is LineState.PROVING:
                raise RemoteProtocolError("the control stream ended before the proof")
            self._take_end()

    def _check(self, proof: bytes) -> None:
        self.peer = proven_peer(proof, self._identity.peer_id, self.channel.quic.exported)
        self._rise()
        self._hand_on_blobs()

    def _take_end(self) -> None:
        self.is_peer_finished = True
        if self.state is not LineState.UP:
            return
        if self._give_up_at == math.inf:
            # The other line may still be on its way to us; without it nothing more could ever come.
            self._give_up_at = trio.current_time() + limits.SETTLE_S_MAX
        self._exchange.line_progressed(self)

    def _hand_on_blobs(self) -> None:
        if self.state is not LineState.UP:
            return
        for blob in self._incoming.take():
            if self.state is LineState.UP:
                self.channel.counters.blobs_received += 1
                self._exchange.blob_arrived(self._known_peer(), blob)

    def _leave_if_delivered(self) -> None:
        if self.is_delivered():
            self.fall(DownReason.HUNG_UP, self._detail)

    def _known_peer(self) -> PeerId:
        assert self.peer is not None, "a line that is up has proved its peer"
        return self.peer

    def _fail(self, reason: DownReason, detail: str) -> None:
        self._endpoint.close(self.channel, FAREWELLS[reason], detail)
        self._report(reason, detail)

    def _report(self, reason: DownReason, detail: str) -> None:
        was = self.state
        if was is LineState.DOWN:
            return
        self._take(LineStep.FALL)
        if was is not LineState.LEAVING:
            self._exchange.line_down(self, reason, detail)

    def _take(self, step: LineStep) -> None:
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            raise LocalProtocolError(f"a line that is {self.state.name} cannot {step.name}")
        self.state = following
