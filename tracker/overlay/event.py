"""One broadcast event: what its broadcaster announced, and how that is kept."""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.errors import BadInputError, RemoteProtocolError
from meshcast.protocol.fields import octets, record, text, uint
from meshcast.protocol.limits import CHILDREN_MAX, CHUNK_US_MAX, TITLE_BYTES_MAX
from meshcast.protocol.messages import Announce
from meshcast.protocol.tickets import Delegation, delegation, envelope, pack, unpack
from meshcast.protocol.units import Address, Micros
from tracker.overlay.snapshot import UNREADABLE

HOST_BYTES_MAX: Final = 64
_SHAPE: Final = record(
    delegation, text(TITLE_BYTES_MAX), uint(1_000_000), uint(CHUNK_US_MAX), uint(CHILDREN_MAX), octets(0, HOST_BYTES_MAX),
    uint(65535),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Announced:
    """What the broadcaster said of itself."""

    delegation: Delegation
    title: str
    bitrate_bps: int
    chunk_us: Micros
    capacity: int
    address: Address

    @classmethod
    def of(cls, announce: Announce, address: Address) -> "Announced":
        """Take it from the message."""
        return cls(
            announce.delegation,
            announce.title,
            announce.bitrate_bps,
            announce.chunk_us,
            announce.capacity,
            address,
        )

    def pack(self) -> bytes:
        """Write it for the store."""
        host, port = self.address
        one = envelope(self.delegation)
        return pack([one, self.title, self.bitrate_bps, self.chunk_us, self.capacity, host.encode(), port])

    @classmethod
    def unpack(cls, data: bytes) -> "Announced":
        """Read what `pack` wrote; `BadInputError` if it is something else."""
        try:
            one, title, bitrate_bps, chunk_us, capacity, host, port = _SHAPE(unpack(data))
        except RemoteProtocolError as error:
            raise BadInputError(UNREADABLE) from error
        return cls(one, title, bitrate_bps, chunk_us, capacity, (host.decode("ascii", "replace"), port))
