"""What a machine serves with, whole: it is handed on when a spare becomes the source, or a source the spare.

Children, links and what is held stay where they are; only who decides about them changes.
"""

from dataclasses import dataclass, field, replace

from meshcast.protocol.acquaintances import Acquaintances
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.limits import RANK_MAX
from meshcast.protocol.membership import Membership
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Rank


@dataclass(slots=True)
class Serving:
    """The serving half of one process, with the links that it has."""

    member: Membership
    backlog: Backlog
    sources: Sources
    standing: Standing
    relay: Relay
    acquaintances: Acquaintances = field(default_factory=Acquaintances)

    @classmethod
    def begin(cls, member: Membership, rank: Rank = RANK_MAX) -> "Serving":
        """Begin with nobody served and nothing heard."""
        backlog, sources = Backlog(), Sources(member.broadcast, member.verify)
        path = (member.me[:4],) if rank != RANK_MAX else ()
        standing = Standing(member.me, member.role, rank, path)
        return cls(member, backlog, sources, standing, Relay(member, standing, backlog, sources, lambda: ()))

    def become(self, role: Role) -> None:
        """Take another role; the rank is for whoever knows what it may be."""
        self.member = self.relay.member = replace(self.member, role=role)
        self.standing.role = role
