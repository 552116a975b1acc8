"""Ed25519 identities, and signatures of which none is valid as another kind."""

import itertools

import pytest
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


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=40))
def test_any_bytes_for_key_signature_and_body_give_an_answer_and_no_error(
    key: bytes, signature: bytes, body: bytes
) -> None:
    assert not verify(key, signature, body)
