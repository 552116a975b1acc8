"""A digest of everything that happened: two runs of one seed are the same run if theirs are equal."""

import hashlib
import struct
from typing import Final

from meshcast.protocol.events import (
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    Received,
    RefillReceived,
    Tick,
)
from meshcast.protocol.units import Micros

_CHUNK: Final = struct.Struct("<cqI4sIqq")
_BARE: Final = struct.Struct("<cqI")
BUFFER_BYTES: Final = 1 << 16
"""Hashed at once: most of what happens takes forty bytes."""


class Trace:
    """Takes in events in order."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._buffer = bytearray()
        self.events = 0

    def note(self, host: int, event: Event, now: Micros) -> None:
        """Take in what happened to a host."""
        self.events += 1
        kind = type(event)
        if kind is Tick:
            self._buffer += _BARE.pack(b"t", now, host)
        elif isinstance(event, ChunkReceived):
            hop = event.hop
            self._buffer += _CHUNK.pack(
                b"c", now, host, event.peer[:4], event.chunk.sequence, hop.have, hop.age_us
            )
        else:
            self._buffer += f"{now} {host} {_told(event)}\n".encode()
        if len(self._buffer) >= BUFFER_BYTES:
            self._flush()

    def digest(self) -> str:
        """Give the digest of what has happened so far, in hexadecimal."""
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        """Hash what has gathered."""
        self._hash.update(self._buffer)
        self._buffer.clear()


def _told(event: Event) -> str:
    """Say what happened, where it is neither of the two that happen all the time."""
    match event:
        case RefillReceived(peer, parts):
            return f"refill {peer[:4].hex()} {[(part.chunk.sequence, part.hop.age_us) for part in parts]}"
        case Received(peer, message):
            return f"message {peer[:4].hex()} {message!r}"
        case Connected(peer) | Disconnected(peer):
            return f"{type(event).__name__} {peer[:4].hex()}"
        case _:
            return type(event).__name__
