"""A tracker that is killed in the middle of a write finds whole batches, and every one that was acknowledged."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tracker.store.contents import Change
from tracker.store.sqlite import SqliteStore

PEERS = 200
WRITER = f"""
import itertools, pathlib, sys
from tracker.store.contents import Change
from tracker.store.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
print("term", store.raise_term(), flush=True)
for batch in itertools.count(1):
    row = batch.to_bytes(4, "big") * 50
    store.write([Change(b"b", peer.to_bytes(2, "big"), row) for peer in range({PEERS})])
    print(batch, flush=True)
"""


def killed_after(path: Path, batches: int) -> tuple[int, int]:
    """Kill a writer once it has acknowledged so many batches; give its term and the last that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        term = int(writer.stdout.readline().split()[1])
        for _ in range(batches):
            acknowledged = int(writer.stdout.readline())
        writer.kill()
        for line in writer.stdout:
            acknowledged = int(line) if line.endswith("\n") else acknowledged
        assert writer.wait() == -signal.SIGKILL
    return term, acknowledged


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed otherwise there")
def test_a_killed_tracker_finds_a_consistent_prefix_and_a_new_term(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    terms = []
    for batches in (1, 7, 30):
        term, acknowledged = killed_after(path, batches)
        terms.append(term)
        with closing(SqliteStore(path)) as store:
            rows = [row for _, row in store.load(b"b")]
            terms.append(store.raise_term())
            store.write([Change(b"b", peer.to_bytes(2, "big"), None) for peer in range(PEERS)])
        assert len(rows) == PEERS
        assert len(set(rows)) == 1, "a batch is there whole or not at all"
        assert int.from_bytes(rows[0][:4], "big") in {acknowledged, acknowledged + 1}
    assert terms == [1, 2, 3, 4, 5, 6]
