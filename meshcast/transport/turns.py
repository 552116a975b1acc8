"""When the one task of an endpoint takes a turn: something to read, a timer that is due, or a kick.

Timers lie in one lazy heap, one for each channel: a deadline that moved to later leaves its old entry, which is set anew when
it is the next to be waited for. One cancel scope holds for many turns, for to open one for each costs as much as a packet;
whoever makes something due sooner while the task waits moves that scope's deadline.

Times are seconds of trio's clock.
"""

import heapq
import itertools
import math
from collections.abc import Callable

import trio

from meshcast.transport.channel import Channel, ChannelState
from meshcast.transport.datagram import DatagramSocket


class Turns:
    """The turns of one task."""

    def __init__(
        self, socket: DatagramSocket, take: Callable[[], int], deadline: Callable[[Channel], float]
    ) -> None:
        """Wait for `socket`; `take` does all there is to do and tells how many datagrams had come in.

        `deadline` says when something is to be done at the latest about a channel although nothing happens.
        """
        self._socket = socket
        self._take = take
        self._deadline = deadline
        self._heap: list[tuple[float, int, Channel]] = []
        self._numbers = itertools.count()
        self._waiting: trio.CancelScope | None = None
        self._rest_until = -math.inf
        self.is_kicked = False
        """There is something to do; whoever takes the turn says when that is no longer so."""
        self.gathered = 0
        """Datagrams that had come in when the last rest was over."""

    def kick(self) -> None:
        """Wake the task."""
        self.is_kicked = True
        if self._waiting is not None:
            self._waiting.deadline = -math.inf

    def rest(self, until: float) -> None:
        """Leave the socket alone until then, for what comes to gather; timers and kicks are served meanwhile."""
        self._rest_until = until

    async def take_while(self, is_needed: Callable[[], bool]) -> None:
        """Take a turn whenever there is something to read, a deadline has passed, or somebody has kicked."""
        while is_needed():
            if self.is_kicked:
                await trio.lowlevel.checkpoint()
                self._take()
                continue
            with trio.CancelScope(deadline=self._next_deadline()) as scope:
                while is_needed() and not self.is_kicked:
                    self._waiting = scope
                    is_resting = self._rest_until > trio.current_time()
                    try:
                        await (self._rest() if is_resting else self._socket.wait_readable())
                    finally:
                        self._waiting = None
                    came = self._take()
                    if is_resting:
                        self.gathered = came
                    due = self._next_deadline()
                    if due != scope.deadline:
                        scope.deadline = due
            if scope.cancelled_caught:
                self._take()

    async def _rest(self) -> None:
        await trio.sleep_until(self._rest_until)

    def wake_for(self, channel: Channel, at: float) -> None:
        """See to it that the task wakes by then; where it wakes sooner for this channel anyway, one looks again then."""
        if at >= channel.wake_at:
            return
        channel.wake_at = at
        heapq.heappush(self._heap, (at, next(self._numbers), channel))
        if self._waiting is not None and at < self._waiting.deadline:
            # Somebody has sent at once, outside a turn, on a channel for which nothing was due so soon.
            self._waiting.deadline = at

    def next_due(self, now: float) -> Channel | None:
        """Take out a channel whose timer is due, and that is not gone; None when there is no other."""
        while self._heap and self._heap[0][0] <= now:
            at, _, channel = heapq.heappop(self._heap)
            if channel.wake_at == at and channel.state is not ChannelState.GONE:
                channel.wake_at = math.inf
                return channel
        return None

    def _next_deadline(self) -> float:
        """Say when to wake: entries that have been put off are moved first, for waking in vain costs more."""
        heap, moved = self._heap, None
        while heap:
            at, _, channel = heap[0]
            if channel.wake_at != at or channel.state is ChannelState.GONE:
                heapq.heappop(heap)
                continue
            if channel is moved:
                return at
            due = self._deadline(channel)
            if due <= at:
                return at
            channel.wake_at, moved = due, channel
            heapq.heapreplace(heap, (due, next(self._numbers), channel))
        return math.inf
