"""What the tests of the store share: each kind of store, and how to open it again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker.store.contents import Contents, MemoryStore, Store
from tracker.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Open one store again and again, as a tracker does at each start; the one before is closed."""
    contents = Contents()
    opened: list[Store] = []

    def reopen() -> Store:
        for store in opened:
            store.close()
        is_memory = request.param == "memory"
        opened.append(MemoryStore(contents) if is_memory else SqliteStore(tmp_path / "tracker.db"))
        return opened[-1]

    yield reopen
    for store in opened:
        store.close()
