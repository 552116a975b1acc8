"""A roll call: the parent asks all its children for an answer with one and the same chunk, and waits a moment for all.

A child acknowledges a second of chunks at once. Left to themselves, sixteen children do so at sixteen moments of each
second, and each wakes their parent: half of all that a relay did (measured: decision 0013). So before any of them would
answer by itself, one round of chunks carries a PING (RFC 9000, section 19.2), which is answered at once, and then the
socket is left alone while the answers come in. What else arrives meanwhile waits as long: a fortieth of the time, between
two chunks and well before the next.
"""

from typing import Final

from meshcast.transport import limits

PEERS_MIN: Final = 4
"""With fewer to ask there is nothing to gather: a roll call wakes their parent twice."""


class RollCall:
    """Of one socket."""

    def __init__(self) -> None:
        self._rounds = 0
        """Rounds of datagrams since the last call."""
        self._called_at = 0.0
        self._round_at = 0.0

    def gather_s(self, peers: int, now: float) -> float:
        """Take in a round of datagrams to so many peers; tell how long to wait for their answers, 0.0: they are not asked."""
        if peers < PEERS_MIN:
            return 0.0
        since_s, self._round_at = now - self._round_at, now
        self._rounds += 1
        if self._rounds < limits.ROLL_CALL_ROUNDS and now < self._called_at + limits.ROLL_CALL_S:
            return 0.0
        self._rounds, self._called_at = 0, now
        return min(limits.GATHER_S_MAX, since_s / limits.GATHER_PART)
