"""What the tracker's machine wants done beside sending: rows to keep."""

from dataclasses import dataclass
from typing import TypeAlias

from meshcast.protocol.effects import HangUp, Send
from meshcast.protocol.units import BroadcastId


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep this row of a broadcast (or forget it, without a row), so that a restarted tracker has it."""

    broadcast: BroadcastId
    key: bytes
    """A peer's key; empty for the broadcast itself."""
    row: bytes | None


TrackerEffect: TypeAlias = Send | HangUp | Keep
