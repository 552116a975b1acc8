"""A certificate is the wrapping of a key, and nothing else of it counts."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.transport.certificates import NOT_AFTER, NOT_BEFORE, certificate_of, pinned_key

IDENTITY = Identity.from_seed(bytes(32))


def test_a_certificate_carries_the_identitys_key_and_is_signed_by_it() -> None:
    certificate = certificate_of(IDENTITY)
    assert pinned_key(certificate) == IDENTITY.peer_id
    certificate.verify_directly_issued_by(certificate)
    assert len(list(certificate.extensions)) >= 1


def test_the_same_identity_always_has_the_same_certificate_and_others_have_others() -> None:
    first, second = (certificate_of(IDENTITY).public_bytes(Encoding.DER) for _ in range(2))
    assert first == second
    assert certificate_of(Identity.from_seed(b"1" * 32)).public_bytes(Encoding.DER) != first


def test_a_key_of_another_kind_is_the_other_sides_fault() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOT_BEFORE).not_valid_after(NOT_AFTER)
    with pytest.raises(RemoteProtocolError, match="Ed25519"):
        pinned_key(builder.sign(key, SHA256()))
