"""Trackers' keys on first use: without a pin the first answer is trusted and kept, and must be the same ever after."""

import json
from pathlib import Path

from meshcast.keys import fresh_identity
from meshcast.places import own_address
from meshcast.protocol.errors import BadInputError, UnreachableError
from meshcast.protocol.link import TrackerAddress, format_address, key_from_text, key_to_text
from meshcast.protocol.units import Address, PeerId
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.discovery import discover_key


async def pin_of(tracker: TrackerAddress, addresses: tuple[Address, ...], known: Path) -> PeerId:
    """Give the key of a tracker that was named without one: the one kept from before, or what it shows now."""
    place = format_address((tracker.host, tracker.port))
    pins = _read(known)
    if place in pins:
        return PeerId(key_from_text(pins[place]))
    key = await discover_key(fresh_identity(), UdpSocket.bind(*own_address(addresses[0])), addresses[0])
    if key is None:
        raise UnreachableError(
            f"no tracker answers at {place}; start one with: meshcast-tracker serve --listen {place}"
        )
    _write(known, pins | {place: key_to_text(key)})
    return key


def _read(known: Path) -> dict[str, str]:
    """Read the keys that are kept."""
    try:
        pins = json.loads(known.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"the list of trackers {known} cannot be read; repair it or move it away"
        ) from error
    if not isinstance(pins, dict) or not all(isinstance(one, str) for one in pins.values()):
        raise BadInputError(f"the list of trackers {known} is damaged; repair it or move it away")
    return pins


def _write(known: Path, pins: dict[str, str]) -> None:
    """Keep the keys, whole or not at all."""
    draft = known.with_name(known.name + ".part")
    try:
        known.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(pins, indent=2) + "\n")
        draft.replace(known)
    except OSError as error:
        raise BadInputError(f"the list of trackers {known} cannot be written: {error.strerror}") from error
