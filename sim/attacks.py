"""Peers built to harm. Each lets the honest machine decide, and then spoils what it wants done.

What they try is on the list of attacks in docs/THREATS and docs/PROTOCOL: to change sound, to make it up, to withhold it,
to be fed in many places by one ticket, to let others know only each other, and to use up all places of standbys. Those who
conspire share what they know in a `Ring`. Liars about their capacity need no machine of their own: they say a greater
number, and their line drops what is above the true one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from meshcast.protocol.chunk import Chunk, parse_chunk, sign_chunk
from meshcast.protocol.effects import Dial, Effect, HangUp, Refill, Send, SendChunk
from meshcast.protocol.events import Connected, Event
from meshcast.protocol.limits import RANK_MAX, UNCLES_MAX
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Adopt, Detach, Enlist, Hello, Uncles
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId
from sim.scenario import Fault, FaultKind
from sim.world import MakePeer

ROUND_US: Final = 2 * SECOND
"""Those who go from door to door do so this often."""
DOORS_MAX: Final = 16
"""At how many in one round: a machine keeps few links."""
SOUND_AT: Final = 40
"""A byte of the first packet's sound, whatever the chunk."""
AHEAD: Final = 5
"""How far beyond the newest a forger's numbers are."""


@dataclass(slots=True)
class Ring:
    """What conspirators know together."""

    members: dict[PeerId, Ticket] = field(default_factory=dict)
    """Their own tickets."""
    known: dict[PeerId, Ticket] = field(default_factory=dict)
    """Everybody's whom one of them has met."""


class Crooked(PeerMachine):
    """Does everything right until it wakes, and again from the time on at which it is good once more."""

    def __init__(
        self, member: Membership, delay_us: Micros, ring: Ring, wakes_at: Micros, until: Micros
    ) -> None:
        super().__init__(member, delay_us)
        self.ring = ring
        self._wakes_at = wakes_at
        self._until = until

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        """Take in what happened as an honest peer does, and spoil the consequences."""
        effects = super().handle(event, now)
        if not self._wakes_at <= now < self._until:
            return effects
        return [*(spoilt for effect in effects for spoilt in self.spoil(effect)), *self.add(event, now)]

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Give what is done in the place of one thing that an honest peer would do."""
        return (effect,)

    def add(self, event: Event, now: Micros) -> Several[Effect]:  # noqa: ARG002 - for those who need it
        """Give what else is done."""
        return ()


class Polluter(Crooked):
    """Changes one bit of the sound that it passes on."""

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Flip a bit in each chunk."""
        match effect:
            case SendChunk(_, _, chunk):
                return (replace(effect, chunk=flipped(chunk)),)
            case Refill(_, chunks):
                return (replace(effect, chunks=tuple((hop, flipped(chunk)) for hop, chunk in chunks)),)
            case _:
                return (effect,)


class Forger(Crooked):
    """Makes up chunks of later numbers, and signs them itself."""

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Put a chunk of its own in the place of each."""
        match effect:
            case SendChunk(_, _, chunk):
                return (replace(effect, chunk=self._made_up(chunk)),)
            case Refill(_, chunks):
                return (replace(effect, chunks=tuple((hop, self._made_up(chunk)) for hop, chunk in chunks)),)
            case _:
                return (effect,)

    def _made_up(self, chunk: Chunk) -> Chunk:
        """Make up a chunk."""
        return sign_chunk(
            self.member.identity,
            self.member.broadcast,
            source_index=chunk.source_index,
            run=chunk.run,
            generation=chunk.generation,
            sequence=chunk.sequence + AHEAD,
            media_time_us=chunk.media_time_us + AHEAD * chunk.duration_us,
            duration_us=chunk.duration_us,
            flags=chunk.flags,
            packets=chunk.packets,
        )


class Withholder(Crooked):
    """Sends beats, and no chunks."""

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Leave out whatever sounds."""
        return () if isinstance(effect, SendChunk | Refill) else (effect,)


class Eclipser(Crooked):
    """Names only its accomplices as whom to turn to."""

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Put the accomplices' tickets, which are good, in the place of the uncles'."""
        match effect:
            case Send(to, Uncles()):
                others = [ticket for peer, ticket in self.ring.members.items() if peer != to]
                return (Send(to, Uncles(tuple(others[:UNCLES_MAX]))),)
            case _:
                return (effect,)

    def add(self, event: Event, now: Micros) -> Several[Effect]:  # noqa: ARG002 - as above
        """Join the ring."""
        if self.uplink.neighbours.own_ticket is not None:
            self.ring.members[self.member.me] = self.uplink.neighbours.own_ticket
        return ()


class Hawker(Crooked, ABC):
    """Goes from door to door with its ticket."""

    def __init__(
        self, member: Membership, delay_us: Micros, ring: Ring, wakes_at: Micros, until: Micros
    ) -> None:
        super().__init__(member, delay_us, ring, wakes_at, until)
        self._asks = 1_000
        self._knocked: dict[PeerId, None] = {}
        self._next_at: Micros = 0

    def spoil(self, effect: Effect) -> Several[Effect]:
        """Keep whatever place was got."""
        match effect:
            case Send(_, Detach()):
                return ()
            case HangUp(peer, _) if peer in self._knocked:
                return ()
            case _:
                return (effect,)

    def add(self, event: Event, now: Micros) -> Several[Effect]:
        """Knock at all doors that the ring knows of, a few at a time."""
        ticket = self.uplink.neighbours.own_ticket
        if ticket is None:
            return ()
        if isinstance(event, Connected) and event.peer in self._knocked:
            hello = Hello(ticket, RANK_MAX, self.backlog.newest)
            return (Send(event.peer, hello), self.ask(event.peer))
        if now < self._next_at:
            return ()
        self._next_at = now + ROUND_US
        self.ring.known.update(self.uplink.neighbours.tickets)
        self.ring.known.update(self.uplink.neighbours.uncles)
        fresh = [
            one
            for peer, one in self.ring.known.items()
            if peer not in self._knocked and peer not in {self.member.me, self.uplink.parent}
        ][:DOORS_MAX]
        self._knocked.update(dict.fromkeys(one.peer for one in fresh))
        return [Dial(one.peer, one.addresses) for one in fresh]

    @abstractmethod
    def ask(self, peer: PeerId) -> Effect:
        """Ask one more for something."""


class TicketReuser(Hawker):
    """Has itself fed in many places at once."""

    def ask(self, peer: PeerId) -> Effect:
        """Ask to be fed, as one without any rank: whoever has a place may take it."""
        self._asks += 1
        adopt = Adopt.ask(self.member.identity, peer, self._asks, RANK_MAX, self.backlog.newest, 0, None)
        return Send(peer, adopt)


class Starver(Hawker):
    """Has everybody stand by for it, so that nobody is left for others."""

    def ask(self, peer: PeerId) -> Effect:
        """Ask for a standby's place."""
        return Send(peer, Enlist(RANK_MAX))


CROOKS: Final[dict[FaultKind, type[Crooked]]] = {
    FaultKind.POLLUTERS: Polluter,
    FaultKind.FORGERS: Forger,
    FaultKind.WITHHOLDERS: Withholder,
    FaultKind.TICKET_REUSE: TicketReuser,
    FaultKind.ECLIPSE: Eclipser,
    FaultKind.STARVATION: Starver,
}


def crook(fault: Fault, ring: Ring, wakes_at: Micros, until: Micros) -> MakePeer:
    """Give what makes the machines of a fault's crooks; they are bad from one moment to another."""
    return partial(CROOKS[fault.kind], ring=ring, wakes_at=wakes_at, until=until)


def flipped(chunk: Chunk) -> Chunk:
    """Flip the lowest bit of one byte of a chunk's sound; one without sound stays as it is."""
    if not chunk.packets:
        return chunk
    data = bytearray(chunk.signed)
    data[SOUND_AT] ^= 1
    return parse_chunk(bytes(data))
