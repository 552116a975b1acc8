"""The link that people paste: `meshcast://host[:port]/<broadcast id>?pin=<tracker key>`.

Keys are unpadded base64url of 32 bytes. The pin makes the tracker's identity part of the invitation, so that no
certificate authority is needed.
"""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import KEY_BYTES
from meshcast.protocol.units import Address, BroadcastId, PeerId

PORT_DEFAULT: Final = 4433
SHAPE: Final = "meshcast://HOST[:PORT]/BROADCAST?pin=TRACKER"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")


def key_to_text(key: bytes) -> str:
    """Write a key as 43 characters of base64url."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def key_from_text(text: str) -> bytes:
    """Read a key that `key_to_text` wrote; `BadInputError` otherwise."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or key_to_text(key) != text:
        raise BadInputError(f"{text[:60]!r} is not a key; a key is 43 letters, digits, '-' and '_'")
    return key


@dataclass(frozen=True, slots=True)
class TrackerAddress:
    """Where a tracker is, and the key it must prove; without a pin the first answer is trusted and kept."""

    host: str
    port: int
    pin: PeerId | None

    @classmethod
    def parse(cls, text: str) -> "TrackerAddress":
        """Read `HOST[:PORT][?pin=KEY]`."""
        place, _, query = text.partition("?")
        host, port = _host_and_port(place, text)
        pins = parse_qs(query).get("pin", [])
        if query and len(pins) != 1:
            raise BadInputError(f"{text!r} is not a tracker's address; it reads HOST[:PORT][?pin=KEY]")
        return cls(host, port, PeerId(key_from_text(pins[0])) if pins else None)

    def __str__(self) -> str:
        pin = f"?pin={key_to_text(self.pin)}" if self.pin else ""
        return f"{format_address((self.host, self.port))}{pin}"


@dataclass(frozen=True, slots=True)
class Link:
    """A broadcast, and where its tracker is."""

    host: str
    port: int
    broadcast: BroadcastId
    pin: PeerId

    @classmethod
    def parse(cls, text: str) -> "Link":
        """Read a link; `BadInputError` says in one line what is wrong with it."""
        text = text.strip()
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = None
        if parts is None or not text.startswith("meshcast://"):
            raise BadInputError(f"{text[:80]!r} is not a Meshcast link; one looks like {SHAPE}")
        host, port = _host_and_port(parts.netloc, text)
        pins = parse_qs(parts.query).get("pin", [])
        if len(pins) != 1:
            raise BadInputError(f"the link has no pin of its tracker (…?pin=KEY); copy it whole: {SHAPE}")
        try:
            broadcast, pin = key_from_text(parts.path.strip("/")), key_from_text(pins[0])
        except BadInputError as error:
            raise BadInputError(f"the link is damaged ({error}); copy it whole: {SHAPE}") from error
        return cls(host, port, BroadcastId(broadcast), PeerId(pin))

    def __str__(self) -> str:
        place = format_address((self.host, self.port))
        return f"meshcast://{place}/{key_to_text(self.broadcast)}?pin={key_to_text(self.pin)}"


def format_address(address: Address) -> str:
    """Write host and port, with brackets round an IPv6 host."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_and_port(place: str, whole: str) -> tuple[str, int]:
    """Split `host[:port]`; IPv6 hosts stand in brackets."""
    match = re.fullmatch(r"(\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(:(?P<port>[0-9]{1,5}))?", place)
    host = (match["six"] or match["name"]) if match else ""
    port = int(match["port"] or PORT_DEFAULT) if match else 0
    if not host or not (_is_ip(host) or _HOST.fullmatch(host)) or not 1 <= port <= 65535:
        raise BadInputError(
            f"{whole[:80]!r} names no host and port; write HOST or HOST:PORT, IPv6 in brackets"
        )
    return host, port


def _is_ip(host: str) -> bool:
    """Tell whether a host is a literal IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
