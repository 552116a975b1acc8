"""Who is in one broadcast: who has a link here and from where, who has a place, and who stands by for the broadcaster.

`Registry` knows which key is which node; here peers come and go. So here it is also known which rows have changed since
they were last handed out to be kept.
"""

from typing import Final

from meshcast.protocol.messages import Join
from meshcast.protocol.networks import network_of
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Address, BroadcastId, Micros, PeerId
from tracker.overlay.columns import ORIGIN
from tracker.overlay.effects import Keep, TrackerEffect
from tracker.overlay.event import Announced
from tracker.overlay.office import Office
from tracker.overlay.registry import Registry
from tracker.overlay.snapshot import Row, changed_rows, pack_row, restore
from tracker.overlay.steward import Steward


class Roster:
    """The peers of one broadcast, by key and by number."""

    def __init__(self, office: Office, broadcast: BroadcastId, steward: Steward) -> None:
        self._office: Final = office
        self._broadcast: Final = broadcast
        self._steward: Final = steward
        self._tree: Final = steward.tree
        self.registry: Final = Registry()
        self.spares: Final[dict[PeerId, None]] = {}
        """Those who would go on if the broadcaster were gone."""
        self._linked: Final[dict[PeerId, Address]] = {}
        """Whose link is up, and where it comes from."""
        self._gone: dict[PeerId, None] = {}

    # ---- links

    def called(self, peer: PeerId, address: Address) -> None:
        """Note that a peer has a link, and from where."""
        self._linked[peer] = address

    def hung_up(self, peer: PeerId) -> None:
        """Note that a peer's link is gone."""
        self._linked.pop(peer, None)

    def is_linked(self, peer: PeerId) -> bool:
        """Tell whether a peer has a link."""
        return peer in self._linked

    # ---- coming and going

    def enter_joiner(self, peer: PeerId, join: Join) -> int:
        """Add a joiner to the tree."""
        node = self.enter(peer, join.capacity, self.region(join), join.role, self._linked[peer])
        if join.landmarks and self._office.by_delay:
            self._tree.lags.enter(node, join.landmarks)
        return node

    def enter(self, peer: PeerId, capacity: int, region: int, role: Role, address: Address) -> int:
        """Add a peer to the tree."""
        node = self._tree.add(capacity=capacity, region=region, role=role, prefix=network_of(address))
        self.registry.enter(peer, node, (address,))
        if role is Role.SPARE:
            self.spares[peer] = None
        return node

    def measure_origin(self, announced: Announced, landmarks: tuple[Micros, ...]) -> None:
        """Take in where the broadcaster is now, what it can carry, and what it has measured."""
        self.registry.set_addresses(ORIGIN, (announced.address,))
        self._tree.set_capacity(ORIGIN, announced.capacity)
        if landmarks and self._office.by_delay:
            self._tree.lags.enter(ORIGIN, landmarks)

    def region(self, join: Join) -> int:
        """Take the region of the nearest landmark."""
        if not join.landmarks:
            return 0
        return min(range(len(join.landmarks)), key=join.landmarks.__getitem__) % len(self._tree.nearest)

    def forget(self, node: int) -> PeerId:
        """Take a peer out, and give its key; its children look for themselves."""
        self._steward.forget(node)
        key = self.registry.strike(node)
        self._gone[key] = None
        self.spares.pop(key, None)
        return key

    # ---- rows

    def restore(self, rows: list[Row], now: Micros) -> None:
        """Take back the peers as they were kept; none of them has been heard yet."""
        for node in restore(self._tree, self.registry, rows):
            self._steward.restored(node, now)
            if self._tree.role[node] == Role.SPARE:
                self.spares[self.registry.key(node)] = None

    def changes(self) -> list[TrackerEffect]:
        """Keep what changed since this was last asked."""
        gone, self._gone = self._gone, {}
        effects: list[TrackerEffect] = [
            Keep(self._broadcast, key, None) for key in gone if key not in self.registry
        ]
        changed = changed_rows(self._tree, self.registry)
        return effects + [Keep(self._broadcast, row.key, pack_row(row)) for row in changed]
