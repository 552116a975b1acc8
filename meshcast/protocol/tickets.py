"""Signed statements: source delegations, tickets and notices.

Each is a body (msgpack array) and an Ed25519 signature over the domain of its kind and the body. They travel as the
very bytes that were signed. A *delegation* is the broadcast key's word for a source's key; a *ticket* is the tracker's
word for a peer, which anybody can check without asking; a *notice* is the tracker's word that a peer is banned.
"""

import enum
import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.fields import Parser, octets, record, several, text, uint
from meshcast.protocol.identity import KEY_BYTES, SIGNATURE_BYTES, Domain, Identity, Verify
from meshcast.protocol.limits import (
    ADDRESSES_MAX,
    CHILDREN_MAX,
    RANK_LISTENER_MIN,
    RANK_ORIGIN,
    RANK_RELAY,
    RANK_SPARE,
    TICKET_BYTES_MAX,
)
from meshcast.protocol.units import SECOND, Address, BroadcastId, Micros, PeerId, Rank

U32: Final = 2**32 - 1
ITEMS_MAX: Final = 256
"""Items of one array on the wire: the parser makes room for as many as a header claims, at each of 1,024 depths."""
HOST_BYTES_MAX: Final = 45
"""The longest literal IP address; eight of them fit in a ticket."""


class Role(enum.IntEnum):
    """What a peer is in a broadcast."""

    SOURCE = 0
    SPARE = 1
    RELAY = 2
    LISTENER = 3

    @property
    def rank_min(self) -> Rank:
        """The lowest rank that such a peer takes."""
        return _RANK_MIN[self]


_RANK_MIN: Final = {
    Role.SOURCE: RANK_ORIGIN,
    Role.SPARE: RANK_SPARE,
    Role.RELAY: RANK_RELAY,
    Role.LISTENER: RANK_LISTENER_MIN,
}

_host_text: Final = text(HOST_BYTES_MAX)


def host(value: Any) -> str:
    """Accept a literal IP address: a name would have to be looked up."""
    literal = _host_text(value)
    try:
        ipaddress.ip_address(literal)
    except ValueError as error:
        raise RemoteProtocolError("a literal IP address was expected") from error
    return literal


key: Final = octets(KEY_BYTES, KEY_BYTES)
address: Final = record(host, uint(65535))


def role(value: Any) -> Role:
    """Accept the number of a role."""
    return Role(uint(max(Role))(value))


@dataclass(frozen=True, slots=True)
class Delegation:
    """The broadcast key's word: this key may sign chunks as source `index`, in this run and generation."""

    index: int
    key: PeerId
    run: int
    generation: int
    not_after_s: int
    """Unix time in seconds."""
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def supersedes(self, other: "Delegation") -> bool:
        """Tell whether it is later than another, or the same: two of one generation are ordered by their keys."""
        return (self.generation, self.key) >= (other.generation, other.key)

    def is_valid(self, broadcast: BroadcastId, wall_us: Micros, verify: Verify) -> bool:
        """Tell whether the broadcast key signed it and it still holds at Unix time `wall_us`."""
        signed = Domain.DELEGATION + broadcast + self.body
        return wall_us < self.not_after_s * SECOND and verify(broadcast, self.signature, signed)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The tracker's word: this key is a peer of this broadcast, seen at these addresses."""

    peer: PeerId
    broadcast: BroadcastId
    addresses: tuple[Address, ...]
    role: Role
    capacity: int
    not_after_s: int
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def is_valid(self, tracker: PeerId, broadcast: BroadcastId, wall_us: Micros, verify: Verify) -> bool:
        """Tell whether this tracker signed it for this broadcast and it still holds at Unix time `wall_us`."""
        return (
            self.broadcast == broadcast
            and wall_us < self.not_after_s * SECOND
            and verify(tracker, self.signature, Domain.TICKET + self.body)
        )


class NoticeKind(enum.IntEnum):
    """What a notice says."""

    BANNED = 1


@dataclass(frozen=True, slots=True)
class Ban:
    """The tracker's word: nobody is to feed this peer or to hear from it."""

    peer: PeerId
    broadcast: BroadcastId
    not_after_s: int
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def is_valid(self, tracker: PeerId, broadcast: BroadcastId, wall_us: Micros, verify: Verify) -> bool:
        """Tell whether this tracker signed it for this broadcast and it still holds at Unix time `wall_us`."""
        return (
            self.broadcast == broadcast
            and wall_us < self.not_after_s * SECOND
            and verify(tracker, self.signature, Domain.NOTICE + self.body)
        )


_DELEGATION: Final = record(uint(255), key, uint(U32), uint(U32), uint(U32))
_TICKET: Final = record(key, key, several(address, ADDRESSES_MAX), role, uint(CHILDREN_MAX), uint(U32))
_BAN: Final = record(uint(255), key, key, uint(U32))
_ENVELOPE: Final = record(octets(1, TICKET_BYTES_MAX), octets(SIGNATURE_BYTES, SIGNATURE_BYTES))


def sign_delegation(
    broadcast: Identity, *, index: int, source: PeerId, run: int, generation: int, not_after_s: int
) -> Delegation:
    """Let `source` sign chunks for the broadcast."""
    body = pack([index, source, run, generation, not_after_s])
    signature = broadcast.sign(Domain.DELEGATION, broadcast.peer_id + body)
    return Delegation(index, source, run, generation, not_after_s, body, signature)


def sign_ticket(
    tracker: Identity,
    *,
    peer: PeerId,
    broadcast: BroadcastId,
    addresses: tuple[Address, ...],
    role: Role,
    capacity: int,
    not_after_s: int,
) -> Ticket:
    """Vouch for a peer."""
    body = pack([peer, broadcast, addresses, role, capacity, not_after_s])
    return Ticket(
        peer, broadcast, addresses, role, capacity, not_after_s, body, tracker.sign(Domain.TICKET, body)
    )


def sign_ban(tracker: Identity, *, peer: PeerId, broadcast: BroadcastId, not_after_s: int) -> Ban:
    """Ban a peer from a broadcast."""
    body = pack([NoticeKind.BANNED, peer, broadcast, not_after_s])
    return Ban(peer, broadcast, not_after_s, body, tracker.sign(Domain.NOTICE, body))


def envelope(statement: Delegation | Ticket | Ban) -> list[bytes]:
    """Give a statement as it travels."""
    return [statement.body, statement.signature]


def delegation(value: Any) -> Delegation:
    """Accept a delegation as it travels; its signature is checked by `is_valid`."""
    body, signature = _ENVELOPE(value)
    index, source, run, generation, not_after_s = _open(body, _DELEGATION)
    return Delegation(index, PeerId(source), run, generation, not_after_s, body, signature)


def ticket(value: Any) -> Ticket:
    """Accept a ticket as it travels; its signature is checked by `is_valid`."""
    body, signature = _ENVELOPE(value)
    peer, broadcast, addresses, its_role, capacity, not_after_s = _open(body, _TICKET)
    return Ticket(
        PeerId(peer), BroadcastId(broadcast), addresses, its_role, capacity, not_after_s, body, signature
    )


def ban(value: Any) -> Ban:
    """Accept a ban as it travels; its signature is checked by `is_valid`."""
    body, signature = _ENVELOPE(value)
    kind, peer, broadcast, not_after_s = _open(body, _BAN)
    if kind != NoticeKind.BANNED:
        raise RemoteProtocolError(f"a notice of unknown kind {kind}")
    return Ban(PeerId(peer), BroadcastId(broadcast), not_after_s, body, signature)


def pack(value: Any) -> bytes:
    """Write one msgpack value."""
    return bytes(msgpack.packb(value, use_bin_type=True))


def unpack(data: bytes) -> Any:
    """Read one msgpack value from hostile bytes; `RemoteProtocolError` and nothing else if they are not one."""
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            use_list=True,
            strict_map_key=True,
            max_array_len=ITEMS_MAX,
            max_map_len=ITEMS_MAX,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise RemoteProtocolError("bytes that are no message") from error


def _open(body: bytes, shape: Parser[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Read a signed body of this shape."""
    return shape(unpack(body))
