"""The bytes on the wire, kept: a change of the wire changes a file here, and docs/PROTOCOL quotes what the files hold.

Every file holds the bytes of one value of `golden_values` (crew), whose keys come from names. When a change is meant,
write what the failing test shows into the file, and say so in docs/PROTOCOL.
"""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from meshcast.protocol.chunk import decode_chunk, encode_chunk
from meshcast.protocol.messages import Message
from meshcast.protocol.tickets import ban, delegation, envelope, pack, ticket, unpack
from meshcast.protocol.wire import decode, decode_datagram, decode_refill, encode, encode_refill

FILES = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[2] / "docs" / "PROTOCOL.md"
STATEMENTS = {"ticket": ticket, "delegation": delegation, "ban": ban}
NAMES = sorted(path.stem for path in FILES.glob("*.hex"))
QUOTE = re.compile(r"```golden (\w+)\n(.*?)```", re.DOTALL)


def written(name: str, value: Any) -> bytes:
    """Give the bytes of a golden value."""
    if name == "chunk":
        return encode_chunk(value[1], value[0])
    if name == "refill":
        return encode_refill(value)
    return pack(envelope(value)) if name in STATEMENTS else encode(value)


def read(name: str, data: bytes) -> Any:
    """Give the value of golden bytes."""
    if name == "chunk":
        assert decode_datagram(data) == decode_chunk(data)
        return decode_chunk(data)
    if name == "refill":
        return decode_refill(data)
    return STATEMENTS[name](unpack(data)) if name in STATEMENTS else decode(data)


def kept(name: str) -> bytes:
    return bytes.fromhex((FILES / f"{name}.hex").read_text())


def lines(data: bytes) -> str:
    return "".join(f"{data[at : at + 32].hex()}\n" for at in range(0, len(data), 32))


def test_every_message_has_its_golden_bytes_and_so_have_chunks_and_statements(golden: Any) -> None:
    kinds = {kind.__name__.lower() for kind in get_args(Message)}
    assert set(NAMES) == set(golden) == kinds | {"chunk", "refill", "ticket", "delegation", "ban"}


@pytest.mark.parametrize("name", NAMES)
def test_encoding_gives_exactly_these_bytes(golden: Any, name: str) -> None:
    assert lines(written(name, golden[name])) == (FILES / f"{name}.hex").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_decoding_gives_back_the_value(golden: Any, name: str) -> None:
    assert read(name, kept(name)) == golden[name]


def test_the_page_quotes_what_the_files_hold() -> None:
    quotes = QUOTE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(quotes) >= 5
    for name, text in quotes:
        assert bytes.fromhex(text) == kept(name), name
