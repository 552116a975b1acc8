"""The parts of a peer that the rank rule speaks of, real ones, and nothing else: no sound, no playout, no tracker's machine.

`Rules` switches off what the design says is needed, to see what then breaks: the lease, or all of rule 3.
"""

import functools
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Flag, Hop, sign_chunk
from meshcast.protocol.effects import Effect
from meshcast.protocol.identity import Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Accept, Beat, Bye, Message, Refuse, Stalled, Uncles, Why
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role, Ticket, sign_ticket
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, Micros, PeerId
from meshcast.protocol.uplink import Uplink
from sim.papers import remembered

CHUNK_US: Final = 100 * MILLISECOND
RTT_US: Final = 20 * MILLISECOND


@dataclass(frozen=True, slots=True)
class Rules:
    """Which parts of rule 3 hold: a peer raises its rank only when childless, and a lease after it dropped a child."""

    lease: bool = True
    childless: bool = True


ALL: Final = Rules()
NO_LEASE: Final = Rules(lease=False)
ANYBODY_RAISES: Final = Rules(lease=False, childless=False)


@dataclass(slots=True)
class LaxStanding(Standing):
    """A standing to which not all of rule 3 applies."""

    rules: Rules = ALL

    def may_raise(self, now: Micros, children: int) -> bool:
        """Does what is left of rule 3 let the rank rise?"""
        dropped_at = self.dropped_at
        if not self.rules.lease:
            self.dropped_at = None
        may = Standing.may_raise(self, now, children if self.rules.childless else 0)
        self.dropped_at = dropped_at
        return may


@functools.cache
def identity(name: str) -> Identity:
    """Give the key of this name."""
    return Identity.from_seed(name.encode().ljust(32, b"."))


BROADCAST: Final = BroadcastId(identity("event").peer_id)


@functools.cache
def ticket_of(name: str, role: Role, capacity: int) -> Ticket:
    """Have the tracker vouch for somebody; addresses differ, so that no limit for one network is in the way."""
    host = f"10.0.{sum(name.encode()) % 250}.1"
    return sign_ticket(
        identity("tracker"),
        peer=identity(name).peer_id,
        broadcast=BROADCAST,
        addresses=((host, 4433),),
        role=role,
        capacity=capacity,
        not_after_s=24 * HOUR // SECOND,
    )


@functools.cache
def chunk(sequence: int) -> Chunk:
    """Give the chunk of this number."""
    return sign_chunk(
        identity("source"),
        BROADCAST,
        source_index=0,
        run=1,
        generation=1,
        sequence=sequence,
        media_time_us=(sequence - 1) * CHUNK_US,
        duration_us=CHUNK_US,
        flags=Flag.NONE,
        packets=(b"sound",),
    )


class BarePeer:
    """One of those between whom an adversary stands."""

    def __init__(self, name: str, role: Role, capacity: int, rules: Rules = ALL) -> None:
        self.name, self.role, self.capacity = name, role, capacity
        member = Membership(
            identity(name),
            BROADCAST,
            identity("tracker").peer_id,
            (("192.0.2.1", 4433),),
            role,
            capacity,
            lambda sides: sides // 2,
            verify=remembered,
        )
        self.me = member.me
        self.ticket = ticket_of(name, role, capacity)
        self.backlog = Backlog()
        self.standing = LaxStanding(self.me, role, rules=rules)
        if role is Role.SOURCE:
            self.standing.rank = 0
        self.relay = Relay(
            member, self.standing, self.backlog, Sources(BROADCAST, member.verify), self.own_uncles
        )
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, SECOND)
        self.uplink.neighbours.own_ticket = self.ticket

    def own_uncles(self) -> tuple[Ticket, ...]:
        """Give children whom to turn to."""
        return self.uplink.reserves.uncles(self.uplink.parent_ticket)

    def take(self, peer: PeerId, message: Message, now: Micros) -> list[Effect]:
        """Take in what somebody says."""
        uplink, relay = self.uplink, self.relay
        match message:
            case Accept():
                return uplink.accepted(peer, message, now)[0]
            case Refuse():
                return uplink.refused(peer, message, now)
            case Beat():
                return uplink.beat(peer, message, now)
            case Stalled():
                return uplink.stalled(peer, message, now)
            case Uncles():
                return uplink.uncles(peer, message, now)
            case Bye(why):
                if why is not Why.SHED:
                    relay.gone(peer, now)
                return uplink.bye(peer, now)
            case _:
                return relay.asked(peer, message, now)

    def hear(self, peer: PeerId, chunk: Chunk, now: Micros) -> list[Effect]:
        """Take in a chunk, and pass it on."""
        self.uplink.heard(peer, chunk, RTT_US, now, live=True)
        if not self.backlog.is_new(chunk):
            return []
        newest = self.backlog.newest
        self.backlog.add(chunk, now, 0)
        self.uplink.find_holes(chunk, newest, peer, Hop(0, 0), now)
        held = self.backlog.get(chunk.sequence)
        assert held is not None
        return self.relay.forward([held], peer, now)
