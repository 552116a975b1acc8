from meshcast.protocol.units import BroadcastId
from sim.shelf import BATCH_US, Shelf
from tracker.overlay.effects import Keep

ONE = BroadcastId(b"1" * 32)


def test_what_is_older_than_a_batch_is_found_again_and_what_is_fresher_is_lost() -> None:
    shelf = Shelf()
    shelf.keep(Keep(ONE, b"", b"about"), 0)
    shelf.keep(Keep(ONE, b"a", b"row"), 10)
    shelf.keep(Keep(ONE, b"b", b"row"), 10)
    shelf.keep(Keep(ONE, b"a", b"later row"), 20)
    shelf.keep(Keep(ONE, b"b", None), 30)
    shelf.keep(Keep(ONE, b"c", b"too late"), 31)
    assert shelf.rows_after_crash(30 + BATCH_US) == {ONE: [(b"", b"about"), (b"a", b"later row")]}


def test_what_a_crash_lost_does_not_come_back_later() -> None:
    shelf = Shelf()
    shelf.keep(Keep(ONE, b"a", b"row"), 0)
    assert shelf.rows_after_crash(0) == {}
    assert shelf.rows_after_crash(10 * BATCH_US) == {}
