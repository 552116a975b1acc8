"""How both sides of a connection are configured: one cipher suite, one version, two connection ids, and our bounds.

X25519, AES-128-GCM, Ed25519 and version 1 only: half the cost of a handshake. What the library's configuration has no
field for (the group, the kind of signature, the number of connection ids) a connection changes by itself.
"""

import ssl
from typing import Final

from aioquic import tls
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

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
