"""What went through a connection, and through many together."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """What went through; wire bytes are UDP payloads, all of QUIC included."""

    wire_bytes_sent: int = 0
    wire_bytes_received: int = 0
    wire_blocked: int = 0
    """Packets that the socket would not take."""
    datagrams_sent: int = 0
    datagram_bytes_sent: int = 0
    datagrams_dropped: int = 0
    """Datagrams not sent because the window was full, something was pending, or they had become stale."""
    datagrams_received: int = 0
    frames_sent: int = 0
    frames_received: int = 0
    blobs_sent: int = 0
    blobs_refused: int = 0
    """Blobs not sent because too many were on their way."""
    blobs_received: int = 0

    def add(self, other: "Counters") -> None:
        """Add another's counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
