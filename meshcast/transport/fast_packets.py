"""The packets of the fast path: their layout, and the keys that they are sealed and opened with.

A packet of an established connection has a short header (RFC 9000, section 17.3.1): one byte, the receiver's connection id, and
a number, of which two bytes are sent. The payload is sealed; the number, and five bits of the first byte, are then hidden
under a mask that is made from a sample of what was sealed (RFC 9001, section 5.4). A packet is opened where it is received
(`fast_connection`), for each of the steps may be the one that sends it the long way.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, and of `connection` and `fast_connection`

from typing import Any, Final, NamedTuple

from meshcast.transport.configuration import CONNECTION_ID_BYTES

SHORT_HEADER: Final = 0x40
"""The two upper bits of a packet of an established connection: short, and QUIC."""
SPIN_BIT: Final = 0x20
NUMBER_BYTES: Final = 2
NUMBER_WINDOW: Final = 1 << 8 * NUMBER_BYTES
SAMPLE_BYTES: Final = 16
SKIPPED_BYTES: Final = 4 - NUMBER_BYTES
"""The sample for header protection begins as if the number had four bytes (RFC 9001, section 5.4.2)."""
NUMBER_START: Final = 1 + CONNECTION_ID_BYTES
NUMBER_END: Final = NUMBER_START + NUMBER_BYTES
SAMPLE_START: Final = NUMBER_END + SKIPPED_BYTES
SAMPLE_END: Final = SAMPLE_START + SAMPLE_BYTES
HEADER_OVERHEAD_BYTES: Final = 1 + NUMBER_BYTES + 16
"""What a packet adds to its payload, beside the connection id: first byte, number, tag."""


class Keys(NamedTuple):
    """What packets of one key phase, on one path, are sealed and opened with."""

    encrypt: Any
    encrypt_iv: int
    encrypt_mask: Any
    decrypt: Any
    decrypt_iv: int
    decrypt_mask: Any
    own_cid: bytes
    peer_cid: bytes
    low_bits: int
    """The lower five bits of the first byte: key phase, and two bytes of packet number."""
    path: Any
    address: Any
    overhead: int
    """What a packet adds to its payload."""
    idle_s: float
    """Both sides' idle timeout, the shorter of the two."""

    def sealed(self, payload: bytes, number: int, *, spin: bool) -> bytes:
        """Give the packet of this number that carries a payload."""
        return seal(
            self.encrypt,
            self.encrypt_iv,
            self.encrypt_mask,
            SHORT_HEADER | spin << 5 | self.low_bits,
            self.peer_cid,
            number,
            payload,
        )


def keys_of(connection: Any) -> Keys | None:
    """Give the keys of a connection that is established, alive, on one proved path and keeps its keys; None for any other."""
    if (
        not connection._handshake_confirmed
        or connection._close_event is not None
        or connection._one_rtt._update_key_requested
    ):
        # With the next packet the keys change: those of now are not worth remembering.
        return None
    paths = connection._network_paths
    if len(paths) != 1 or not paths[0].is_validated:
        return None
    if all(connection.host_cid != known.cid for known in connection._host_cids):
        return None
    send, recv = connection._one_rtt.send, connection._one_rtt.recv
    idle_s = connection._configuration.idle_timeout
    if connection._remote_max_idle_timeout is not None:
        idle_s = min(idle_s, connection._remote_max_idle_timeout)
    return Keys(
        send.aead._aead.encrypt,
        send.aead._iv,
        send.hp._encryptor.update,
        recv.aead._aead.decrypt,
        recv.aead._iv,
        recv.hp._encryptor.update,
        connection.host_cid,
        connection._peer_cid.cid,
        recv.key_phase << 2 | NUMBER_BYTES - 1,
        paths[0],
        paths[0].addr,
        HEADER_OVERHEAD_BYTES + len(connection._peer_cid.cid),
        idle_s,
    )


def seal(
    encrypt: Any, iv: int, mask_of: Any, first: int, peer_cid: bytes, number: int, payload: bytes
) -> bytes:
    """Encrypt a payload, and hide its number (RFC 9001, sections 5.3 and 5.4)."""
    high, low = number >> 8 & 0xFF, number & 0xFF
    sealed = encrypt((iv ^ number).to_bytes(12, "big"), payload, b"%c%b%c%c" % (first, peer_cid, high, low))
    mask = mask_of(sealed[SKIPPED_BYTES : SKIPPED_BYTES + SAMPLE_BYTES])
    return b"%c%b%c%c%b" % (first ^ mask[0] & 0x1F, peer_cid, high ^ mask[1], low ^ mask[2], sealed)


def full_number(low: int, expected: int) -> int:
    """Complete a packet number of which two bytes were sent (RFC 9000, appendix A.3)."""
    number = expected & -NUMBER_WINDOW | low
    if number <= expected - NUMBER_WINDOW // 2:
        return number + NUMBER_WINDOW
    if number > expected + NUMBER_WINDOW // 2 and number >= NUMBER_WINDOW:
        return number - NUMBER_WINDOW
    return number
