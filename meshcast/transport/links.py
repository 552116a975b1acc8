"""Links: authenticated, addressed by key, the only thing of the transport that the rest of the program uses.

Everything here is synchronous but `run`: a call takes effect in the next flush of the one task, and events are told
synchronously from that task, in order of arrival. A callback may call anything here, about any peer: what follows from
such a call is told after the callback has returned, never inside it.

What is told, and what the program may count on, stands in `link_events`. After `hang_up` nothing more of that peer is told
but its `LinkDown`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Identity
from meshcast.protocol.units import SECOND, Address, Micros, PeerId
from meshcast.transport import limits
from meshcast.transport.channel import Channel
from meshcast.transport.counters import Counters
from meshcast.transport.datagram import DatagramSocket, check_address
from meshcast.transport.endpoint import Endpoint
from meshcast.transport.fast_frames import asking, datagram_frame
from meshcast.transport.line import Line
from meshcast.transport.link import Link
from meshcast.transport.link_events import (
    BlobReceived,
    DatagramReceived,
    FrameReceived,
    LinkDown,
    LinkEvent,
    LinkUp,
    Telling,
)
from meshcast.transport.reasons import DownReason, FarewellCode
from meshcast.transport.roll_call import RollCall


class Links:
    """All links of this peer, over one socket."""

    def __init__(
        self, identity: Identity, socket: DatagramSocket, on_event: Callable[[LinkEvent], None]
    ) -> None:
        """Serve `socket`, which is closed when `run` ends; `on_event` is told everything."""
        self._identity = identity
        self._socket = socket
        self._telling = Telling(on_event)
        self._endpoint = Endpoint(identity, socket, self._accept, self._telling.tell_all)
        self._links: dict[PeerId, Link] = {}
        self._dials: dict[PeerId, dict[Address, Line]] = {}
        self._strangers: dict[Line, None] = {}
        self._roll_call = RollCall()
        self._is_leaving = False
        self.overloads = 0
        """Links given up because too much was waiting to be acknowledged."""
        self.strangers_refused = 0
        """Connections from strangers that did not prove a key."""

    @property
    def own_address(self) -> Address:
        """Name the address of the socket."""
        return self._socket.address

    @property
    def peers(self) -> list[PeerId]:
        """List the peers whose links are up."""
        return list(self._links)

    @property
    def strays(self) -> int:
        """Count the datagrams that belonged to nobody."""
        return self._endpoint.strays

    def is_up(self, peer: PeerId) -> bool:
        """Tell whether there is a link to `peer`."""
        return peer in self._links

    def address(self, peer: PeerId) -> Address | None:
        """Tell where `peer` is now, or None without a link."""
        link = self._links.get(peer)
        return None if link is None else link.address

    def rtt_us(self, peer: PeerId) -> Micros:
        """Tell the smoothed round trip to `peer`; 0 without a link."""
        link = self._links.get(peer)
        return 0 if link is None else round(link.sending.rtt_s * SECOND)

    @property
    def connections(self) -> int:
        """Count the connections that are not forgotten yet, those that are closing included."""
        return self._endpoint.connections

    def update_keys(self) -> None:
        """Let all links go on under new keys now, as the one that dialled does by itself once a day."""
        for link in self._links.values():
            link.sending.update_keys()

    @property
    def key_updates(self) -> int:
        """Count the links that are up and have changed their keys."""
        return sum(link.sending.has_new_keys for link in self._links.values())

    def counters(self, peer: PeerId) -> Counters:
        """Tell what went over the link to `peer`; all zero without a link."""
        sums = Counters()
        link = self._links.get(peer)
        for line in link.lines if link is not None else ():
            sums.add(line.channel.counted())
        return sums

    def totals(self) -> Counters:
        """Tell what went over all links that ever were."""
        return self._endpoint.totals()

    @property
    def wire_bytes_sent(self) -> int:
        """Tell the bytes that were sent over all links that ever were; cheaper than `totals`, for those who ask often."""
        return self._endpoint.wire_bytes_sent

    def dial(self, peer: PeerId, address: Address) -> None:
        """Try to reach `peer` at a literal IP address; harmless when there is a link or a dial to it already.

        Several addresses may be tried at a time: the first that answers with the right key wins, and only when the last
        has failed is `LinkDown` told.
        """
        if self._is_leaving or peer in self._links:
            return
        dials = self._dials.get(peer, {})
        if address in dials or len(dials) >= limits.DIALS_MAX:
            return
        if (refusal := self._refusal(peer, address)) is not None:
            if not dials:
                self._tell_later(LinkDown(peer, DownReason.UNREACHABLE, refusal, address))
            return
        channel = self._endpoint.dial(address)
        line = Line(self, self._endpoint, channel, self._identity, peer, address)
        channel.owner = line
        self._dials.setdefault(peer, {})[address] = line

    def send(self, peer: PeerId, frame: bytes) -> bool:
        """Send one frame, reliably and in order; False without a link.

        A link whose backlog is full is given up: `LinkDown` (SILENT) follows.
        """
        link = self._links.get(peer)
        if link is None:
            return False
        if link.sending.send(frame):
            return True
        self.overloads += 1
        self._end(link, peer, DownReason.SILENT, f"{limits.BACKLOG_BYTES_MAX} bytes unacknowledged")
        return False

    def send_datagram(self, peer: PeerId, data: bytes) -> bool:
        """Send one datagram now; False, and counted, when it is too long or the link has no room for it."""
        return self.send_datagram_to_all((peer,), data) == 0

    def send_datagram_to_all(self, peers: Sequence[PeerId], data: bytes) -> int:
        """Send the same datagram to each of these now; tell how many links had no room for it or were not there."""
        frame, size, now, refused = datagram_frame(data), len(data), trio.current_time(), 0
        gather_s = self._roll_call.gather_s(len(peers), self._endpoint.turns.gathered, now)
        if gather_s > 0.0:
            frame = asking(frame)
            self._endpoint.turns.rest(now + gather_s)
        for peer in peers:
            link = self._links.get(peer)
            if link is None:
                refused += 1
            elif size > limits.DATAGRAM_BYTES_MAX or (packet := link.lane.seal(frame, size, now)) is None:
                refused += not link.sending.send_datagram(data, frame, now)
            elif not self._socket.send(packet, link.lane.address):
                link.lane.blocked(packet)
        return refused

    def send_blob(self, peer: PeerId, data: bytes) -> bool:
        """Send one blob, reliably; False, and counted, when too much is on its way already."""
        link = self._links.get(peer)
        return link is not None and link.sending.send_blob(data)

    def ping(self, peer: PeerId) -> None:
        """Ask `peer` for a sign of life now: it also tells the peer our new address, if a NAT has moved us."""
        link = self._links.get(peer)
        if link is not None:
            link.sending.ping()

    def hang_up(self, peer: PeerId, detail: str = "") -> None:
        """End the link to `peer`, or the dials to it; `LinkDown` (HUNG_UP) is told at once.

        What was sent before goes on its way: the farewell waits up to `FAREWELL_S_MAX` for its acknowledgement.
        """
        address = self.address(peer)
        dials = self._dials.pop(peer, {})
        link = self._links.pop(peer, None)
        for line in dials.values():
            line.fall(DownReason.HUNG_UP, detail)
        for line in link.lines if link is not None else ():
            line.leave(detail)
        if dials or link is not None:
            self._tell_later(LinkDown(peer, DownReason.HUNG_UP, detail, address))

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then say farewell to all, within `FAREWELL_S_MAX`, and close the socket."""
        try:
            task_status.started()
            await self._endpoint.run()
        finally:
            with trio.move_on_after(limits.FAREWELL_S_MAX, shield=True):
                await self._leave()
            self._endpoint.hang_up_on_all(FarewellCode.GOODBYE, "leaving")
            self._socket.close()

    async def _leave(self) -> None:
        self._is_leaving = True
        self._telling.end()
        for line in [line for dials in self._dials.values() for line in dials.values()]:
            line.fall(DownReason.HUNG_UP, "leaving")
        for line in list(self._strangers):
            line.fall(DownReason.HUNG_UP, "leaving")
        for link in self._links.values():
            for line in link.lines:
                line.leave("leaving")
        self._links.clear()
        self._dials.clear()
        self._strangers.clear()
        await self._endpoint.finish()

    # What lines report

    def wants(self, line: Line) -> bool:
        """Say whether a line that has just reached its peer is still needed."""
        return line.peer not in self._links

    def line_up(self, line: Line) -> None:
        """Make the line a link, or part of one."""
        peer = line.peer
        assert peer is not None, "a line that is up has proved its peer"
        self._strangers.pop(line, None)
        for dialled in self._dials.pop(peer, {}).values():
            if dialled is not line:
                dialled.fall(DownReason.UNREACHABLE, "another connection was faster")
        now = trio.current_time()
        link = self._links.get(peer)
        if link is not None and link.is_replaced_by(line, now):
            self._end(link, peer, DownReason.CLOSED, "the other side began anew")
            link = None
        if link is not None:
            link.cross(line, now)
            return
        self._links[peer] = Link(self._identity.peer_id, peer, line, now)
        assert line.address is not None, "a line that is up came from somewhere"
        self._telling.tell(LinkUp(peer, line.address, line.dialled))

    def line_down(self, line: Line, reason: DownReason, detail: str) -> None:
        """Find out what falls with a line."""
        if line in self._strangers:
            del self._strangers[line]
            self.strangers_refused += 1
            return
        peer = line.peer
        assert peer is not None, "only strangers have no name"
        link = self._links.get(peer)
        if link is not None and line in link.lines:
            if not link.survives(line):
                self._end(link, peer, reason, detail)
                self._telling.tell_all()
            return
        address, dials = line.address, self._dials.get(peer, {})
        for tried in [tried for tried, dialled in dials.items() if dialled is line]:
            del dials[tried]
        if not dials:
            self._dials.pop(peer, None)
            self._telling.tell(LinkDown(peer, reason, detail, address))

    def line_progressed(self, line: Line) -> None:
        """Come closer to a single line."""
        link = self._links.get(line.peer) if line.peer is not None else None
        if link is not None:
            link.settle()

    def frame_arrived(self, peer: PeerId, data: bytes) -> None:
        """Tell of a frame."""
        self._telling.tell(FrameReceived(peer, data))

    def datagram_arrived(self, peer: PeerId, data: bytes) -> None:
        """Tell of a datagram."""
        self._telling.tell(DatagramReceived(peer, data))

    def blob_arrived(self, peer: PeerId, data: bytes) -> None:
        """Tell of a blob."""
        self._telling.tell(BlobReceived(peer, data))

    # How it does it

    def _accept(self, channel: Channel) -> Line:
        line = Line(self, self._endpoint, channel, self._identity, None, None)
        self._strangers[line] = None
        return line

    def _refusal(self, peer: PeerId, address: Address) -> str | None:
        if peer == self._identity.peer_id:
            return "that is this peer itself"
        try:
            check_address(*address)
        except BadInputError as error:
            return str(error)
        return "port 0 is nobody's" if address[1] == 0 else None

    def _end(self, link: Link, peer: PeerId, reason: DownReason, detail: str) -> None:
        address = link.address
        del self._links[peer]
        for line in link.lines:
            line.fall(reason, detail)
        self._tell_later(LinkDown(peer, reason, detail, address))

    def _tell_later(self, event: LinkEvent) -> None:
        self._telling.keep(event)
        self._endpoint.turns.kick()


@asynccontextmanager
async def open_links(
    identity: Identity, socket: DatagramSocket, on_event: Callable[[LinkEvent], None]
) -> AsyncIterator[Links]:
    """Run links while the block runs; on leaving it say farewell to all."""
    links = Links(identity, socket, on_event)
    async with trio.open_nursery() as nursery:
        await nursery.start(links.run)
        try:
            yield links
        finally:
            nursery.cancel_scope.cancel()
