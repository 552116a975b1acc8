"""The TLS exporter (RFC 8446, section 7.5) that aioquic lacks: bytes that only the two ends of a connection have."""

from typing import Final

from aioquic import tls
from cryptography.hazmat.primitives import hashes

EXPORTER_LABEL: Final = b"EXPORTER-meshcast-link"
EXPORTER_BYTES: Final = 32


def export(schedule: tls.KeySchedule | None) -> bytes:
    """Derive them; the transcript must be that up to the server's Finished."""
    assert schedule is not None, "the handshake has got this far"
    algorithm = schedule.algorithm
    nothing = hashes.Hash(algorithm).finalize()
    master = schedule.derive_secret(b"exp master")
    derived = tls.hkdf_expand_label(algorithm, master, EXPORTER_LABEL, nothing, algorithm.digest_size)
    return tls.hkdf_expand_label(algorithm, derived, b"exporter", nothing, EXPORTER_BYTES)
