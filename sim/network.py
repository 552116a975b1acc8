"""Links as the transport gives them, in virtual time: dials, ordered messages, datagrams, and how the dead are noticed.

A link has two ends. Its dialler is up after one round trip, its acceptor half a round trip later, when the dialler's proof
of its key arrives: before anything that the dialler says. When both dial, there is one link, and each end is up as soon as
either dial makes it so. Messages come in order, and a lost one comes a round trip and an acknowledgement's delay later;
datagrams may be lost, doubled and reordered.

A killed process says nothing. The other end gives the link up when what it sent has been unacknowledged for `SILENCE_US`,
and asks for a sign of life `PING_US` after it last sent anything. Both numbers are the transport's. (There the speech that
one hears puts the question off too; but who hears none any more has left long before.)
"""

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.events import ChunkReceived, Connected, Disconnected, Event
from meshcast.protocol.units import MILLISECOND, SECOND, Address, Micros, PeerId
from sim.host import End, Host, Path, pair
from sim.scheduler import Scheduler
from sim.weather import Conditions, Weather

SILENCE_US: Final = 2_500 * MILLISECOND
PING_US: Final = 5 * SECOND
DIAL_US_MAX: Final = 3 * SECOND


class Network:
    """All hosts and the links between them."""

    def __init__(
        self,
        scheduler: Scheduler,
        chance: Random,
        conditions: Conditions,
        delay_us: Callable[[Host, Host], Micros],
        deliver: Callable[[Host, Event], None],
    ) -> None:
        self._scheduler = scheduler
        self.weather = Weather(chance, conditions)
        self._delay_us = delay_us
        self._deliver = deliver
        self._hosts: dict[Address, Host] = {}
        self.sent = 0
        """Messages and datagrams that were sent."""

    def measure_again(self, host: Host) -> None:
        """Take in that a host has become slower or faster to reach."""
        for end in host.ends.values():
            other = end.other
            end.delay_us = other.delay_us = self._delay_us(host, other.host)
            end.rtt_us = other.rtt_us = 2 * end.delay_us

    def enter(self, host: Host) -> None:
        """Let a host be reached at its address."""
        self._hosts[host.address] = host

    # ---- what hosts ask for

    def dial(self, host: Host, peer: PeerId, addresses: Iterable[Address]) -> None:
        """Open a link: `Connected` at both ends, or `Disconnected` at this one; nothing where it is up or dialled already."""
        now = self._scheduler.now
        end = host.ends.get(peer)
        if peer in host.dials or (end is not None and end.is_up):
            return
        host.dials[peer] = now
        other = self._find(peer, addresses)
        if other is None or other is host:
            self._scheduler.at(now + DIAL_US_MAX, self._dial_fails, host, peer, now)
            return
        end = host.ends[peer] = self._new_end(host, other)
        rtt_us = end.rtt_us + self.weather.recovery_us(end.rtt_us)
        self._scheduler.at(now + rtt_us, self._answered, end, now)
        self._scheduler.at(now + rtt_us + end.delay_us, self._rise, end.other, False)  # noqa: FBT003
        self._scheduler.at(now + DIAL_US_MAX, self._dial_fails, host, peer, now)

    def hang_up(self, host: Host, peer: PeerId, detail: str) -> None:
        """Close a link after what was sent; this end hears of it at once, the other when the farewell arrives."""
        now = self._scheduler.now
        was_dialling = host.dials.pop(peer, None) is not None
        end = host.ends.get(peer)
        was_up = end is not None and self._forget(end)
        if was_up or was_dialling:
            self._scheduler.at(now, self._deliver, host, Disconnected(peer, detail))
        if end is not None:
            self._say_farewell(end, detail)

    def send(self, host: Host, to: PeerId, event: Event, chunks: int = 0) -> None:
        """Send a message, reliably and in order; nothing happens without a link. `chunks` it holds, where it is heavy."""
        end = host.ends.get(to)
        if end is None or not end.is_up:
            return
        self.sent += 1
        now = end.sent_at = self._scheduler.now
        if end.path is not Path.OPEN:
            self._await_answer(end, now)
            if end.path is Path.CUT:
                end.held.append(event)
                return
        arrives_at = now + end.delay_us + self.weather.extra_us(end.delay_us)
        if not self.weather.is_lossless:
            arrives_at += self.weather.recovery_us(end.rtt_us)
        if chunks and (wait_us := end.wait_us(chunks, now)):
            # On a stream of its own: what is said meanwhile does not wait for it, and a line far behind takes no more.
            if wait_us <= SILENCE_US:
                self._scheduler.at(arrives_at + wait_us, self._tell, end.other, event)
            return
        end.arrives_at = max(end.arrives_at, arrives_at)
        self._scheduler.at(end.arrives_at, self._tell, end.other, event)

    def send_chunk(self, host: Host, to: PeerId, hop: Hop, chunk: Chunk) -> None:
        """Send a chunk as a datagram, with the link's round trip as its receiver measures it."""
        end = host.ends.get(to)
        if end is not None and end.is_up:
            self._send_datagram(host, end, ChunkReceived(host.key, hop, chunk, end.rtt_us))

    def send_datagram(self, host: Host, to: PeerId, event: Event) -> None:
        """Send a datagram: it comes once, twice or never."""
        end = host.ends.get(to)
        if end is not None and end.is_up:
            self._send_datagram(host, end, event)

    def _send_datagram(self, host: Host, end: End, event: Event) -> None:
        """Send a datagram over a link that is up."""
        self.sent += 1
        now = end.sent_at = self._scheduler.now
        if end.path is not Path.OPEN:
            self._await_answer(end, now)
            if end.path is Path.CUT:
                return
        other = end.other
        if host.uplink is not None and not host.uplink.takes(now):
            return
        if other.host.downlink is not None and not other.host.downlink.takes(now):
            return
        for _ in range(self.weather.copies()):
            arrives_at = now + end.delay_us + self.weather.extra_us(end.delay_us)
            self._scheduler.at(arrives_at, self._tell, other, event)

    def ping(self, host: Host, peer: PeerId) -> None:
        """Ask for a sign of life; where none comes, the link ends."""
        end = host.ends.get(peer)
        if end is not None and end.is_up:
            end.sent_at = self._scheduler.now
            if end.path is not Path.OPEN:
                self._await_answer(end, end.sent_at)

    def rtt_us(self, host: Host, peer: PeerId) -> Micros:
        """Give the round trip of a link; 0 without one."""
        end = host.ends.get(peer)
        return end.rtt_us if end is not None else 0

    # ---- what befalls them

    def kill(self, host: Host) -> None:
        """Let a process die without a word."""
        host.is_alive = False
        for end in host.ends.values():
            end.is_up, end.is_forgotten = False, True
        self.look_again([host])
        host.ends.clear()
        host.dials.clear()

    def give_up(self, host: Host, peer: PeerId) -> None:
        """Let one end take its link for dead; the other goes on until nothing answers it."""
        end = host.ends.get(peer)
        if end is not None and self._forget(end):
            self._take_path(end.other)
            self._deliver(host, Disconnected(peer, "silent"))

    def look_again(self, hosts: Iterable[Host]) -> None:
        """Take in that hosts have been frozen, thawed, deafened or moved to another side."""
        for host in hosts:
            for end in host.ends.values():
                self._take_path(end)
                self._take_path(end.other)

    # ---- details: coming up

    def _find(self, peer: PeerId, addresses: Iterable[Address]) -> Host | None:
        """Find who answers with the right key."""
        for address in addresses:
            other = self._hosts.get(address)
            if other is not None and other.key == peer:
                return other
        return None

    def _new_end(self, host: Host, other: Host) -> End:
        """Make an end for a dial, or take that of the link which the other side is about to open."""
        crossing = other.ends.get(host.key)
        if crossing is not None and not crossing.other.is_forgotten and not crossing.other.is_up:
            return crossing.other
        return pair(host, other, self._delay_us(host, other))[0]

    def _answered(self, end: End, since: Micros) -> None:
        """Let the dialler's end come up, if the other side is there."""
        if end.host.dials.get(end.other.host.key) == since:
            self._rise(end, dialled=True)

    def _rise(self, end: End, dialled: bool) -> None:  # noqa: FBT001 - called by the scheduler
        """Let one end come up, unless it is up already or one of the two has gone."""
        host, other = end.host, end.other.host
        if end.is_up or end.is_forgotten or end.other.is_forgotten or not (dialled or end.other.is_up):
            return
        if host.path_to(other) is not Path.OPEN or other.path_to(host) is not Path.OPEN:
            end.is_forgotten = not dialled
            self._take_path(end.other)
            return
        old = host.ends.get(other.key)
        if old is not None and old is not end and old.is_up:
            self._forget(old)
            self._take_path(old.other)
            self._deliver(host, Disconnected(other.key, "the other side began anew"))
        host.ends[other.key] = end
        host.dials.pop(other.key, None)
        end.is_up = True
        self._deliver(host, Connected(other.key, other.address, dialled))

    def _dial_fails(self, host: Host, peer: PeerId, since: Micros) -> None:
        """Give up a dial that has not been answered."""
        if not host.is_alive or host.dials.get(peer) != since:
            return
        del host.dials[peer]
        end = host.ends.get(peer)
        if end is not None and not end.is_up:
            self._forget(end)
            self._take_path(end.other)
        self._deliver(host, Disconnected(peer, "no answer"))

    # ---- details: going down

    def _tell(self, end: End, event: Event) -> None:
        """Let something arrive at an end."""
        if end.is_up:
            self._deliver(end.host, event)

    def _forget(self, end: End) -> bool:
        """Let an end be no more; tell whether it was up."""
        was_up, end.is_up, end.is_forgotten = end.is_up, False, True
        if end.host.ends.get(end.other.host.key) is end:
            del end.host.ends[end.other.host.key]
        return was_up

    def _say_farewell(self, end: End, detail: str) -> None:
        """Let the other end hear that this one is gone, if it can."""
        if end.path is Path.CUT:
            self._take_path(end.other)
            return
        end.arrives_at = max(end.arrives_at, self._scheduler.now + end.delay_us)
        self._scheduler.at(end.arrives_at, self._take_farewell, end.other, detail)

    def _take_farewell(self, end: End, detail: str) -> None:
        """Hear that the other end is gone."""
        if self._forget(end):
            end.host.dials.pop(end.other.host.key, None)
            self._deliver(end.host, Disconnected(end.other.host.key, detail))

    def _await_answer(self, end: End, since: Micros) -> None:
        """Give the link up, unless an answer becomes possible in time."""
        if end.waits_since is None:
            end.waits_since = since
            self._scheduler.at(since + SILENCE_US, self._give_up, end, since)

    def _give_up(self, end: End, since: Micros) -> None:
        """Take the other side for dead."""
        if end.waits_since != since or not end.host.is_alive or not self._forget(end):
            return
        self._say_farewell(end, "it was silent")
        self._deliver(end.host, Disconnected(end.other.host.key, "silent"))

    def _take_path(self, end: End) -> None:
        """Take in what becomes of what is sent from here; where it gets through again, send again what did not."""
        now = self._scheduler.now
        path = Path.CUT if end.other.is_forgotten else end.host.path_to(end.other.host)
        was, end.path = end.path, path
        if path is was or not end.is_up:
            return
        end.changed_at = now
        if path is Path.OPEN:
            end.waits_since = None
            held, end.held = end.held, []
            for event in held:
                self.send(end.host, end.other.host.key, event)
        elif end.sent_at + end.rtt_us > now:
            self._await_answer(end, end.sent_at)
        else:
            self._scheduler.at(end.sent_at + PING_US, self._ask_for_life, end)

    def _ask_for_life(self, end: End) -> None:
        """Send a ping into the void."""
        if end.is_up and end.path is not Path.OPEN:
            self._await_answer(end, self._scheduler.now)
