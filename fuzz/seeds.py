"""Where inputs begin: the golden bytes of the protocol, and the kept corpus of what these do not hold.

`fuzz/corpus` has one file a kind, in hexadecimal so that a person can look at it: `NAME.hex`. What once broke something
is kept there as `found-TARGET-….hex`, and each run of the tests takes it up again.
"""

import functools
from pathlib import Path
from typing import Any, Final

from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.tickets import unpack

CORPUS: Final = Path(__file__).parent / "corpus"
GOLDEN: Final = Path(__file__).parents[1] / "tests" / "protocol" / "golden"
STATEMENTS: Final = ("ticket", "delegation", "ban")
BULK: Final = ("chunk", "refill")


def read(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder, by name."""
    return {path.stem: bytes.fromhex(path.read_text()) for path in sorted(folder.glob("*.hex"))}


@functools.cache
def golden() -> dict[str, bytes]:
    """Give the bytes of one value of each kind."""
    return read(GOLDEN)


@functools.cache
def corpus() -> dict[str, bytes]:
    """Give what is kept beside them."""
    return read(CORPUS)


@functools.cache
def messages() -> list[bytes]:
    """Give one of each message."""
    return [data for name, data in golden().items() if name not in (*STATEMENTS, *BULK)]


@functools.cache
def values() -> list[Any]:
    """Give messages and signed statements as msgpack values, bodies of statements opened too."""
    found = [unpack(data) for name, data in golden().items() if name not in BULK]
    return found + [unpack(value[0]) for value in found if _is_statement(value)]


def _is_statement(value: Any) -> bool:
    if type(value) is not list or type(value[0]) is not bytes:
        return False
    try:
        return type(unpack(value[0])) is list
    except RemoteProtocolError:
        return False


def keep(name: str, data: bytes) -> Path:
    """Keep an input; give where."""
    path = CORPUS / f"{name}.hex"
    lines = "".join(f"{data[at : at + 32].hex()}\n" for at in range(0, len(data), 32))
    path.write_text(lines)
    return path
