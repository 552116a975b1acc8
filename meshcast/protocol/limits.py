"""Every bound of the protocol on one page, each with its reason, and asserted against the others at the end."""

from typing import Final

from meshcast.protocol.units import HOUR, MILLISECOND, MINUTE, SECOND, Micros

# Ranks: an upper bound of depth. They make loops impossible (docs/PROTOCOL, the rank rule).
RANK_ORIGIN: Final = 0
RANK_SPARE: Final = 1
"""A second source; it takes rank 0 when it takes over."""
RANK_RELAY: Final = 2
"""Infrastructure relays; a spare and a relay can never feed each other."""
RANK_LISTENER_MIN: Final = 3
"""Above spare and relays, so that the first listeners have standbys too."""
RANK_MAX: Final = 32
"""A joiner's rank before it hears from anybody; the best trees of a million are 7 deep, measured ones at most 20."""

# Places.
CHILDREN_MAX: Final = 64
"""An infrastructure relay's fan-out: 64 children at 64 kbit/s are 4.5 Mbit/s and about a tenth of a core."""
EMERGENCY_PLACES_MAX: Final = 4
"""Places beyond its capacity that a standby gives to orphans; the tracker takes them back afterwards."""
RESERVE_PLACES_MAX: Final = 16
"""The same at the origin and at infrastructure relays: after a mass crash they are everybody's last resort. Most are
given back within seconds; 14 copies were the most of 20 crashes with 200 peers and an origin of 8 (sim.experiments)."""
STANDBYS_MAX: Final = 2
"""One standby leaves 27 times the missing audio of two after a mass crash (docs/decisions)."""
STANDBY_CLIENTS_PER_PLACE: Final = 3
"""A peer is standby to at most three times its capacity: uncapped, one was seen with 49. Each level feeds as many as
its places, who want two standbys each: at two a place nothing is to spare, and a fifth of those under the top had none."""
LAST_RESORT_CLIENTS_PER_PLACE: Final = 8
"""The origin and relays stand by for those who find nobody else: the tracker counts on it."""
STANDBY_CLIENTS_PER_PREFIX: Final = 8
"""Against starvation: one address prefix holds at most this many standby places of a peer with more than that."""
UNCLES_MAX: Final = 8
REFERRALS_MAX: Final = 4
"""Children that whoever is full names in its stead: without a tracker that is how an orphan finds the free places, which
lie far below anybody it knows (a crowd of 10,000 whose tracker is away for 10 minutes lost 6 % of its sound without)."""
REFERRED_MAX: Final = 4 * REFERRALS_MAX
"""So many named ones a peer remembers and dials at most: four refusals' worth."""
PATH_MAX: Final = RANK_MAX
"""A path names every ancestor, and ranks bound their number."""

# Sizes on the wire.
DATAGRAM_BYTES_MAX: Final = 1_100
"""A chunk with its hop header: what a QUIC packet of 1,200 bytes carries with the longest header and room to spare."""
MESSAGE_BYTES_MAX: Final = 16 * 1024
"""The largest control message (`Placed` with two standbys, tickets and delegations) is under 4 KiB."""
REFILL_BYTES_MAX: Final = 96 * 1024
"""Ten seconds at 64 kbit/s; a longer backlog is pulled."""
TICKET_BYTES_MAX: Final = 600
TITLE_BYTES_MAX: Final = 200
ADDRESSES_MAX: Final = 8
DELEGATIONS_MAX: Final = 4
"""Who speaks, and who spoke before in this run: three take-overs within a backlog are more than there will be."""
LANDMARKS_MAX: Final = 48
RANGES_MAX: Final = 32
"""Holes that one `Pull` may name."""
PACKETS_MAX: Final = 12
"""Opus packets in a chunk."""
PACKET_BYTES_MAX: Final = 1_276
"""RFC 6716, 3.4: a table-of-contents byte and the longest frame."""

BURST_CHUNKS_MAX: Final = 4
"""So many chunks leave for one neighbour at once as datagrams; more go on a short stream. A link holds back eight, and
the live one comes in between: of a backlog passed on as a burst half was lost."""

# The household's uplink.
UPLINK_BPS_MIN: Final = 10_000
"""Acknowledgements and messages take that, without anybody's being fed."""
UPLINK_BPS_MAX: Final = 10_000_000_000
"""A faster line needs no limit."""
HOUSEHOLD_SOUND_PERCENT: Final = 85
"""Of an uplink's bytes; the others are for a burst, and for messages, acknowledgements and handshakes: so that not even the
second after a rest, in which the whole bucket leaves too, exceeds what was declared."""
HOUSEHOLD_LIVE_PERCENT: Final = 85
"""Of these, what live chunks may take: the rest is for refills and what was lost, or nobody could ever be mended."""
HOUSEHOLD_BURST_US: Final = 100 * MILLISECOND
"""So much of the rate may leave at once: a round of live chunks."""
HOUSEHOLD_BURST_UNDECLARED_US: Final = 2 * SECOND
"""The same where no uplink was declared, and the rate is only what follows from the places: each of them may be given a
refill for the default delay at once. (With 100 ms a dozen joiners waited for their first sound for up to 1.1 s.)"""
HOUSEHOLD_QUEUE_MAX: Final = 1_024
"""Chunks that wait for room: several refills."""
HOUSEHOLD_CHILD_BYTES: Final = 10_000
"""What a child takes in a second, before the stream is known: 64 kbit/s, signatures, and packets' headers."""
PACKET_OVERHEAD_BYTES: Final = 64
"""IP and UDP 28 (IPv6: 48), QUIC's header, tag and frame up to 33."""
QUEUEING_US_TARGET: Final = 100 * MILLISECOND
"""Delay on the uplink that is nobody's own: LEDBAT's target (RFC 6817, 3.3)."""
COURTESY_PATIENCE_US: Final = 3 * SECOND
"""So long it must last: a page that is sent is over by then."""
COURTESY_STEP_US: Final = 5 * SECOND
"""One place less each time: the tracker has moved a child away by then, and the delay shows whether it helped."""
COURTESY_CALM_US: Final = 30 * SECOND
"""One place more after so much calm."""

# Chunks.
CHUNK_US_MIN: Final = 20 * MILLISECOND
CHUNK_US_MAX: Final = 100 * MILLISECOND
OPUS_FRAME_US: Final = 20 * MILLISECOND
HAVE_BITS: Final = 16
"""Chunks before it that a hop header says its sender has."""

# Playout.
PLAYOUT_DELAY_US_MIN: Final = 300 * MILLISECOND
PLAYOUT_DELAY_US_DEFAULT: Final = 1 * SECOND
PLAYOUT_DELAY_US_MAX: Final = 30 * SECOND
PLAYOUT_DELAY_US_AUTO_MAX: Final = 3 * SECOND
"""A delay that chooses itself goes no further: what comes later than that is no jitter."""
PLAYOUT_STEP_US: Final = 10 * MILLISECOND
"""By so much sound is shortened at a time, once in half a second (2 %), or lengthened, by a fifth at most."""
SHORTEN_EVERY_US: Final = 500 * MILLISECOND
LENGTHEN_EVERY_US: Final = 100 * MILLISECOND
RELAY_PLAYOUT_SLACK_US: Final = 2 * CHUNK_US_MAX
"""A headless relay need not wake for what nobody hears: the next chunk or the one after it comes sooner."""
BACKLOG_US: Final = 32 * SECOND
"""The last seconds that a peer keeps to refill others: the longest delay offered and a little more."""
RESYNC_US: Final = 2 * SECOND
"""Playout that is this far behind (a machine that slept) goes on at the live end."""
LATE_CHUNKS_MAX: Final = 10
"""So many chunks in a row that came, but too late, move the playout back: the way has become longer."""

# Is my parent there?
SILENCE_US_MIN: Final = 150 * MILLISECOND
SILENCE_CHUNKS: Final = 3
SILENCE_JITTERS: Final = 4
SILENCE_US_MAX: Final = 800 * MILLISECOND
"""However much arrivals jitter, a parent is not waited for longer than this."""
WARY_US: Final = 1 * MINUTE
"""After a false alarm a peer is more patient for so long, and who has left a parent for its losses stays with the next."""
STALLED_EVERY_US: Final = 100 * MILLISECOND
STALLED_FRESH_US: Final = 3 * STALLED_EVERY_US
"""A stall notice holds for as long as three of them, so that two may be lost."""
STALLED_PATIENCE_US: Final = 2_500 * MILLISECOND
"""A parent that says it is stalled is left after this, whatever it says: its own repair gives up before."""
BORROW_AFTER_US: Final = 400 * MILLISECOND
BORROW_EVERY_US: Final = 200 * MILLISECOND
PROBE_AFTER_US: Final = 250 * MILLISECOND
"""A PING after so much silence from a parent lets it learn the new address of a child behind a rebound NAT."""

# Repair.
HEDGE_US_MIN: Final = 100 * MILLISECOND
"""The second standby is asked after max(this, 1.5 round trips)."""
DIAL_ALL_AFTER_US: Final = 100 * MILLISECOND
"""So long after the second standby was asked, all others are dialled at once."""
ACCEPT_AGE_US_MAX: Final = 1 * SECOND
"""A child ignores an older Accept: its giver may have raised its rank since."""
LEASE_US: Final = 3 * SECOND
"""A peer that dropped a child on its own does not raise its rank for so long: the child may not know yet."""
SHED_AFTER_US: Final = 2 * SECOND
"""A head that has found nobody for so long sheds its children."""
ROUND_US: Final = 1 * SECOND
"""An orphan begins a new round of asking after this."""
AVOID_US: Final = 10 * SECOND
"""A parent that was left for silence is not asked again for so long while there are others."""

# Going.
MOVE_US_MAX: Final = 3 * SECOND
"""A move to another parent that has not come about by then is given up."""
HANDOVER_US_MAX: Final = 3 * SECOND
"""Whoever goes politely feeds its children for so long at most: two rounds of asking, and the tracker's word for those
who seek. A person who has pressed Ctrl-C waits no longer than that, and not at all once the children are elsewhere."""
SLEPT_US_MIN: Final = 1 * SECOND
"""A machine that stood still for less has missed nothing that its neighbours count on: no lease, no Accept, no patience."""
SLEPT_LINKS_US: Final = 5 * SECOND
"""After so long its neighbours have given its links up (they do at 2.5 s; 5 s with a ping under way): it dials anew."""

# Missing chunks.
PULL_TRIES_MAX: Final = 3
"""One try leaves 792 ppm a hop at 2 % loss, three leave 1.2."""
PULL_US_MIN: Final = 20 * MILLISECOND
"""Tries are a round trip apart, but no closer than this."""
PULL_CHUNKS_PER_SECOND: Final = 64
PULL_CHUNKS_BURST: Final = 128
"""A neighbour's budget of pulled chunks, against amplification; a burst covers a refill of 10 s."""
HISTORY_CHUNKS: Final = 32
HISTORY_EVERY_US: Final = 500 * MILLISECOND
"""A joiner with a long delay pulls what its refill did not hold at the pace of that budget: 64 a second, faster than any
programme is played."""
REFILL_CHUNKS_MAX: Final = PULL_CHUNKS_BURST - HISTORY_CHUNKS
"""A refill leaves so much of the budget that what lies before it can be pulled at once."""
HISTORY_FRUITLESS_MAX: Final = 4
"""Portions in a row that brought nothing, each asked of somebody else: then nobody near has the past."""
PARKED_MAX: Final = 64
"""Pulls of a neighbour that wait for a chunk to arrive here."""
PARKED_US: Final = 2 * SECOND

# What a neighbour may say (`manners`).
MESSAGES_PER_SECOND: Final = 128
"""Six times what an honest peer says when it says most, a report every 50 ms; with as many signatures 1.2 % of a core."""
MESSAGES_BURST: Final = 512
"""What an honest peer has said while this side stood still for ten seconds."""
DATAGRAMS_PER_SECOND: Final = 256
"""Chunks of 20 ms, pulled ones, and notices, and as many again."""
DATAGRAMS_BURST: Final = 1_024
"""What lies in the socket's buffer when a machine wakes up."""
BLOBS_PER_SECOND: Final = 16
"""A short stream holds five chunks at least, or one that is larger than a datagram."""
BLOBS_BURST: Final = 64

# Judging parents.
JUDGE_US: Final = 5 * SECOND
LOSS_PER_MILLE_MAX: Final = 50
EXCESS_US_MAX: Final = 300 * MILLISECOND

# Beats, reports, the tracker.
BEAT_EVERY_US: Final = 5 * SECOND
"""On links without chunks; every second would cost a capable peer 18 % of the stream's bytes."""
STANDBY_SILENCE_US_MAX: Final = 3 * BEAT_EVERY_US
REPORT_AFTER_US: Final = 50 * MILLISECOND
"""Changes that come together are reported together."""
REPORT_AGAIN_US: Final = 1 * SECOND
REPORT_EVERY_US: Final = 10 * SECOND
"""Renews the tracker's lease when nothing changes."""
TRACKER_LEASE_US: Final = 35 * SECOND
"""The tracker forgets a peer that has not reported for three periods and a little more."""
TRACKER_RETRY_US: Final = 1 * SECOND
"""A dead tracker is dialled afresh so often; aioquic's own retries come at 3.0, 6.2 and 12.6 s."""
RESUME_JITTER_US: Final = 2 * SECOND
"""Attached peers come back to a restarted tracker spread over this; orphans come at once."""
TICKET_US: Final = 1 * HOUR
TICKET_RENEW_US: Final = 30 * MINUTE
"""Renewed at half of its life, so that a tracker's outage does not matter."""
COLD_DIAL_US: Final = 800 * MILLISECOND
"""A joiner gives its first parent so long to connect and answer before it asks a standby too: two round trips between
far continents. At 300 ms half of all joiners of a world-wide crowd asked a standby too, mostly the origin, and its
emergency places were gone before there was any emergency."""
ACCUSERS_MIN: Final = 2
"""Peers that must accuse the same one independently before the tracker bans it."""
LINKS_MAX: Final = 4 * CHILDREN_MAX
"""Links that one machine keeps: children, standby clients, and a margin for those about to become either."""
CLIENTS_MAX: Final = LINKS_MAX // 2
"""However many places a peer has, it stands by for no more than this, so that links are left for children."""


def silence_us(chunk_us: Micros, jitter_us: Micros, *, is_wary: bool = False) -> Micros:
    """Say how long a parent may bring nothing new: max(150 ms, 3 chunks + 4 x jitter), at most 800 ms.

    Without the jitter two lost chunks and a third that is a millisecond late are a death: at 2 % loss one in 5,000 chunks.
    Whoever is wary after a false alarm waits half as long again.
    """
    wanted = max(SILENCE_US_MIN, SILENCE_CHUNKS * chunk_us + SILENCE_JITTERS * jitter_us)
    return min(wanted + (wanted // 2 if is_wary else 0), SILENCE_US_MAX)


REPAIR_US: Final = silence_us(CHUNK_US_MAX, 0) + HEDGE_US_MIN + DIAL_ALL_AFTER_US + 2 * HEDGE_US_MIN
"""Detection, both standbys in vain, and two round trips of 100 ms to somebody else."""

assert RANK_ORIGIN < RANK_SPARE < RANK_RELAY < RANK_LISTENER_MIN < RANK_MAX
assert REPAIR_US < PLAYOUT_DELAY_US_DEFAULT, "a repair at the default delay is never heard"
assert silence_us(CHUNK_US_MAX, 0) // 2 >= STALLED_EVERY_US, "notices start before children lose patience"
assert PLAYOUT_DELAY_US_MAX < BACKLOG_US, "what is played last can still be pulled"
assert PLAYOUT_DELAY_US_MIN < PLAYOUT_DELAY_US_DEFAULT < PLAYOUT_DELAY_US_AUTO_MAX < PLAYOUT_DELAY_US_MAX
assert 2 * PLAYOUT_STEP_US <= CHUNK_US_MIN, "the shortest chunk can be shortened and still fade over"
assert SILENCE_US_MAX + ACCEPT_AGE_US_MAX < LEASE_US, "children leave a silent parent before its lease ends"
assert SHED_AFTER_US < STALLED_PATIENCE_US < LEASE_US, (
    "a head gives up before its children do, and raises after both"
)
assert CHILDREN_MAX + RESERVE_PLACES_MAX + CLIENTS_MAX < LINKS_MAX, "all who are served have a link"
assert 2 * ROUND_US < HANDOVER_US_MAX, "a child that asks twice in vain is still fed"
assert SLEPT_US_MIN <= ACCEPT_AGE_US_MAX < SLEPT_LINKS_US, (
    "an Accept that lay there while the machine slept is void"
)
assert REPAIR_US + silence_us(CHUNK_US_MAX, 0) // 2 < PLAYOUT_DELAY_US_DEFAULT, (
    "nor is one by whoever is wary"
)
assert MESSAGES_PER_SECOND >= 4 * SECOND // REPORT_AFTER_US, (
    "reports at their fastest, and whatever else there is"
)
assert DATAGRAMS_PER_SECOND > 2 * (SECOND // CHUNK_US_MIN + PULL_CHUNKS_PER_SECOND), (
    "live chunks and pulled ones"
)
assert MESSAGES_BURST > MESSAGES_PER_SECOND
assert DATAGRAMS_BURST > PULL_CHUNKS_BURST
assert BORROW_AFTER_US < PLAYOUT_DELAY_US_DEFAULT
assert CHUNK_US_MAX * HOUSEHOLD_LIVE_PERCENT // 100 < HOUSEHOLD_BURST_US, (
    "a round of live chunks leaves at once"
)
assert PLAYOUT_DELAY_US_DEFAULT + SECOND // 2 < HOUSEHOLD_BURST_UNDECLARED_US, (
    "what a joiner asks for, for each place"
)
assert HOUSEHOLD_SOUND_PERCENT * (SECOND + HOUSEHOLD_BURST_US) < 95 * SECOND, (
    "a twentieth is left for what is no sound"
)
assert COURTESY_PATIENCE_US < COURTESY_STEP_US < COURTESY_CALM_US, "down in steps, and up more slowly"
assert TICKET_RENEW_US * 2 <= TICKET_US
assert 3 * REPORT_EVERY_US < TRACKER_LEASE_US
assert PLAYOUT_DELAY_US_DEFAULT // CHUNK_US_MAX < PULL_CHUNKS_BURST
assert HISTORY_CHUNKS * SECOND // HISTORY_EVERY_US <= PULL_CHUNKS_PER_SECOND, "whoever is asked may answer"
assert HISTORY_CHUNKS * CHUNK_US_MIN > HISTORY_EVERY_US, "the past comes faster than it is played"
assert silence_us(CHUNK_US_MIN, 0) <= HAVE_BITS * CHUNK_US_MIN, (
    "a header tells of every loss that is not yet silence"
)
