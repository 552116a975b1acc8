"""The door: what becomes of packets that belong to no connection.

Only a well-formed first packet of our version and at least 1,200 bytes gets in (RFC 9000, section 14.1). Other versions
are told ours. While many handshakes are in progress a stranger is first sent away with a token that proves its address
(Retry, RFC 9000, section 8.1.2), which costs us twelve microseconds instead of a connection; beyond a second limit
nobody gets in at all. Each network has a budget of handshakes: beyond it, too, its strangers are sent away for a token, which
whoever only pretends to be there never gets; and for those who come back with one there is a second budget, beyond which
they are left to try again. Whatever else comes is dropped without a word: strangers learn nothing, and nothing is amplified.
"""

import os
from dataclasses import dataclass
from typing import Final

from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.quic.retry import QuicRetryTokenHandler

from meshcast.protocol.budget import Budgets
from meshcast.protocol.networks import network_of
from meshcast.protocol.units import SECOND, Address
from meshcast.transport.configuration import CONNECTION_ID_BYTES
from meshcast.transport.limits import (
    HANDSHAKES_MAX,
    NETWORKS_MAX,
    RETRY_ABOVE,
    RETURNING_BURST,
    RETURNING_PER_SECOND,
    STRANGERS_BURST,
    STRANGERS_PER_SECOND,
)

FIRST_PACKET_BYTES_MIN: Final = 1_200
LONG_HEADER: Final = 0x80
FIXED_BIT: Final = 0x40
LOOPBACK: Final = frozenset(network_of((host, 0)) for host in ("127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Admission:
    """Let the stranger in, under these connection ids."""

    destination_cid: bytes
    original_cid: bytes
    retry_cid: bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this one datagram back, and forget the stranger."""

    data: bytes


class Door:
    """Decides who gets in."""

    def __init__(self) -> None:
        self._tokens = QuicRetryTokenHandler()
        self._strangers: Budgets[int] = Budgets(
            per_second=STRANGERS_PER_SECOND, burst=STRANGERS_BURST, names_max=NETWORKS_MAX
        )
        self._returning_ones: Budgets[int] = Budgets(
            per_second=RETURNING_PER_SECOND, burst=RETURNING_BURST, names_max=NETWORKS_MAX
        )

    def knock(self, data: bytes, sender: Address, in_progress: int, now: float) -> Admission | Answer | None:
        """Say what becomes of a stray datagram while `in_progress` handshakes are under way; None: nothing."""
        if (
            len(data) < FIRST_PACKET_BYTES_MIN
            or data[0] & (LONG_HEADER | FIXED_BIT) != LONG_HEADER | FIXED_BIT
        ):
            return None
        header = parse_header(data)
        if header is None or header.packet_type is QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version != QuicProtocolVersion.VERSION_1:
            versions = [int(QuicProtocolVersion.VERSION_1)]
            return Answer(
                encode_quic_version_negotiation(header.destination_cid, header.source_cid, versions)
            )
        if (
            header.packet_type is not QuicPacketType.INITIAL
            or len(header.destination_cid) < CONNECTION_ID_BYTES
        ):
            return None
        if in_progress >= HANDSHAKES_MAX:
            return None
        if header.token:
            return self._returning(header, sender, now)
        if in_progress >= RETRY_ABOVE or not self._may_begin(self._strangers, sender, now):
            return self._retry(header, sender, now)
        return Admission(header.destination_cid, header.destination_cid, None)

    def _retry(self, header: QuicHeader, sender: Address, now: float) -> Answer:
        source_cid = os.urandom(CONNECTION_ID_BYTES)
        token = self._tokens.create_token(
            address=sender,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=source_cid,
            now=now,
        )
        return Answer(
            encode_quic_retry(
                version=QuicProtocolVersion.VERSION_1,
                source_cid=source_cid,
                destination_cid=header.source_cid,
                original_destination_cid=header.destination_cid,
                retry_token=token,
            )
        )

    def _returning(self, header: QuicHeader, sender: Address, now: float) -> Admission | None:
        try:
            original_cid = self._tokens.validate_token(
                address=sender, destination_cid=header.destination_cid, token=header.token, now=now
            )
        except ValueError:
            return None
        if not self._may_begin(self._returning_ones, sender, now):
            return None
        return Admission(header.destination_cid, original_cid, header.destination_cid)

    @staticmethod
    def _may_begin(budgets: Budgets[int], sender: Address, now: float) -> bool:
        """Draw on the budget of a sender's network; what runs on this very machine could harm it in simpler ways."""
        network = network_of(sender)
        return network in LOOPBACK or budgets.draw(network, round(now * SECOND))


def parse_header(data: bytes) -> QuicHeader | None:
    """Read the first header of a datagram; None when there is none."""
    try:
        return pull_quic_header(Buffer(data=data), host_cid_length=CONNECTION_ID_BYTES)
    except ValueError:
        return None
