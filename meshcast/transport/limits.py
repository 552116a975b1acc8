"""Every bound of the transport, with its reason; the bounds argue with each other at the end.

Sizes are bytes, times are seconds of trio's clock. What a stranger can make us hold is the sum of what stands here:
one partial frame, the blobs on their way and one window for each open stream.
"""

from typing import Final

from meshcast.protocol.limits import QUEUEING_US_TARGET
from meshcast.protocol.units import SECOND

RECEIVE_BATCH: Final = 32
"""Datagrams read before anything is sent: enough to amortise a wake-up, too few to starve the timers."""

DATAGRAM_BYTES_MAX: Final = 1_100
"""The protocol's chunk; 1,170 is the most that a 1,200-byte packet carries, and one more would block the queue."""

DATAGRAMS_PENDING_MAX: Final = 8
"""What pacing may hold back: a burst of repairs, never a backlog of stale chunks."""

DATAGRAM_STALE_S: Final = 0.1
"""A datagram that has waited so long is worth less than the one behind it."""

PLAIN_BYTES_MAX: Final = 2_048
"""A packet that the fast path looks at; no path that we know carries a longer one."""

FRAME_BYTES_MAX: Final = 65_536
"""One control message."""

BACKLOG_BYTES_MAX: Final = 2 * FRAME_BYTES_MAX
"""Control bytes unsent or unacknowledged; a link that falls so far behind is given up."""

BLOB_BYTES_MAX: Final = 262_144
"""One refill: about half a minute at 64 kbit/s."""

BLOBS_BYTES_MAX: Final = BLOB_BYTES_MAX
"""All blobs on their way over one link; the receiver holds the sender to it."""

BLOBS_MAX: Final = 8
"""Blobs on their way over one link; every packet looks at every open stream, so they stay few."""

STREAM_WINDOW_BYTES: Final = 65_536
"""How far a stream may run ahead of what was read: the most that a gap can make us allocate."""

CONNECTION_WINDOW_BYTES: Final = 4 * STREAM_WINDOW_BYTES
"""The same for all streams of a connection together, at any one moment."""

CRYPTO_BYTES_MAX: Final = 16_384
"""Handshake bytes of one epoch; a real handshake needs about two thousand, the library would buffer 524,288."""

ACK_DELAY_S: Final = 0.2
"""How long after the newest datagram its acknowledgement may wait: two chunks of 100 ms. With the library's own delay of
1 ms acknowledgements are 60 % of a parent's cost (measured)."""

ACK_PACKETS: Final = 10
"""So many datagrams are acknowledged at once: a second of chunks of 100 ms, or a fifth of those of 20 ms, so what is in
flight stays within the least window. Nobody sends a datagram again, and who sends wants to know only that the other side
lives, and how far away it is."""

ACK_OLDEST_S: Final = 0.95
"""The first datagram that comes so long after the oldest that waits is acknowledged at once too."""

ROLL_CALL_ROUNDS: Final = ACK_PACKETS - 1
"""After so many rounds of chunks a parent asks all children at once, before any answers by itself."""

ROLL_CALL_S: Final = 0.85
"""The same where chunks are longer than 100 ms: one round sooner than `ACK_OLDEST_S`."""

GATHER_S_MAX: Final = 0.025
"""How long answers are waited for: the round trip to children in the same country. What comes later wakes their parent."""

GATHER_PART: Final = 4
"""And at most this part of the time between two rounds, so that the next chunk never waits."""

ROLL_CALLS_LEFT_OUT: Final = 10
"""So many calls are left out when hardly anybody has answered within the wait: nine seconds, for children come and go."""

PROBE_DOUBLINGS_MAX: Final = 2
"""How often the probe timeout may double. The library has no cap and sleeps through the end of a blackout; without any
doubling a round trip that has become longer than the timeout would never be measured again."""

PROBE_SLACK_S: Final = 0.6
"""So much later than due a probe may go out whose timer was put off by what has been sent since: each chunk puts it off, and
to look at every child four times a second for it is a twentieth of a relay's cost (measured). What is lost meanwhile shows
as a gap in what follows."""

INITIAL_RTT_S: Final = 0.1
"""A lost first flight is sent again after twice this."""

SILENCE_S_MAX: Final = 2.5
"""Age of the oldest unacknowledged packet at which a link is dead."""

ASK_AGAIN_S: Final = 0.3
"""While an acknowledgement is owed for longer than it may wait a ping goes out so often: at 5 % loss chance alone must not
make a silence."""

PING_S: Final = 5.0
"""A link on which nothing was sent, and no datagram came, is pinged so often: finds the dead, and keeps NAT mappings (30 s
and more) open."""

DIAL_S_MAX: Final = 3.0
"""From the first packet to an authenticated link; the acceptor allows a handshake as long."""

SETTLE_S_MAX: Final = DIAL_S_MAX
"""Two connections of one link that crossed each other become one within this, or the link is given up."""

FAREWELL_S_MAX: Final = 0.3
"""How long a hang-up waits for the last words to be acknowledged."""

LINGER_S: Final = 1.0
"""How long a closed connection still answers late packets by repeating its farewell."""

FAREWELLS_MAX: Final = 5
"""How often it does so: the farewell is one packet, and packets get lost."""

IDLE_S: Final = 30.0
"""The idle timeout announced in the handshake: a net below our own watch, which is always sooner."""

KEY_UPDATE_S: Final = 24 * 3600.0
"""AES-GCM keys last for 2^23 packets (RFC 9001, section 6.6), 97 a second for a day. An update loses what is in flight
towards the side that asks for it, so it stays rare."""

RETRY_ABOVE: Final = 50
"""Handshakes in progress above which a stranger must first prove its address (12 us instead of 0.6 ms)."""

HANDSHAKES_MAX: Final = 256
"""Handshakes in progress that are served at all."""

STRANGERS_PER_SECOND: Final = 16
"""Handshakes that one network (/24 or /48) may begin without having shown that it receives at its address; then it must."""

STRANGERS_BURST: Final = 64

RETURNING_PER_SECOND: Final = 24
"""Handshakes of those who have shown it: 24 a second are 4 % of a core. An office of 500 that comes within a minute is never
held up, and one that comes within a second is in after ten."""

RETURNING_BURST: Final = 96

NETWORKS_MAX: Final = 4_096
"""Networks whose handshakes are counted; whoever has more of them is not bounded by this."""

DIALS_MAX: Final = 8
"""Addresses tried for one peer at a time."""

TIMER_STEP_S: Final = 0.001
"""A timer that was just served is not served again sooner: virtual time would stand still."""

REASON_BYTES_MAX: Final = 200
"""What a farewell may say; it has to fit in one packet."""

assert FRAME_BYTES_MAX + 4 <= BACKLOG_BYTES_MAX, "the largest frame fits in an empty backlog"
assert BLOB_BYTES_MAX <= BLOBS_BYTES_MAX, "the largest blob fits when none is on its way"
assert STREAM_WINDOW_BYTES <= CONNECTION_WINDOW_BYTES, "a stream may use its window"
assert ACK_DELAY_S < ACK_OLDEST_S
assert ACK_DELAY_S + PROBE_SLACK_S < ACK_OLDEST_S, "a probe is sooner than the first ping"
assert 2 * ACK_OLDEST_S + ACK_DELAY_S < SILENCE_S_MAX, (
    "a late acknowledgement, and one that is lost, is not a death"
)
assert ACK_OLDEST_S + 4 * ASK_AGAIN_S < SILENCE_S_MAX, (
    "what was sent and four pings may be lost, there or back, and nobody is dead (1 in 100,000 at 5 %)"
)
assert ROLL_CALL_S < ACK_OLDEST_S, "children are asked before they answer by themselves"
assert GATHER_S_MAX < QUEUEING_US_TARGET / SECOND / 2, (
    "a round trip that is measured late is calm all the same"
)
assert FAREWELL_S_MAX < SILENCE_S_MAX, "a hang-up never waits longer than a death"
assert PING_S + SILENCE_S_MAX < 8.0, "a dead peer is noticed within 8 s although nothing is said"
assert SILENCE_S_MAX < IDLE_S, "the watch is sooner than the library's idle timeout"
assert RETRY_ABOVE < HANDSHAKES_MAX, "addresses are proved before strangers are turned away"
assert RETRY_ABOVE + RETURNING_BURST + RETURNING_PER_SECOND * DIAL_S_MAX < HANDSHAKES_MAX, (
    "one network never has all handshakes that are served"
)
assert STRANGERS_PER_SECOND + RETURNING_PER_SECOND > 4 * 500 / 60, (
    "an office that comes within a minute gets in"
)
