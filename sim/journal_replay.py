"""Replays a field journal: a fresh machine is told the same at the same times, and must want the very same done.

The first line that differs is where the field's machine and this one part: another version, or chance and time that did not
come through the machine's door. A journal that was cut short (a crash, a full disk) is replayed to where it breaks. If
the machine itself broke down on its last event, so it does here: that is the bug.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from meshcast.journal import DIGEST_DIGITS, FULL, RESTORED, VERSION, digest
from meshcast.protocol.chunk import decode_chunk
from meshcast.protocol.errors import BadInputError, RemoteProtocolError
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
from meshcast.protocol.identity import SIGNATURE_BYTES, Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Address, BroadcastId, Micros, PeerId
from meshcast.protocol.wire import decode
from sim.process import Runs
from tracker.overlay.machine import TrackerMachine

BROKEN: Final = (ValueError, KeyError, TypeError, IndexError, RemoteProtocolError)
"""What a line that is not what it should be raises when it is read."""


@dataclass(slots=True)
class Replayed:
    """What a replay found."""

    machine: Runs
    events: int = 0
    simulated_us: Micros = 0
    """From the first event to the last."""
    cut_at_line: int | None = None
    """Where the journal breaks off, if it does."""
    is_full: bool = False
    """It reached its size and ended in order."""
    differs: str = ""
    """The first line at which the machine wanted something else, and what it wanted."""

    @property
    def verdict(self) -> str:
        """Say in one line what came of it."""
        if self.differs:
            return self.differs
        what = f"the same in all {self.events} events"
        if self.cut_at_line is not None:
            return f"{what}; the journal breaks off in line {self.cut_at_line}"
        return f"{what}; the journal was full" if self.is_full else what


class Keyless:
    """Somebody's identity without the key: what it signs is worth nothing, and nobody looks at it."""

    def __init__(self, peer_id: PeerId) -> None:
        self.peer_id = peer_id

    def sign(self, domain: bytes, body: bytes) -> bytes:  # noqa: ARG002 - the shape of an identity
        """Give bytes in the place of a signature."""
        return bytes(SIGNATURE_BYTES)


def replay(path: Path) -> Replayed:
    """Replay a journal as far as it goes; `BadInputError` if it is none, or if a line within it is not as it must be."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise BadInputError(f"the journal {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: line 1: expected a journal, which is plain text") from error
    lines = text.split("\n")
    found = Replayed(_machine(path, lines[0]))
    _follow(path, lines[1:], found)
    return found


def _follow(path: Path, lines: list[str], found: Replayed) -> None:
    """Tell the machine line after line, until the end or the first difference."""
    began_at: Micros | None = None
    last = len(lines) - 1
    for number, line in enumerate(lines):
        if number == last and not line:
            return
        recorded, wanted = _split(line)
        try:
            now, kind, *rest = _whole(recorded)
            if kind == FULL:
                found.is_full = True
                return
            event = _event(kind, rest) if kind != RESTORED else None
        except BROKEN as error:
            if number == last:
                found.cut_at_line = number + 2
                return
            raise BadInputError(
                f"{path}: line {number + 2}: expected an event's time, kind and fields and a digest"
            ) from error
        began_at = now if began_at is None else began_at
        found.simulated_us = now - began_at
        if event is None:
            _restore(path, number + 2, found.machine, rest, now)
            continue
        did = _tell(found, event, now, number + 2)
        if len(wanted) < DIGEST_DIGITS and number == last:
            found.cut_at_line = number + 2
            return
        if did != wanted:
            found.differs = f"line {number + 2}: after {kind!r} at {now} us the machine wants something else ({did}, not {wanted})"
            return


def _tell(found: Replayed, event: Event, now: Micros, line: int) -> str:
    """Let the machine handle an event; what breaks it says in which line."""
    found.events += 1
    try:
        return digest(found.machine.handle(event, now))
    except BaseException as error:
        error.add_note(f"in line {line} of the journal, at {now} us: {event!r}")
        raise


def _split(line: str) -> tuple[str, str]:
    """Split a line into what was recorded and the digest; without one the machine never came back."""
    recorded, _, wanted = line.rpartition(" ")
    return (recorded, wanted) if recorded.endswith("]") else (line.strip(), "")


def _whole(recorded: str) -> Iterator[Any]:
    """Read a line's values."""
    values = json.loads(recorded)
    if type(values) is not list or (values != [FULL] and (len(values) < 2 or type(values[0]) is not int)):
        raise ValueError("no event")
    return iter(values if values != [FULL] else [0, FULL])


def _machine(path: Path, line: str) -> Runs:
    """Make the machine that the first line describes."""
    try:
        head = json.loads(line)
        if head["journal"] != VERSION:
            raise BadInputError(f"{path}: line 1: expected a journal of version {VERSION}")
        dice = random.Random(head["seed"]).randrange
        identity = cast("Identity", Keyless(_peer(head["me"])))
        if head["machine"] == "tracker":
            return TrackerMachine(
                identity, dice, wall_offset_us=int(head["wall_offset_us"]), term=int(head["term"])
            )
        if head["machine"] != "listener":
            raise BadInputError(f"{path}: line 1: expected a machine that is a listener or a tracker")
        member = Membership(
            identity,
            BroadcastId(_peer(head["broadcast"])),
            _peer(head["tracker"]),
            _addresses(head["tracker_addresses"]),
            Role(head["role"]),
            int(head["capacity"]),
            dice,
            int(head["wall_offset_us"]),
            _addresses(head["addresses"]),
            tuple(int(one) for one in head["landmarks"]),
        )
        uplink_bps = head.get("uplink_bps")
        return PeerMachine(
            member,
            int(head["delay_us"]),
            adapts=bool(head.get("adapts", False)),
            is_paced=bool(head.get("is_paced", False)),
            uplink_bps=None if uplink_bps is None else int(uplink_bps),
        )
    except BROKEN as error:
        raise BadInputError(
            f"{path}: line 1: expected a journal's first line, which says what machine it is of"
        ) from error


def _restore(path: Path, line: int, machine: Runs, rest: list[Any], now: Micros) -> None:
    """Give a tracker back what it had kept."""
    if not isinstance(machine, TrackerMachine):
        raise BadInputError(f"{path}: line {line}: expected rows in a tracker's journal only")
    try:
        broadcast, rows = rest
        kept = [(bytes.fromhex(key), bytes.fromhex(row)) for key, row in rows]
        machine.restore(BroadcastId(_peer(broadcast)), kept, now)
    except BROKEN as error:
        raise BadInputError(f"{path}: line {line}: expected a broadcast and its rows") from error


def _event(kind: str, rest: list[Any]) -> Event:
    """Read an event."""
    match kind, rest:
        case "tick", []:
            return Tick()
        case "chunk", [peer, data, rtt_us, is_refill]:
            return _chunk(peer, data, rtt_us, is_refill)
        case "refill", [peer, parts]:
            return RefillReceived(_peer(peer), tuple(_chunk(*part) for part in parts))
        case "message", [peer, data]:
            message = decode(bytes.fromhex(data))
            if message is None:
                raise ValueError("a message of no known type")
            return Received(_peer(peer), message)
        case "connected", [peer, address, bool(dialled)]:
            return Connected(_peer(peer), _address(address), dialled)
        case "disconnected", [peer, str(detail), bool(is_wrong_key)]:
            return Disconnected(_peer(peer), detail, is_wrong_key)
        case "captured", [packets, int(duration_us), bool(paused), *rest]:
            # A journal of an earlier version knows of no standby programme.
            standby = bool(rest[0]) if rest else False
            return Captured(tuple(bytes.fromhex(packet) for packet in packets), duration_us, paused, standby)
        case "programme ended", []:
            return ProgrammeEnded()
        case "stop", []:
            return Stop()
        case "round trips", [measured]:
            return RoundTrips(tuple((_peer(peer), int(rtt_us)) for peer, rtt_us in measured))
        case "woken", [int(slept_us)]:
            return Woken(slept_us)
        case _:
            raise ValueError(f"no event is called {kind!r}")


def _chunk(peer: str, data: str, rtt_us: int, is_refill: bool) -> ChunkReceived:  # noqa: FBT001 - a line's fields
    """Read a chunk that came."""
    hop, chunk = decode_chunk(bytes.fromhex(data))
    return ChunkReceived(_peer(peer), hop, chunk, int(rtt_us), bool(is_refill))


def _peer(text: str) -> PeerId:
    """Read a key."""
    return PeerId(bytes.fromhex(text))


def _address(value: Any) -> Address:
    """Read an address."""
    host, port = value
    return str(host), int(port)


def _addresses(values: Any) -> tuple[Address, ...]:
    """Read addresses."""
    return tuple(_address(one) for one in values)
