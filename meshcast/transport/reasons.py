"""Why links end: what the program is told, and what the wire says."""

import enum
from typing import Final


class DownReason(enum.Enum):
    """Why a link is down, or never came up."""

    CLOSED = enum.auto()
    """The other side closed it, or began anew."""
    SILENT = enum.auto()
    """The other side does not acknowledge, or far too slowly."""
    UNREACHABLE = enum.auto()
    """Nobody answered there."""
    WRONG_KEY = enum.auto()
    """Somebody else answered there."""
    PROTOCOL = enum.auto()
    """The other side did what the protocol does not allow."""
    HUNG_UP = enum.auto()
    """This side hung up."""


class FarewellCode(enum.IntEnum):
    """What a CONNECTION_CLOSE says, as an application error code of QUIC."""

    GOODBYE = 0
    PROTOCOL = 1
    WRONG_KEY = 2
    SILENT = 3
    NOT_NEEDED = 4


FAREWELLS: Final = {
    DownReason.CLOSED: FarewellCode.GOODBYE,
    DownReason.SILENT: FarewellCode.SILENT,
    DownReason.UNREACHABLE: FarewellCode.NOT_NEEDED,
    DownReason.WRONG_KEY: FarewellCode.WRONG_KEY,
    DownReason.PROTOCOL: FarewellCode.PROTOCOL,
    DownReason.HUNG_UP: FarewellCode.GOODBYE,
}
