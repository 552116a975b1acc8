"""What a source sends is numbered by one, timed by samples, and goes on where another stopped."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Flag
from meshcast.protocol.events import Captured
from meshcast.protocol.tickets import Role
from meshcast.protocol.transmitter import Transmitter, flags_of
from meshcast.protocol.units import MILLISECOND

CHUNK_US = 100 * MILLISECOND


@given(last=st.integers(1, 1_000), skipped=st.integers(0, 50), count=st.integers(1, 5))
def test_numbers_and_media_time_go_on_together(crew: Any, last: int, skipped: int, count: int) -> None:
    spare = crew.delegation("spare", generation=4)
    one = Transmitter(crew.member("spare", Role.SOURCE), spare, Backlog())
    one.go_on_after(crew.chunk(last), skipped)
    made = [one.make((b"x",), CHUNK_US, Flag.NONE, number, 5).chunk for number in range(count)]
    assert [one.sequence for one in made] == list(range(last + skipped + 1, last + skipped + count + 1))
    assert all(one.media_time_us == (one.sequence - 1) * CHUNK_US for one in made)
    assert {(one.run, one.generation) for one in made} == {(crew.run, 4)}
    assert one.backlog.get(made[0].sequence).age_us == 5  # type: ignore[union-attr]


def test_a_chunk_says_what_was_captured() -> None:
    assert flags_of(Captured((), CHUNK_US)) is Flag.NONE
    assert flags_of(Captured((), CHUNK_US, paused=True)) is Flag.PAUSED
    assert flags_of(Captured((), CHUNK_US, standby=True)) is Flag.STANDBY
    assert flags_of(Captured((), CHUNK_US, paused=True, standby=True)) == Flag.PAUSED | Flag.STANDBY
