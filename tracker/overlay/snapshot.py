"""The tree as plain rows, and back.

A row says what a restarted tracker must know of one peer so that it need not be placed again. Standbys are not kept:
peers bring their own when they come back. What is read may be older than the truth, and a mixture of ages; so links
are restored only where the order of ranks allows them, everybody restored is PENDING at first (whoever restores may
confirm those whom it believes), and the peers' reports correct the rest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.errors import BadInputError, RemoteProtocolError
from meshcast.protocol.fields import optional, record, several, uint
from meshcast.protocol.limits import ADDRESSES_MAX, RANK_MAX
from meshcast.protocol.tickets import Role, address, key, pack, role, unpack
from meshcast.protocol.units import Address, PeerId, Rank
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.keys import REGIONS_MAX
from tracker.overlay.nodes import CAPACITY_MAX, COUNTER_MAX, PREFIX_MAX
from tracker.overlay.registry import Registry
from tracker.overlay.tree import Tree

UNREADABLE: Final = (
    "the tracker's store holds a peer that cannot be read: move the store away and start again; "
    "listeners come back by themselves"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One peer."""

    key: PeerId
    parent: PeerId | None
    """None for an orphan."""
    rank: Rank
    capacity: int
    region: int
    role: Role
    prefix: int
    counter: int
    addresses: tuple[Address, ...]


def row(tree: Tree, registry: Registry, node: int) -> Row:
    """Describe one peer."""
    parent = tree.parent[node]
    return Row(
        key=registry.key(node),
        parent=None if parent == NOBODY else registry.key(parent),
        rank=tree.rank[node],
        capacity=tree.capacity[node],
        region=tree.region[node],
        role=Role(tree.role[node]),
        prefix=tree.prefix[node],
        counter=tree.counter[node],
        addresses=registry.addresses(node),
    )


def rows(tree: Tree, registry: Registry) -> Iterator[Row]:
    """Describe everybody but the origin, which comes back by itself."""
    return (row(tree, registry, node) for node in tree.nodes() if node != ORIGIN)


def changed_rows(tree: Tree, registry: Registry) -> list[Row]:
    """Describe those who changed since the last call, in the order of their first change."""
    changed = [row(tree, registry, node) for node in tree.changed if node != ORIGIN]
    tree.changed.clear()
    return changed


def restore(tree: Tree, registry: Registry, stored: Iterable[Row]) -> list[int]:
    """Put stored peers into a new tree, whose origin is registered; give their nodes, lowest rank first.

    None of them has been heard yet: they want a lease of grace.
    """
    nodes = []
    for one in sorted(stored, key=lambda stored_one: stored_one.rank):
        if one.key in registry:
            continue
        region = one.region if one.region < len(tree.nearest) else 0
        node = tree.add(capacity=one.capacity, region=region, role=one.role, prefix=one.prefix)
        registry.enter(one.key, node, one.addresses)
        # Parents have lower ranks: they are there already, if they are there at all.
        parent = None if one.parent is None else registry.find(one.parent)
        tree.restore(node, parent, rank=one.rank, counter=one.counter)
        nodes.append(node)
    tree.changed.clear()
    return nodes


_ROW: Final = record(
    key, optional(key), uint(RANK_MAX), uint(CAPACITY_MAX), uint(REGIONS_MAX - 1), role, uint(PREFIX_MAX),
    uint(COUNTER_MAX), several(address, ADDRESSES_MAX),
)  # fmt: skip


def pack_row(one: Row) -> bytes:
    """Write a row for the store."""
    return pack(
        [one.key, one.parent, one.rank, one.capacity, one.region, one.role, one.prefix, one.counter, one.addresses]
    )  # fmt: skip


def unpack_row(data: bytes) -> Row:
    """Read a row that `pack_row` wrote, of this version or a later one; `BadInputError` if it is none."""
    try:
        one = Row(*_ROW(unpack(data)))
    except RemoteProtocolError as error:
        raise BadInputError(UNREADABLE) from error
    if one.role is Role.SOURCE or one.rank < one.role.rank_min:
        raise BadInputError(UNREADABLE)
    return one
