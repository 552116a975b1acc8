"""A field journal: everything that happened to one machine, and when, so that a bug from the field replays as a test.

A journal is a text of lines. The first says which machine it is and what it was made of; each of the others is what one
event was, as JSON, and a digest of what the machine wanted done then. An event is written before the machine sees it: of one
that never comes back the journal still tells. No secret is written: a machine's own signatures are no part of the digest,
and whoever replays needs no key. Chance comes from the seed in the first line. When the journal is full, it ends.
"""

import hashlib
import json
import random
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO, assert_never

from meshcast.protocol.chunk import Chunk, Hop, encode_chunk
from meshcast.protocol.effects import Play, Refill, Send, SendChunk
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.events import (
    Captured,
    ChunkReceived,
    Connected,
    Disconnected,
    Event,
    ProgrammeEnded,
    Received,
    RefillReceived,
    RoundTrips,
    Stop,
    Tick,
    Woken,
)
from meshcast.protocol.machine import Dice
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Adopt
from meshcast.protocol.units import BroadcastId, Micros, PeerId
from meshcast.protocol.wire import encode

VERSION: Final = 1
BYTES_MAX: Final = 256 * 1024 * 1024
"""Some hours of a busy listener: a chunk costs 1.5 KB."""
RESTORED: Final = "restored"
FULL: Final = "full"
NO_DIGEST: Final = "-"
DIGEST_DIGITS: Final = 16

Header = dict[str, Any]
"""The first line."""


class Journal:
    """Writes what happens to one machine; trouble with the file ends the journal, and nothing else."""

    def __init__(self, file: TextIO, seed: int, bytes_max: int = BYTES_MAX) -> None:
        self._file = file
        self._left = bytes_max
        self._is_open = True
        self.seed = seed
        self.dice: Dice = random.Random(seed).randrange
        """What the machine must draw from, or no replay is like it."""

    def begin(self, header: Header) -> None:
        """Say what the machine is made of."""
        self._write(json.dumps({"journal": VERSION, "seed": self.seed, **header}) + "\n")

    def restored(self, broadcast: BroadcastId, rows: Iterable[tuple[bytes, bytes]], now: Micros) -> None:
        """Say what a tracker took back from its store before anything happened."""
        kept = [[key.hex(), row.hex()] for key, row in rows]
        self._write(json.dumps([now, RESTORED, broadcast.hex(), kept]) + f" {NO_DIGEST}\n")

    def before(self, event: Event, now: Micros) -> None:
        """Write what is about to be handled."""
        self._write(json.dumps([now, *told(event)]) + " ")

    def after(self, effects: Sequence[object]) -> None:
        """Write what came of it."""
        self._write(digest(effects) + "\n")

    def _write(self, text: str) -> None:
        """Write a piece at once, for nobody knows which is the last."""
        if not self._is_open:
            return
        self._left -= len(text)
        if self._left <= 0 and text.endswith("\n"):
            text, self._is_open = f"{text}{json.dumps([FULL])} {NO_DIGEST}\n", False
        try:
            self._file.write(text)
            self._file.flush()
        except OSError:
            self._is_open = False


@contextmanager
def open_journal(path: Path | None) -> Iterator[Journal | None]:
    """Open a journal for writing, if there is a path; `BadInputError` if it cannot be."""
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="ascii")
    except OSError as error:
        raise BadInputError(f"the journal {path} cannot be written: {error.strerror}") from error
    with file:
        yield Journal(file, secrets.randbits(64))


def of_listener(
    member: Membership,
    delay_us: Micros,
    *,
    adapts: bool = False,
    is_paced: bool = False,
    uplink_bps: int | None = None,
) -> Header:
    """Describe a listener's or a relay's machine."""
    return {
        "machine": "listener",
        "me": member.me.hex(),
        "broadcast": member.broadcast.hex(),
        "tracker": member.tracker.hex(),
        "tracker_addresses": member.tracker_addresses,
        "role": int(member.role),
        "capacity": member.capacity,
        "wall_offset_us": member.wall_offset_us,
        "addresses": member.addresses,
        "landmarks": member.landmarks,
        "delay_us": delay_us,
        "adapts": adapts,
        "is_paced": is_paced,
        "uplink_bps": uplink_bps,
    }


def of_tracker(me: PeerId, wall_offset_us: Micros, term: int) -> Header:
    """Describe a tracker's machine."""
    return {"machine": "tracker", "me": me.hex(), "wall_offset_us": wall_offset_us, "term": term}


def told(event: Event) -> list[Any]:
    """Write an event as JSON takes it: its kind, then its fields; bytes in hexadecimal."""
    match event:
        case Tick():
            return ["tick"]
        case ChunkReceived():
            return ["chunk", *_chunk(event)]
        case RefillReceived(peer, parts):
            return ["refill", peer.hex(), [_chunk(part) for part in parts]]
        case Received(peer, message):
            return ["message", peer.hex(), encode(message).hex()]
        case Connected(peer, address, dialled):
            return ["connected", peer.hex(), address, dialled]
        case Disconnected(peer, detail, is_wrong_key):
            return ["disconnected", peer.hex(), detail, is_wrong_key]
        case Captured(packets, duration_us, paused, standby):
            return ["captured", [packet.hex() for packet in packets], duration_us, paused, standby]
        case ProgrammeEnded():
            return ["programme ended"]
        case Stop():
            return ["stop"]
        case RoundTrips(measured):
            return ["round trips", [[peer.hex(), rtt_us] for peer, rtt_us in measured]]
        case Woken(slept_us):
            return ["woken", slept_us]
        case _:
            assert_never(event)


def digest(effects: Sequence[object]) -> str:
    """Give sixteen hexadecimal digits for what a machine wants done, its own signatures left out."""
    hashed = hashlib.blake2b(digest_size=DIGEST_DIGITS // 2)
    for effect in effects:
        hashed.update(_shown(effect).encode())
    return hashed.hexdigest()


def _chunk(event: ChunkReceived) -> list[Any]:
    """Write a chunk that came."""
    return [event.peer.hex(), encode_chunk(event.chunk, event.hop).hex(), event.rtt_us, event.is_refill]


def _shown(effect: object) -> str:
    """Show what matters of an effect; chunks by their numbers."""
    match effect:
        case SendChunk(to, hop, chunk):
            return f"SendChunk {to.hex()} {_named(hop, chunk)}"
        case Refill(to, chunks):
            return f"Refill {to.hex()} {[_named(hop, chunk) for hop, chunk in chunks]}"
        case Play(chunk, age_us, longer_us):
            return f"Play {chunk.sequence} {age_us} {longer_us}"
        case Send(to, Adopt() as adopt):
            return f"Send {to.hex()} {replace(adopt, signature=b'')!r}"
        case _:
            return repr(effect)


def _named(hop: Hop, chunk: Chunk) -> str:
    """Name a chunk with its hop header."""
    return f"{chunk.run} {chunk.sequence} {hop.have} {hop.age_us}"
