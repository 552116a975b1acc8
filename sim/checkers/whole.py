"""What only the whole world shows, sampled: I1 no loops, I4 parents and children agree, I5 nobody hears from the gone."""

from collections.abc import Iterator
from typing import Final

from meshcast.protocol.limits import LEASE_US, STALLED_PATIENCE_US
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId
from sim.checkers.ledger import Ledger
from sim.host import Path
from sim.network import PING_US, SILENCE_US
from sim.process import Process
from sim.truth import relay_of, uplink_of
from sim.world import World

NOBODY: Final = PeerId(b"")
SAMPLE_US: Final = 500 * MILLISECOND
DISAGREE_US_MAX: Final = PING_US + SILENCE_US + LEASE_US
"""A parent that fed nobody for so long has noticed a dead link, and a child that heard nothing has left."""
GONE_US_MAX: Final = STALLED_PATIENCE_US + SECOND
"""A child that last heard that its parent is stalled has so long to notice that it is gone."""


class Whole:
    """Looks at all processes of one world."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._disagree: dict[tuple[PeerId, PeerId], Micros] = {}
        self._gone: dict[tuple[PeerId, PeerId], Micros] = {}

    def look(self) -> None:
        """Check everything, once."""
        honest = [one for one in self._world.living if not getattr(one, "is_hostile", False)]
        parents = {one.key: uplink_of(one).parent for one in honest}
        self._loops(honest, parents)
        self._disagreements(honest, parents)
        self._hearing_from_the_gone(honest, parents)

    def _loops(self, honest: list[Process], parents: dict[PeerId, PeerId | None]) -> None:
        """I1 among all: nobody is above itself."""
        ends: dict[PeerId, None] = {}
        """Known not to lead into a loop."""
        for peer in honest:
            chain: dict[PeerId, None] = {}
            at: PeerId | None = peer.key
            while at is not None and at not in ends and at not in chain and at in parents:
                chain[at] = None
                at = parents[at]
            if at in chain:
                self._ledger.broken("I1", peer, "is in or under a loop")
                return
            ends |= chain

    def _disagreements(self, honest: list[Process], parents: dict[PeerId, PeerId | None]) -> None:
        """I4: parents and children agree, but for as long as it takes to notice."""
        world = self._world
        by_key = {one.key: one for one in (world.source, *honest) if not (one.is_frozen or one.is_deaf)}
        strange = {one.key for one in world.living if one.key not in parents}
        now_disagree = dict.fromkeys(
            (*self._unknown_children(by_key, parents), *self._surplus_children(by_key, parents, strange)),
            world.now,
        )
        self._disagree = {pair: self._disagree.get(pair, now) for pair, now in now_disagree.items()}
        for (child, parent), since in self._disagree.items():
            if world.now - since > DISAGREE_US_MAX:
                self._ledger.broken(
                    "I4", by_key[parent], f"and {child[:4].hex()} disagree since {since / SECOND:.3f} s"
                )

    @staticmethod
    def _unknown_children(
        by_key: dict[PeerId, Process], parents: dict[PeerId, PeerId | None]
    ) -> Iterator[tuple[PeerId, PeerId]]:
        """Give children whose parents do not know them."""
        for key, child in by_key.items():
            parent = by_key.get(parents.get(key) or NOBODY)
            if parent is not None and parent.side == child.side and key not in relay_of(parent).children:
                yield key, parent.key

    @staticmethod
    def _surplus_children(
        by_key: dict[PeerId, Process], parents: dict[PeerId, PeerId | None], strange: set[PeerId]
    ) -> Iterator[tuple[PeerId, PeerId]]:
        """Give those that are fed and hear from somebody else, or are gone."""
        for parent in by_key.values():
            for key in relay_of(parent).children:
                known = by_key.get(key)
                is_elsewhere = (
                    known is not None and known.side == parent.side and parents.get(key) != parent.key
                )
                if (known is None or is_elsewhere) and key not in strange:
                    yield key, parent.key

    def _hearing_from_the_gone(self, honest: list[Process], parents: dict[PeerId, PeerId | None]) -> None:
        """I5: a chain ends at the source or at an orphan, for nobody believes for long in a parent that is gone."""
        world = self._world
        by_key = {one.key: one for one in (world.source, *world.living)}
        gone: dict[tuple[PeerId, PeerId], Micros] = {}
        for child in honest:
            key = parents[child.key]
            if key is None or child.is_frozen:
                continue
            parent = by_key.get(key)
            is_there = parent is not None and parent.is_alive and parent.path_to(child) is Path.OPEN
            if is_there and parent is not None and not parent.is_frozen:
                continue
            pair = child.key, key
            gone[pair] = self._gone.get(pair, world.now)
            if world.now - gone[pair] > GONE_US_MAX:
                self._ledger.broken(
                    "I5", child, f"hears since {gone[pair] / SECOND:.3f} s from one who is gone"
                )
        self._gone = gone
