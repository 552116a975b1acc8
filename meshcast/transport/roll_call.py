"""A roll call: the parent asks all its children for an answer with one and the same chunk, and waits a moment for all.

A child acknowledges a second of chunks at once. Left to themselves, sixteen children do so at sixteen moments of each
second, and each wakes their parent: half of all that a relay did (measured: decision 0013). So before any of them would
answer by itself, one round of chunks carries a PING (RFC 9000, section 19.2), which is answered at once, and then the
socket is left alone while the answers come in. What else arrives meanwhile waits as long: a fortieth of the time, between
two chunks and well before the next.

Children that are further away than the wait is long answer one by one all the same. Then nobody is asked for a while.
"""

from typing import Final

from meshcast.transport import limits

PEERS_MIN: Final = 4
"""With fewer to ask there is nothing to gather: a roll call wakes their parent twice."""
GATHERED_MIN: Final = 3
"""So many answers have to come within the wait for it to pay: its end is one more moment to wake at."""
NOTHING: Final = 0.0


class RollCall:
    """Of one socket."""

    def __init__(self) -> None:
        self._rounds = 0
        """Rounds of datagrams since the last call."""
        self._called_at = 0.0
        self._round_at = 0.0
        self._has_waited = False
        """The last call was not left out."""
        self._left_out = 0
        """Calls that are still to be left out."""

    def gather_s(self, peers: int, gathered: int, now: float) -> float:
        """Take in a round of datagrams to so many peers; tell how long to wait for their answers, 0.0: they are not asked.

        `gathered` is what the last wait has brought.
        """
        if peers < PEERS_MIN:
            return NOTHING
        since_s, self._round_at = now - self._round_at, now
        self._rounds += 1
        if self._rounds < limits.ROLL_CALL_ROUNDS and now < self._called_at + limits.ROLL_CALL_S:
            return NOTHING
        self._rounds, self._called_at = 0, now
        if self._has_waited and gathered < GATHERED_MIN:
            self._left_out = limits.ROLL_CALLS_LEFT_OUT
        self._has_waited = not self._left_out
        if not self._has_waited:
            self._left_out -= 1
            return NOTHING
        return min(limits.GATHER_S_MAX, since_s / limits.GATHER_PART)
