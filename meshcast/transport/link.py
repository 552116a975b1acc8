"""A link: all that connects this peer with one other, whoever dialled.

When both ends dial at the same time two lines come up. Frames must stay in order and none may be lost, so the surplus
line is retired and not cut: both ends prefer the line that the lower key dialled; each end goes on sending where it
began until all of that has been acknowledged, then ends that stream and sends on the preferred line; a line that both
ends have ended is closed. If a line on which something might still have been under way dies before that, the link is
down: what was lost with it nobody could tell.
"""

import math

from meshcast.protocol.units import Address, PeerId
from meshcast.transport.limits import SETTLE_S_MAX
from meshcast.transport.line import Line
from meshcast.transport.reasons import DownReason


class Link:
    """The lines between this peer and one other; at least one."""

    __slots__ = ("_lines", "_own", "_peer", "_sending", "lane", "up_since")

    def __init__(self, own: PeerId, peer: PeerId, line: Line, now: float) -> None:
        self._own = own
        self._peer = peer
        self._lines = [line]
        self._send_on(line)
        self.up_since = now

    @property
    def sending(self) -> Line:
        """Tell which line to send on."""
        return self._sending

    @property
    def lines(self) -> list[Line]:
        """List the lines that are up."""
        return list(self._lines)

    @property
    def address(self) -> Address | None:
        """Tell where the other side is."""
        return self._sending.address

    def is_replaced_by(self, line: Line, now: float) -> bool:
        """Tell whether a new line means that the other side has begun anew.

        Whoever has a link dials no second time. So a second line from the same dialler, or one long after this link
        came up, is from a process that knows nothing of the first.
        """
        return now - self.up_since > SETTLE_S_MAX or any(
            other.dialled == line.dialled for other in self._lines
        )

    def cross(self, line: Line, now: float) -> None:
        """Add the line that crossed the first one on its way."""
        self._lines.append(line)
        for other in self._lines:
            other.is_crossed = True
            other.must_settle_by(now + SETTLE_S_MAX)
        self.settle()

    def settle(self) -> None:
        """Come closer to a single line, as far as acknowledgements allow."""
        preferred = min(self._lines, key=self._dialler)
        if self._sending is not preferred and self._sending.is_delivered():
            self._send_on(preferred)
        for line in self.lines:
            if line is preferred or line is self._sending:
                continue
            line.finish()
            if line.is_finished and line.is_peer_finished and line.is_delivered():
                line.fall(DownReason.CLOSED, "one connection is enough")
                self._remove(line)

    def survives(self, fallen: Line) -> bool:
        """Take out a line that has fallen; tell False when the link falls with it."""
        if fallen is self._sending or not fallen.is_peer_finished:
            return False
        self._remove(fallen)
        return True

    def _send_on(self, line: Line) -> None:
        self._sending = line
        self.lane = line.channel.quic.lane
        """Where the next datagram can go: at hand, because each chunk asks for each child."""

    def _remove(self, line: Line) -> None:
        self._lines.remove(line)
        for last in self._lines:
            last.is_crossed = False
            last.must_settle_by(math.inf)

    def _dialler(self, line: Line) -> PeerId:
        return self._own if line.dialled else self._peer
