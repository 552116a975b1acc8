"""A network between bare peers that does to control messages more than QUIC would ever let it.

They overtake others, come twice, or not at all. Links break as one side sees it while the other goes on. What is sent waits
until somebody says that it arrives, and anything of it may.
"""

from typing import Final

from meshcast.protocol.chunk import Chunk
from meshcast.protocol.effects import Dial, Effect, HangUp, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.messages import Message, Stalled
from meshcast.protocol.units import SECOND, Micros, PeerId
from sim.bare_peer import BarePeer

PROMPT: Final = 40
"""Messages that arrive in one step when the network is in a good mood."""
DATAGRAM_AGE_US_MAX: Final = SECOND
"""The network may keep a control message for as long as it likes, and a datagram for a second."""
UNDER_WAY_MAX: Final = 400


class LawlessNetwork:
    """Links, and the messages that are under way on them."""

    def __init__(self, peers: dict[PeerId, BarePeer]) -> None:
        self.now: Micros = 100 * SECOND
        """The time of all; whoever lets it pass says so here."""
        self.peers = peers
        """Those who are there, by key; whoever is taken out has died without a word."""
        self.under_way: list[tuple[Micros, PeerId, PeerId, Message | Chunk]] = []
        """When each was sent, by whom and to whom."""
        self.links: dict[tuple[PeerId, PeerId], None] = {}
        """Who thinks that it has a link to whom."""

    # ---- links

    def forget(self, peer: PeerId) -> None:
        """Forget what links a peer had that has died; the others go on thinking that they have one to it."""
        self.links = {link: None for link in self.links if link[0] != peer}

    def lose_link(self, number: int) -> None:
        """Have one end think that the link is down, while the other goes on."""
        links = sorted(self.links)
        if links:
            self.break_link(*links[number % len(links)])

    def notice(self, number: int) -> bool:
        """Have one end of a link notice that the other is gone, or has given the link up; False if all are whole."""
        dangling = sorted(
            link for link in self.links if link[1] not in self.peers or link[::-1] not in self.links
        )
        if dangling:
            self.break_link(*dangling[number % len(dangling)])
        return bool(dangling)

    def break_link(self, one: PeerId, other: PeerId) -> None:
        """End a link as `one` sees it."""
        self.links.pop((one, other), None)
        if one in self.peers:
            peer = self.peers[one]
            peer.relay.gone(other, self.now)
            self.do(peer, peer.uplink.disconnected(other, self.now))

    def dial(self, peer: BarePeer, to: PeerId) -> None:
        """Let a link come up at both ends."""
        other = self.peers.get(to)
        if other is None:
            self.do(peer, peer.uplink.disconnected(to, self.now))
            return
        self.links |= {(peer.me, to): None, (to, peer.me): None}
        self.do(other, other.uplink.connected(peer.me, self.now, dialled=False))
        self.do(peer, peer.uplink.connected(to, self.now, dialled=True))

    # ---- messages

    def do(self, peer: BarePeer, effects: list[Effect]) -> None:
        """Carry out what somebody wants done."""
        for effect in effects:
            match effect:
                case Send(to, message) | SendDatagram(to, message):
                    self.under_way.append((self.now, peer.me, to, message))
                case SendChunk(to, _, one):
                    self.under_way.append((self.now, peer.me, to, one))
                case Refill(to, chunks):
                    self.under_way += [(self.now, peer.me, to, one) for _, one in chunks]
                case Dial(to, _):
                    self.dial(peer, to)
                case HangUp(to, _):
                    self.break_link(to, peer.me)
                    self.break_link(peer.me, to)
                case _:
                    pass
        del self.under_way[:-UNDER_WAY_MAX]

    def deliver(self, number: int, *, keep: bool = False) -> None:
        """Let any message arrive, whichever was sent first; kept, it comes again."""
        if not self.under_way:
            return
        at = number % len(self.under_way)
        sent_at, by, to, what = self.under_way[at] if keep else self.under_way.pop(at)
        peer = self.peers.get(to)
        if peer is None or (to, by) not in self.links:
            return
        if isinstance(what, Chunk | Stalled) and self.now - sent_at > DATAGRAM_AGE_US_MAX:
            return
        if isinstance(what, Chunk):
            self.do(peer, peer.hear(by, what, self.now))
        else:
            self.do(peer, peer.take(by, what, self.now))

    def deliver_in_order(self) -> None:
        """Let those arrive that were sent first."""
        for _ in range(PROMPT):
            self.deliver(0)

    def deliver_some(self, number: int) -> None:
        """Let a few arrive from anywhere in the line."""
        for more in range(5):
            self.deliver(number + 7 * more)

    def lose(self, number: int) -> None:
        """Lose a message."""
        if self.under_way:
            self.under_way.pop(number % len(self.under_way))
