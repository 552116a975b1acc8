"""How both sides of a connection are configured: one cipher suite, one version, two connection ids, and our bounds.

X25519, AES-128-GCM, Ed25519 and version 1 only: half the cost of a handshake. What the library's configuration has no
field for (the group, the kind of signature, the number of connection ids) a connection changes by itself; the delay of
acknowledgements, which is a constant there, is put into what is announced.
"""

import ssl
from typing import Final

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.packet import (
    QuicProtocolVersion,
    pull_quic_transport_parameters,
    push_quic_transport_parameters,
)

from meshcast.protocol.identity import Identity
from meshcast.transport import limits
from meshcast.transport.certificates import certificate_of
from meshcast.transport.congestion import ALGORITHM

ALPN: Final = "meshcast/1"
CONNECTION_ID_BYTES: Final = 8
CONNECTION_IDS: Final = 2
"""So many of its own a side keeps in use: one, and one to move to."""


def dialling() -> QuicConfiguration:
    """Configure the dialling side; the key is pinned afterwards, so no chain is verified and no name is sent."""
    return _configuration(is_client=True)


def accepting(identity: Identity) -> QuicConfiguration:
    """Configure the accepting side, which shows the identity's certificate."""
    configuration = _configuration(is_client=False)
    configuration.certificate = certificate_of(identity)
    configuration.private_key = identity.private_key
    return configuration


def _configuration(*, is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        alpn_protocols=[ALPN],
        cipher_suites=[tls.CipherSuite.AES_128_GCM_SHA256],
        congestion_control_algorithm=ALGORITHM,
        connection_id_length=CONNECTION_ID_BYTES,
        idle_timeout=limits.IDLE_S,
        initial_rtt=limits.INITIAL_RTT_S,
        is_client=is_client,
        max_data=limits.CONNECTION_WINDOW_BYTES,
        max_datagram_frame_size=65_535,
        max_stream_data=limits.STREAM_WINDOW_BYTES,
        supported_versions=[QuicProtocolVersion.VERSION_1],
        verify_mode=ssl.CERT_NONE,
    )


def announced(parameters: bytes) -> bytes:
    """Put the delay that our acknowledgements really have into serialized transport parameters (RFC 9000, section 18.2)."""
    values = pull_quic_transport_parameters(Buffer(data=parameters))
    values.max_ack_delay = round(limits.ACK_DELAY_S * 1_000)
    buffer = Buffer(capacity=SMALLEST_MAX_DATAGRAM_SIZE)
    push_quic_transport_parameters(buffer, values)
    return buffer.data
