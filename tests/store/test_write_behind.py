from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.errors import BadInputError
from tracker.store.contents import Change, MemoryStore
from tracker.store.sqlite import SqliteStore
from tracker.store.write_behind import BATCH_MAX, WriteBehind

A = b"a" * 32


class FillingStore(MemoryStore):
    """A store on a disk that is full for a while, and that remembers its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self.batches: list[int] = []

    def write(self, batch: Sequence[Change]) -> None:
        if self.is_full:
            raise BadInputError("no room to write: free some space")
        self.batches.append(len(batch))
        super().write(batch)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait, in virtual time, for what a thread does in its own."""
    while not is_so():
        await trio.sleep(0.01)


def rows(store: MemoryStore) -> dict[bytes, bytes]:
    return dict(store.load(A))


async def test_changes_are_written_together_without_being_asked_for(autojump_clock: MockClock) -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(behind.run)
        for number in range(10):
            behind.put(Change(A, bytes([number]), b"x"))
        await until(lambda: store.batches == [10])
        assert len(behind) == 0
        nursery.cancel_scope.cancel()


async def test_only_the_latest_change_of_a_peer_waits() -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    for number in range(1000):
        behind.put(Change(A, b"1", str(number).encode()))
    behind.put(Change(A, b"2", b"x"))
    behind.put(Change(A, b"2", None))
    assert len(behind) == 2
    await behind.flush()
    assert rows(store) == {b"1": b"999"}
    assert store.batches == [2]


async def test_what_waits_is_written_when_the_tracker_stops(autojump_clock: MockClock) -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(behind.run)
        await trio.sleep(0.05)
        behind.put(Change(A, b"1", b"x"))
        nursery.cancel_scope.cancel()
    assert rows(store) == {b"1": b"x"}


async def test_large_lines_are_written_in_batches() -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    for number in range(BATCH_MAX + 1):
        behind.put(Change(A, number.to_bytes(4, "big"), b""))
    await behind.flush()
    assert store.batches == [BATCH_MAX, 1]


async def test_a_full_disk_loses_nothing_and_the_tracker_goes_on(autojump_clock: MockClock) -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(behind.run)
        store.is_full = True
        behind.put(Change(A, b"1", b"old"))
        behind.put(Change(A, b"2", b"x"))
        await until(lambda: behind.trouble is not None)
        troubles = [behind.trouble]
        behind.put(Change(A, b"1", b"new"))
        store.is_full = False
        await until(lambda: behind.trouble is None)
        assert rows(store) == {b"1": b"new", b"2": b"x"}
        nursery.cancel_scope.cancel()
    assert troubles == ["no room to write: free some space"]


async def test_a_disk_that_is_full_at_the_end_is_told_of() -> None:
    store = FillingStore()
    behind = WriteBehind(store)
    behind.put(Change(A, b"1", b"x"))
    store.is_full = True
    with trio.move_on_after(0) as scope:
        scope.cancel()
        with pytest.raises(BadInputError, match="free some space"):
            await behind.run()
    assert len(behind) == 1


async def test_the_line_never_grows_without_limit() -> None:
    store = FillingStore()
    behind = WriteBehind(store, pending_max=3)
    for number in range(5):
        behind.put(Change(A, bytes([number]), b"x"))
    behind.put(Change(A, b"\0", b"newer"))
    assert (len(behind), behind.dropped) == (3, 2)
    await behind.flush()
    assert rows(store) == {b"\0": b"newer", b"\1": b"x", b"\2": b"x"}


async def test_a_file_is_written_from_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    store = SqliteStore(path)
    behind = WriteBehind(store)
    for number in range(500):
        behind.put(Change(A, number.to_bytes(2, "big"), b"x"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(behind.flush)
        nursery.start_soon(behind.flush)
    store.close()
    again = SqliteStore(path)
    assert len(list(again.load(A))) == 500
    again.close()
