"""Private keys in files: made on first use, readable by their owner only, and never overwritten."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Identity

SEED_BYTES: Final = 32
KEY_FILE_BYTES_MAX: Final = 10_000
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def fresh_identity() -> Identity:
    """Make a key that lives as long as this process."""
    return Identity.from_seed(secrets.token_bytes(SEED_BYTES))


def keep_identity(path: Path) -> Identity:
    """Read the key in a file, or make one there; `BadInputError` if it is damaged or others can read it."""
    try:
        return _read(path) if path.exists() else _make(path)
    except OSError as error:
        raise BadInputError(
            f"the key file {path} cannot be used: {error.strerror}; choose another with --key"
        ) from error


def _read(path: Path) -> Identity:
    """Read a key."""
    if not path.is_file():
        raise BadInputError(f"{path} is no file; give the path of a key file")
    if path.stat().st_mode & OTHERS:
        raise BadInputError(f"others can read the key in {path}; run: chmod 600 {path}")
    with path.open("rb") as file:
        data = file.read(KEY_FILE_BYTES_MAX)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"the key in {path} is damaged; restore it from a copy, or move it away and a new one is made"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInputError(f"the key in {path} is no Ed25519 key; move it away and a new one is made")
    return Identity(key)


def _make(path: Path) -> Identity:
    """Make a key that only its owner can read; on the disk before it is used, for what it signs cannot be unsigned."""
    identity = fresh_identity()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return _read(path)
    finally:
        draft.unlink()
    return identity
