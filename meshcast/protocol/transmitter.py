"""What a source sends: numbered, timed by samples, signed, and kept for whoever asks for it again."""

from dataclasses import dataclass

from meshcast.protocol.backlog import Backlog, Held
from meshcast.protocol.chunk import Chunk, Flag, sign_chunk
from meshcast.protocol.events import Captured
from meshcast.protocol.membership import Membership
from meshcast.protocol.tickets import Delegation
from meshcast.protocol.units import Micros, Sequence


def flags_of(captured: Captured) -> Flag:
    """Say what else a chunk says of what was captured."""
    flags = Flag.PAUSED if captured.paused else Flag.NONE
    return flags | Flag.STANDBY if captured.standby else flags


@dataclass(slots=True)
class Transmitter:
    """Numbers and signs for one source."""

    member: Membership
    delegation: Delegation
    backlog: Backlog
    sequence: Sequence = 0
    """The last number given."""
    media_time_us: Micros = 0
    """Where the next chunk begins."""

    def go_on_after(self, last: Chunk, skipped: int = 0) -> None:
        """Go on with a run where another source stopped, or so many chunks later."""
        self.sequence = last.sequence + skipped
        self.media_time_us = last.media_time_us + (1 + skipped) * last.duration_us

    def make(
        self, packets: tuple[bytes, ...], duration_us: Micros, flags: Flag, now: Micros, age_us: Micros = 0
    ) -> Held:
        """Make the next chunk; `age_us` is how long ago it should have gone."""
        self.sequence += 1
        chunk = sign_chunk(
            self.member.identity,
            self.member.broadcast,
            source_index=self.delegation.index,
            run=self.delegation.run,
            generation=self.delegation.generation,
            sequence=self.sequence,
            media_time_us=self.media_time_us,
            duration_us=duration_us,
            flags=flags,
            packets=packets,
        )
        self.media_time_us += duration_us
        self.backlog.add(chunk, now, age_us)
        held = self.backlog.get(chunk.sequence)
        assert held is not None, "the newest chunk is above the floor"
        return held
