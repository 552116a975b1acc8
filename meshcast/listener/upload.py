"""What a listener really sends, measured at its socket second by second: for the status and the report."""

from dataclasses import dataclass

BITS = 8


@dataclass(slots=True)
class Upload:
    """UDP payloads of all links: sound, messages, acknowledgements, and what QUIC adds."""

    now_bps: int = 0
    """In the last second."""
    peak_bps: int = 0
    """In the second in which it was most."""
    _sent_bytes: int = 0

    def note(self, sent_bytes: int, elapsed_s: float) -> None:
        """Take in how much has been sent since the start, and how long ago the last word was."""
        if elapsed_s <= 0:
            return
        self.now_bps = round((sent_bytes - self._sent_bytes) * BITS / elapsed_s)
        self.peak_bps = max(self.peak_bps, self.now_bps)
        self._sent_bytes = sent_bytes
