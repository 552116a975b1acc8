"""Ed25519 identities, and signatures of which none is valid as another kind."""

import contextlib
import itertools

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.identity import KEY_BYTES, SIGNATURE_BYTES, Domain, Identity, verify

DOMAINS = [value for name, value in vars(Domain).items() if name.isupper()]
ANN = Identity.from_seed(b"a" * 32)


def test_a_key_has_32_bytes_and_a_signature_64() -> None:
    assert len(ANN.peer_id) == KEY_BYTES
    assert len(ANN.sign(Domain.TICKET, b"")) == SIGNATURE_BYTES


def test_the_vector_of_rfc_8032_gives_its_public_key() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert Identity.from_seed(seed).peer_id.hex() == public


def test_one_seed_gives_one_identity() -> None:
    assert Identity.from_seed(b"a" * 32).peer_id == ANN.peer_id != Identity.from_seed(b"b" * 32).peer_id


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(DOMAINS, 2)))
def test_a_signature_of_one_kind_is_never_valid_for_another(one: bytes, other: bytes) -> None:
    signature = ANN.sign(one, b"body")
    assert verify(ANN.peer_id, signature, one + b"body")
    assert not verify(ANN.peer_id, signature, other + b"body")


def test_no_domain_is_the_beginning_of_another() -> None:
    assert not any(one.startswith(other) for one, other in itertools.permutations(DOMAINS, 2))
    assert all(one.endswith(b"\0") for one in DOMAINS)


Y_OF_ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
KEYS_OF_NOBODY = [
    "00" * 32,
    "01" + "00" * 31,
    Y_OF_ORDER_8,
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("sign", [0x00, 0x80])
@pytest.mark.parametrize("text", KEYS_OF_NOBODY)
def test_a_key_for_which_anybody_can_sign_is_nobodys(text: str, sign: int) -> None:
    """The key of zeros proved itself with a signature of zeros, on one connection in four."""
    key = bytes.fromhex(text)
    key = key[:-1] + bytes([key[-1] | sign])
    signatures = [key + bytes(32), bytes(64), b"\1" + bytes(63)]
    for number in range(32):
        assert not any(verify(key, signature, bytes([number])) for signature in signatures)


def test_and_without_that_rule_the_key_of_zeros_could_sign() -> None:
    zeros = Ed25519PublicKey.from_public_bytes(bytes(32))
    signed = 0
    for number in range(64):
        with contextlib.suppress(InvalidSignature):
            zeros.verify(bytes(64), bytes([number]))
            signed += 1
    assert signed > 0


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=40))
def test_any_bytes_for_key_signature_and_body_give_an_answer_and_no_error(
    key: bytes, signature: bytes, body: bytes
) -> None:
    assert not verify(key, signature, body)
