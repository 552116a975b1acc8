"""Ed25519 identities and domain-separated signatures (RFC 8032).

Every signature starts with the domain string of its own kind, so that no signature can be mistaken for one of another
kind. Keys are 32 bytes; signatures are 64.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meshcast.protocol.units import PeerId

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEYS_REMEMBERED: Final = 64
"""Keys that are kept as they were read: the source's, the tracker's, and the neighbours'."""

Verify: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""`verify(public key, signature, signed bytes)`: is the signature good? Passed in, so that a simulator can remember
answers: with a thousand peers in one process each chunk is checked once and not a thousand times."""

_PRIME: Final = 2**255 - 19
_SIGN_OFF: Final = 0x7F
_Y_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_NOBODYS: Final = frozenset(
    y.to_bytes(KEY_BYTES, "little")
    for y in (0, 1, _Y_OF_ORDER_8, _PRIME - _Y_OF_ORDER_8, _PRIME - 1, _PRIME, _PRIME + 1)
)
"""Points of order 1, 2, 4 and 8, in all their encodings but for the sign: for them a signature of zeros is good for one
message in four at least, and anybody finds such a message (the list is that of libsodium)."""


class Domain:
    """What is signed, one string for each kind."""

    CHUNK: Final = b"meshcast/1 chunk\0"
    DELEGATION: Final = b"meshcast/1 delegation\0"
    TICKET: Final = b"meshcast/1 ticket\0"
    ADOPT: Final = b"meshcast/1 adopt\0"
    NOTICE: Final = b"meshcast/1 notice\0"
    LINK_PROOF: Final = b"meshcast/1 link proof\0"


class Identity:
    """A private key and what can be done with it."""

    __slots__ = ("_key", "peer_id")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.peer_id: Final = PeerId(key.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> "Identity":
        """Make the identity of a 32-byte seed; the shell brings the chance."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The key itself, for the certificate that it signs."""
        return self._key

    def sign(self, domain: bytes, body: bytes) -> bytes:
        """Sign `domain + body`; 64 bytes."""
        return self._key.sign(domain + body)


def is_nobodys(public_key: bytes) -> bool:
    """Tell whether anybody can sign for this key."""
    return public_key[:-1] + bytes([public_key[-1] & _SIGN_OFF]) in _NOBODYS if public_key else False


def verify(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    """Tell whether `signature` over `signed` (domain included) was made by the holder of `public_key`."""
    if is_nobodys(public_key):
        return False
    try:
        _key(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=KEYS_REMEMBERED)
def _key(public_key: bytes) -> Ed25519PublicKey:
    """Read a key; that of the source is asked for ten times a second."""
    return Ed25519PublicKey.from_public_bytes(public_key)
