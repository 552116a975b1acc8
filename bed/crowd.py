"""Crowds on a stage: how they come, how deep they hang, and what the whole of them has to show."""

from dataclasses import dataclass, fields

import trio

from bed.actor import Actor
from bed.stage import Stage
from meshcast.protocol.units import MILLISECOND, Micros, PeerId


@dataclass(frozen=True, slots=True)
class Casting:
    """Who plays: everybody feeds as many, so that the depth is known beforehand."""

    peers: int = 50
    capacity: int = 2
    source_capacity: int = 3
    bitrate_bps: int = 64_000
    delay_us: Micros = 1_000 * MILLISECOND


async def gather(stage: Stage, cast: Casting, over_s: float = 10.0) -> None:
    """Start tracker and source, let the peers come one by one, and wait until things have settled."""
    await stage.start_tracker()
    await stage.start_source(capacity=cast.source_capacity, bitrate_bps=cast.bitrate_bps)
    await trio.sleep(0.5)
    for number in range(cast.peers):
        await stage.start_peer(f"peer-{number}", capacity=cast.capacity, delay_us=cast.delay_us)
        await trio.sleep(over_s / cast.peers)
    await trio.sleep(over_s)


def depths(stage: Stage) -> dict[str, int]:
    """Give how many hops each peer is from the source; whoever hangs under nobody is not in it."""
    parents: dict[PeerId, PeerId | None] = {
        one.peer.member.me: one.peer.uplink.parent for one in stage.actors.values() if one.is_peer
    }
    source = stage.actors["source"].source.member.me
    found: dict[str, int] = {}
    for one in stage.peers():
        at, hops = one.peer.uplink.parent, 1
        while at is not None and at != source and hops <= len(parents):
            at, hops = parents.get(at), hops + 1
        if at == source:
            found[one.name] = hops
    return found


@dataclass(slots=True)
class Ledger:
    """What all actors that are here have counted since they came."""

    parents_found: int = 0
    """How often somebody attached, the first time included."""
    false_alarms: int = 0
    """How often a parent was left for silence that was there after all."""
    concealed: int = 0
    """Chunks that were due in the peers' own playout and were not there."""
    unsent: int = 0
    """Chunks and messages that a link had no room for: never queued, and pulled if they are missed."""
    sent: int = 0
    links: int = 0
    overloads: int = 0
    """Links given up because control messages piled up."""

    def __sub__(self, other: "Ledger") -> "Ledger":
        """Give what was counted since then."""
        return Ledger(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))


def ledger(stage: Stage) -> Ledger:
    """Add up what everybody has counted."""
    sums = Ledger()
    for one in stage.actors.values():
        _add(sums, one)
    return sums


def _add(sums: Ledger, actor: Actor) -> None:
    """Add one actor's counts."""
    if actor.is_peer:
        sums.parents_found += actor.peer.tally.parents
        sums.false_alarms += actor.peer.uplink.neighbours.doubts.false_alarms
        sums.concealed += actor.peer.playout.missing
    if actor.links is not None:
        totals = actor.links.totals()
        sums.unsent += totals.datagrams_dropped
        sums.sent += totals.datagrams_sent
        sums.links += len(actor.links.peers)
        sums.overloads += actor.links.overloads
