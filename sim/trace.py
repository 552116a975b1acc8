"""A digest of everything that happened: two runs of one seed are the same run if theirs are equal."""

import hashlib

from meshcast.protocol.events import ChunkReceived, Connected, Disconnected, Event, Received, RefillReceived
from meshcast.protocol.units import Micros


class Trace:
    """Takes in events in order."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.events = 0

    def note(self, host: int, event: Event, now: Micros) -> None:
        """Take in what happened to a host."""
        match event:
            case ChunkReceived(peer, hop, chunk):
                what = f"chunk {peer[:4].hex()} {chunk.sequence} {hop.have} {hop.age_us}"
            case RefillReceived(peer, parts):
                what = f"refill {peer[:4].hex()} {[(part.chunk.sequence, part.hop.age_us) for part in parts]}"
            case Received(peer, message):
                what = f"message {peer[:4].hex()} {message!r}"
            case Connected(peer) | Disconnected(peer):
                what = f"{type(event).__name__} {peer[:4].hex()}"
            case _:
                what = type(event).__name__
        self.events += 1
        self._hash.update(f"{now} {host} {what}\n".encode())

    def digest(self) -> str:
        """Give the digest of what has happened so far, in hexadecimal."""
        return self._hash.hexdigest()
