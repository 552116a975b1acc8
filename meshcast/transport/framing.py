"""What stands on the control stream: a proof, then frames.

The dialler writes a preamble, and nothing before it: its 32-byte key and a signature (`Domain.LINK_PROOF`) over the
acceptor's key and the 32 bytes that TLS exports for this very connection. So the proof is worth nothing on any other
connection and to any other acceptor. After it, in both directions, come frames: four bytes of length, big-endian, and
that many bytes of one control message.
"""

from typing import Final

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import KEY_BYTES, SIGNATURE_BYTES, Domain, Identity, verify
from meshcast.protocol.units import PeerId
from meshcast.transport.limits import FRAME_BYTES_MAX

CONTROL_STREAM: Final = 0
"""The one bidirectional stream; the dialler opens it."""
LENGTH_BYTES: Final = 4
PREAMBLE_BYTES: Final = KEY_BYTES + SIGNATURE_BYTES


def preamble(identity: Identity, acceptor: PeerId, exported: bytes) -> bytes:
    """Write the dialler's proof for one connection; 96 bytes."""
    return identity.peer_id + identity.sign(Domain.LINK_PROOF, acceptor + exported)


def proven_peer(data: bytes, acceptor: PeerId, exported: bytes) -> PeerId:
    """Check a dialler's proof and name the dialler; RemoteProtocolError when it does not hold."""
    peer, signature = data[:KEY_BYTES], data[KEY_BYTES:PREAMBLE_BYTES]
    if peer == acceptor:
        raise RemoteProtocolError("the dialler claims to be the acceptor")
    if not exported or not verify(peer, signature, Domain.LINK_PROOF + acceptor + exported):
        raise RemoteProtocolError("the proof of the dialler's key does not hold for this connection")
    return PeerId(peer)


def framed(frame: bytes) -> bytes:
    """Put the length in front of a frame; LocalProtocolError when it is empty or too long."""
    if not 0 < len(frame) <= FRAME_BYTES_MAX:
        raise LocalProtocolError(f"a frame of {len(frame)} bytes, 1 to {FRAME_BYTES_MAX} allowed")
    return len(frame).to_bytes(LENGTH_BYTES, "big") + frame


class FrameReader:
    """Cuts a stream into frames, however it was cut on the way."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self._buffer += data

    def take(self, size: int) -> bytes | None:
        """Take exactly `size` bytes, or None while there are fewer."""
        if len(self._buffer) < size:
            return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def next_frame(self) -> bytes | None:
        """Take one frame, or None while none is whole; RemoteProtocolError when its length is not allowed."""
        if len(self._buffer) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if not 0 < length <= FRAME_BYTES_MAX:
            raise RemoteProtocolError(f"a frame of {length} bytes, 1 to {FRAME_BYTES_MAX} allowed")
        if len(self._buffer) < LENGTH_BYTES + length:
            return None
        frame = bytes(self._buffer[LENGTH_BYTES : LENGTH_BYTES + length])
        del self._buffer[: LENGTH_BYTES + length]
        return frame
