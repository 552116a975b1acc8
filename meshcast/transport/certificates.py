"""Self-signed certificates: the wrapping in which TLS carries a peer's Ed25519 key.

Between peers no chain, name or date is ever verified. TLS still makes the server prove that it holds the key of the
certificate that it shows (CertificateVerify, RFC 8446, section 4.4.3), and the dialler compares that key with the one
it was told: the key is the name. So the certificate needs no clock, and one identity always yields the same bytes.
"""

import datetime as dt
import hashlib
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.protocol.units import PeerId

NOT_BEFORE: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
NOT_AFTER: Final = dt.datetime(2099, 12, 31, tzinfo=dt.UTC)


def certificate_of(identity: Identity) -> x509.Certificate:
    """Make the self-signed certificate of an identity (RFC 8410); always the same for the same identity."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "meshcast")])
    public_key = identity.private_key.public_key()
    serial = int.from_bytes(hashlib.sha256(identity.peer_id).digest()[:16], "big") or 1
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(identity.private_key, algorithm=None)
    )


def pinned_key(certificate: x509.Certificate) -> PeerId:
    """Take the peer's key out of its certificate; RemoteProtocolError when it is of another kind."""
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise RemoteProtocolError(f"the certificate holds a {type(key).__name__}, an Ed25519 key is needed")
    return PeerId(key.public_bytes_raw())
