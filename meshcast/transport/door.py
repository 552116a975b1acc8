"""The door: what becomes of packets that belong to no connection.

Only a well-formed first packet of our version and at least 1,200 bytes gets in (RFC 9000, section 14.1). Other versions
are told ours. While many handshakes are in progress a stranger is first sent away with a token that proves its address
(Retry, RFC 9000, section 8.1.2), which costs us twelve microseconds instead of a connection; beyond a second limit
nobody gets in at all. Whatever else comes is dropped without a word: strangers learn nothing, and nothing is amplified.
"""

import os
from dataclasses import dataclass
from typing import Final

from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
)
from aioquic.quic.retry import QuicRetryTokenHandler

from meshcast.protocol.units import Address
from meshcast.transport.connection import CONNECTION_ID_BYTES, parse_header
from meshcast.transport.limits import HANDSHAKES_MAX, RETRY_ABOVE

FIRST_PACKET_BYTES_MIN: Final = 1_200
LONG_HEADER: Final = 0x80
FIXED_BIT: Final = 0x40


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
        if in_progress >= RETRY_ABOVE:
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
        return Admission(header.destination_cid, original_cid, header.destination_cid)
