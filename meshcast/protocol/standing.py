"""The rank rule: why there are no loops, under any reordering, loss or duplication (docs/PROTOCOL).

1. A peer adopts only a peer whose rank is greater than its own.
2. A child's rank is its parent's rank + 1 (and its role's least), and is otherwise only ever lowered.
3. A peer raises its rank only when childless, and only if it dropped no child on its own within one lease.
"""

from dataclasses import dataclass, field

from meshcast.protocol.limits import LEASE_US, PATH_MAX, RANK_MAX
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros, PeerId, Rank


@dataclass(slots=True)
class Standing:
    """A peer's rank, and its path from the origin as the parent told it."""

    me: PeerId
    role: Role
    rank: Rank = RANK_MAX
    path: tuple[bytes, ...] = ()
    is_raising: bool = False
    """A raise is pending: until it is settled nobody is adopted."""
    dropped_at: Micros | None = field(default=None)
    """When a child was last dropped without its asking."""

    def may_adopt(self, child: Rank) -> bool:
        """Does rule 1 let a child of this rank be adopted?"""
        return self.rank < child and not self.is_raising

    def rank_under(self, parent: Rank) -> Rank:
        """Give the rank under a parent of this rank (rule 2)."""
        return max(self.role.rank_min, parent + 1)

    def follow(self, parent: Rank, path: tuple[bytes, ...]) -> bool:
        """Take over what the parent announces; tell whether anything changed. Never raises the rank (rule 2)."""
        before = self.rank, self.path
        self.rank = min(self.rank, self.rank_under(parent))
        self.path = (*path, self.me[:4])[-PATH_MAX:]
        return before != (self.rank, self.path)

    def dropped(self, now: Micros) -> None:
        """Remember that a child was dropped that may not know it yet."""
        self.dropped_at = now

    def may_raise(self, now: Micros, children: int) -> bool:
        """Does rule 3 let the rank rise? A spare's never does: it hears from the source, or from nobody."""
        if self.role is Role.SPARE:
            return False
        return children == 0 and (self.dropped_at is None or now - self.dropped_at >= LEASE_US)

    def begin_raise(self) -> None:
        """Ask from the highest rank; nobody is adopted until `end_raise`."""
        self.is_raising = True
        self.rank = RANK_MAX

    def end_raise(self, parent: Rank | None) -> None:
        """Settle a raise: under the parent that there is now, if any."""
        self.is_raising = False
        if parent is not None:
            self.rank = self.rank_under(parent)
