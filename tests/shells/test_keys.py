"""Keys in files: made once, for their owner's eyes, and never overwritten."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from meshcast.keys import KEY_FILE_BYTES_MAX, fresh_identity, keep_identity
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Domain, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "broadcast.key"


def test_every_fresh_key_is_another() -> None:
    assert len({fresh_identity().peer_id for _ in range(10)}) == 10


def test_a_key_is_made_on_first_use_and_is_the_same_ever_after(path: Path) -> None:
    made, read = keep_identity(path), keep_identity(path)
    assert made.peer_id == read.peer_id
    assert verify(made.peer_id, read.sign(Domain.TICKET, b"x"), Domain.TICKET + b"x")


def test_only_its_owner_can_read_it_and_nothing_is_left_beside_it(path: Path) -> None:
    keep_identity(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_those_who_make_it_at_the_same_time_get_the_same_key(path: Path) -> None:
    found: list[bytes] = []
    together = threading.Barrier(8)

    def make() -> None:
        together.wait()
        found.append(keep_identity(path).peer_id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [keep_identity(path).peer_id] * 8
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_key_that_others_can_read_is_refused_with_what_to_do(path: Path, mode: int) -> None:
    keep_identity(path)
    path.chmod(mode)
    with pytest.raises(BadInputError, match=f"run: chmod 600 {path}"):
        keep_identity(path)


def protected(key: X25519PrivateKey | None) -> bytes:
    """Write a key of another kind; without one, our own kind behind a password."""
    if key is not None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return fresh_identity().private_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n", "damaged"),
        (b"\0" * 2 * KEY_FILE_BYTES_MAX, "damaged"),
        (protected(None), "damaged"),
        (protected(X25519PrivateKey.generate()), "no Ed25519 key"),
    ],
)
def test_what_is_no_key_of_ours_is_refused_and_stays_as_it_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInputError, match=words):
        keep_identity(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_key_and_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no file"):
        keep_identity(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="--key"):
        keep_identity(tmp_path / "file" / "some.key")
