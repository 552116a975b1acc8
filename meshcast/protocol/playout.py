"""When is each chunk due? Sequence numbers and time only; samples are the player's business.

A chunk is due at its media time + base + delay. The base is this listener's earliest transit (arrival - media time):
machines' clocks are not synchronised, so delay is counted from when a chunk could have been here at the earliest. A
joiner learns it before any live chunk comes: the parent's Accept says which chunk is its newest and how long ago that
one came there, which is when it would have come here. So sound begins at once, from the backlog.

Until sound has begun every chunk may show an earlier transit; while it runs the base stays as it is: a shorter way leaves more margin, a longer way eats from it, and nobody hears
either. Only when chunks in a row come too late (`LATE_CHUNKS_MAX`) is it moved, once; and when nothing has come for
`RESYNC_US`, it is found anew.

With a `DelayChooser` the delay changes while sound runs, by a few milliseconds of a chunk at a time; and when nothing later
has come either, the next chunk is waited for, as long as the delay may still grow, and not passed over.
"""

import enum

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Flag
from meshcast.protocol.effects import Bridge, Conceal, Effect, Ended, Play
from meshcast.protocol.limits import (
    LATE_CHUNKS_MAX,
    OPUS_FRAME_US,
    PLAYOUT_DELAY_US_AUTO_MAX,
    RESYNC_US,
)
from meshcast.protocol.playout_delay import DelayChooser
from meshcast.protocol.units import Micros, Sequence


class Phase(enum.Enum):
    """Where the playout stands."""

    WAITING = "waiting"
    """Nothing to play yet."""
    READY = "ready"
    """The first chunk's time is set, and has not come."""
    PLAYING = "playing"
    ENDED = "ended"


class Playout:
    """Decides, for one listener, what is handed to the player and when."""

    def __init__(self, backlog: Backlog, delay_us: Micros, chooser: DelayChooser | None = None) -> None:
        """Play `delay_us` behind the earliest transit, or as `chooser` wants it from then on."""
        self._backlog = backlog
        self._chooser = chooser
        self.delay_us = delay_us
        """The delay in force."""
        self.phase = Phase.WAITING
        self.missing = 0
        """Chunks that were due and not here."""
        self.late = 0
        """Of these, how many came afterwards."""
        self.next_sequence: Sequence = 0
        self._floor: Sequence = 0
        """What is below has been handed over or concealed, and is never played again."""
        self._next_due: Micros = 0
        self._base_us: Micros | None = None
        self._anchor: tuple[Sequence, Micros] | None = None
        self._anchored_at: Micros | None = None
        """When the first chunk came after the parent's word."""
        self._late_in_a_row = 0
        self._lateness_us = 0
        self._starved_us = 0

    def anchor(self, newest: Sequence, arrived_at: Micros) -> None:
        """Take in that chunk `newest` would have been here at `arrived_at`; counts before sound begins."""
        if self.phase is Phase.WAITING and newest:
            self._anchor, self._base_us, self._anchored_at = (newest, arrived_at), None, None

    def offer(self, chunk: Chunk, now: Micros, rtt_us: Micros = 0, *, live: bool = True) -> None:
        """Take in a new chunk, which the backlog holds already; only a live one says how long the way is.

        `rtt_us` is what it would take to ask for one.
        """
        if self._chooser is not None and self.phase is Phase.PLAYING:
            self._chooser.heard(self._lateness(chunk, now), chunk.duration_us, rtt_us, now)
        match self.phase:
            case Phase.WAITING:
                self._set_base(chunk, now)
                self._begin(chunk, now)
            case Phase.READY:
                self._begin_better(chunk, now)
            case Phase.PLAYING if chunk.sequence < self.next_sequence:
                self._came_late(chunk, now, live=live)
            case _:
                pass

    def deadline(self) -> Micros | None:
        """When is the next chunk due?"""
        return self._next_due if self.is_timed else None

    def due(self, now: Micros) -> list[Effect]:
        """Give what must be handed to the player by now, in order."""
        effects: list[Effect] = []
        while self.is_timed and self._next_due <= now:
            if now - self._next_due > RESYNC_US:
                self._skip_to_live(now)
            effects.append(self._next(now))
        return effects

    @property
    def is_audible(self) -> bool:
        """Tell whether the first chunk has been handed to the player."""
        return self.phase is Phase.PLAYING or self.phase is Phase.ENDED

    @property
    def has_ended(self) -> bool:
        """Tell whether the programme has been played to its end."""
        return self.phase is Phase.ENDED

    @property
    def buffered_us(self) -> Micros:
        """How much sound lies ahead, from the next chunk to the newest."""
        if not self.is_timed:
            return 0
        return max(0, self._backlog.newest + 1 - self.next_sequence) * self._backlog.chunk_us

    def first_in_time(self, now: Micros) -> Sequence | None:
        """Give the first chunk that could still be played if it came now; None while that is not known."""
        if not self.is_timed:
            return None
        if self.phase is Phase.PLAYING:
            return self.next_sequence
        return max(1, self._floor, self.next_sequence - (self._next_due - now) // self._backlog.chunk_us)

    def reset(self) -> None:
        """Begin anew: another run has begun."""
        self._wait()
        self._floor = 0

    def resume(self) -> None:
        """Begin anew at the live end: the clock has stood still, and due times are of another day."""
        if self.is_timed:
            self._wait()

    def _wait(self) -> None:
        """Wait for a chunk to begin with, above all that were handed over."""
        self.phase = Phase.WAITING
        self._base_us = self._anchor = None
        self._floor = self.next_sequence
        if self._chooser is not None:
            self.delay_us = min(self.delay_us, self._chooser.settled_us)

    @property
    def is_timed(self) -> bool:
        """Tell whether the next chunk has a time."""
        return self.phase is Phase.PLAYING or self.phase is Phase.READY

    def _set_base(self, chunk: Chunk, now: Micros) -> None:
        """Find the earliest transit, from the parent's word if there is one."""
        base_us = now - chunk.media_time_us
        if self._anchor is not None and (chunk.sequence > self._anchor[0] or self._is_disproved(now)):
            # A live chunk is better evidence than a parent's word, which may be a lie.
            self._anchor = self._base_us = None
        if self._anchor is not None:
            newest, arrived_at = self._anchor
            media_time_us = chunk.media_time_us + (newest - chunk.sequence) * chunk.duration_us
            base_us = min(base_us, arrived_at - media_time_us)
        self._base_us = base_us if self._base_us is None else min(self._base_us, base_us)

    def _is_disproved(self, now: Micros) -> bool:
        """Tell whether chunks have come for so long, and by the parent's word none was ever in time."""
        self._anchored_at = self._anchored_at or now
        return self.phase is Phase.WAITING and now - self._anchored_at > RESYNC_US

    def _due_at(self, chunk: Chunk) -> Micros:
        """When is this chunk due?"""
        assert self._base_us is not None
        return chunk.media_time_us + self._base_us + self.delay_us

    def _begin(self, chunk: Chunk, now: Micros) -> None:
        """Begin with this chunk, unless its time has passed."""
        if self._due_at(chunk) >= now and chunk.sequence >= self._floor:
            self.phase = Phase.READY
            self.next_sequence, self._next_due = chunk.sequence, self._due_at(chunk)

    def _begin_better(self, chunk: Chunk, now: Micros) -> None:
        """Begin elsewhere, if a chunk has shown an earlier transit, or is earlier itself, before sound has begun.

        The first to come to a joiner may be old: its parent may just be receiving a backlog of its own.
        """
        assert self._base_us is not None
        before_us = self._base_us
        self._set_base(chunk, now)
        if self._base_us < before_us:
            self._next_due -= before_us - self._base_us
            past = max(0, _ceiling(now - self._next_due, self._backlog.chunk_us))
            self._advance(
                self._backlog.chunk_us, min(past, max(0, self._backlog.newest - self.next_sequence))
            )
        if chunk.sequence < self.next_sequence:
            self._begin(chunk, now)

    def _next(self, now: Micros) -> Effect:
        """Hand over the next chunk, or conceal it."""
        held = self._backlog.get(self.next_sequence)
        if held is None:
            return self._bridge() if self._may_wait else self._conceal()
        self.phase = Phase.PLAYING
        self._starved_us = 0
        if held.chunk.flags & Flag.END:
            self.phase = Phase.ENDED
            return Ended()
        self._late_in_a_row = 0
        self._next_due = self._due_at(held.chunk)
        longer_us = self._step(held.chunk, now)
        self.delay_us += longer_us
        self._advance(held.chunk.duration_us + longer_us)
        return Play(held.chunk, held.age_us + now - held.arrived_at, longer_us)

    def _step(self, chunk: Chunk, now: Micros) -> Micros:
        """Say how much longer this chunk is to sound, so that the delay becomes what is wanted."""
        return 0 if self._chooser is None else self._chooser.step_us(self.delay_us, chunk.duration_us, now)

    @property
    def _may_wait(self) -> bool:
        """Is the next chunk waited for? Only if it may be chosen how long, and if nothing that comes later is here."""
        return (
            self._chooser is not None
            and self.phase is Phase.PLAYING
            and self._backlog.newest < self.next_sequence
            and self.delay_us + OPUS_FRAME_US <= PLAYOUT_DELAY_US_AUTO_MAX
        )

    def _bridge(self) -> Effect:
        """Wait for one frame's time for the next chunk: the delay grows at once. Opus conceals whole frames."""
        self.delay_us += OPUS_FRAME_US
        self._next_due += OPUS_FRAME_US
        return Bridge(OPUS_FRAME_US)

    def _lateness(self, chunk: Chunk, now: Micros) -> Micros:
        """Say how much later than at the earliest transit a chunk has come."""
        assert self._base_us is not None
        return now - chunk.media_time_us - self._base_us

    def _conceal(self) -> Effect:
        """Conceal the next chunk; after a long time without any, wait for the programme to begin anew."""
        sequence, duration_us = self.next_sequence, self._backlog.chunk_us
        self.missing += 1
        if self.phase is Phase.READY:
            # It is over, even for one that comes at the very moment at which it was due.
            self._floor = sequence + 1
        self._advance(duration_us)
        self._starved_us = self._starved_us + duration_us if sequence > self._backlog.newest else 0
        if self._starved_us >= RESYNC_US:
            self._starved_us = 0
            self._wait()
        return Conceal(sequence, duration_us)

    def _advance(self, duration_us: Micros, count: int = 1) -> None:
        """Go on to a later number; at once, for a chunk may claim any time and any number."""
        self.next_sequence += count
        self._next_due += count * duration_us

    def _came_late(self, chunk: Chunk, now: Micros, *, live: bool) -> None:
        """Count a chunk that came after its time; so many live ones in a row mean that the way has become longer."""
        self.late += 1
        if self._chooser is not None:
            self._chooser.came_late(self._lateness(chunk, now), now)
            return
        if not live:
            return
        self._late_in_a_row += 1
        lateness_us = now - self._due_at(chunk)
        self._lateness_us = max(lateness_us, self._lateness_us) if self._late_in_a_row > 1 else lateness_us
        if self._late_in_a_row >= LATE_CHUNKS_MAX:
            assert self._base_us is not None
            self._base_us += self._lateness_us
            self._next_due += self._lateness_us
            self._late_in_a_row = 0

    def _skip_to_live(self, now: Micros) -> None:
        """Go on where the live programme is, after the machine slept."""
        skipped = (now - self._next_due) // self._backlog.chunk_us
        self.missing += skipped
        self._advance(self._backlog.chunk_us, skipped)


def _ceiling(amount: int, of: int) -> int:
    """Divide, upwards."""
    return -(-amount // of)
