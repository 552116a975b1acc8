"""Units are whole microseconds, and keys have short names for people."""

from meshcast.protocol import units


def test_time_is_counted_in_whole_microseconds() -> None:
    assert units.MILLISECOND == 1_000 * units.MICROSECOND
    assert units.SECOND == 1_000 * units.MILLISECOND
    assert units.HOUR == 60 * units.MINUTE == 3_600 * units.SECOND
    assert type(units.HOUR) is int


def test_a_key_is_named_in_eight_characters() -> None:
    assert units.short(bytes.fromhex("00a1b2c3") + bytes(28)) == "00a1b2c3"
