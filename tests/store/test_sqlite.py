"""What can go wrong with a file, and what a person is told."""

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meshcast.protocol.errors import BadInputError
from tracker.store.contents import Change
from tracker.store.sqlite import SqliteStore, advice

A = b"a" * 32
ONE_LINE = r"^[^\n]+$"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tracker.db"


def filled(path: Path, rows: int = 2_000) -> None:
    with closing(SqliteStore(path)) as store:
        store.write([Change(A, number.to_bytes(32, "big"), b"x" * 100) for number in range(rows)])


def refuses(path: Path, match: str) -> None:
    with pytest.raises(BadInputError, match=ONE_LINE) as caught:
        SqliteStore(path)
    assert match in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_new_file_is_readable_by_its_owner_only(path: Path) -> None:
    filled(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_with_the_trackers_key_that_everybody_can_open_is_refused(path: Path) -> None:
    filled(path)
    path.chmod(0o644)
    refuses(path, f"chmod 600 {path}")
    path.chmod(0o640)
    SqliteStore(path).close()


def test_two_trackers_cannot_hold_one_file(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        refuses(path, "held by another process: stop that tracker")
        store.write([Change(A, b"1", b"still mine")])
    SqliteStore(path).close()


def test_a_file_held_by_another_process_is_refused(path: Path) -> None:
    holder = (
        "import sys, pathlib; from tracker.store.sqlite import SqliteStore\n"
        f"store = SqliteStore(pathlib.Path({str(path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        refuses(path, "held by another process")
        other.communicate()
    SqliteStore(path).close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    refuses(tmp_path / "nowhere" / "tracker.db", "No such file or directory")


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    refuses(tmp_path, "cannot be opened")


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"my only copy of a poem, " * 100)
    path.chmod(0o600)
    refuses(path, "is damaged: move it away and start again")
    assert path.read_bytes() == b"my only copy of a poem, " * 100


def test_another_programs_database_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipe (name)")
    path.chmod(0o600)
    refuses(path, "another program's database")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipe",)]


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=9")
    refuses(path, "another version (9, not 1)")


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
def test_a_damaged_file_says_so_and_is_left_as_it_is(path: Path, harm: str) -> None:
    filled(path)
    whole = path.read_bytes()
    half = len(whole) // 2
    damaged = whole[:half] if harm == "cut" else whole[:8192] + b"\xa5" * (len(whole) - 8192)
    path.write_bytes(damaged)
    with pytest.raises(BadInputError, match="is damaged: move it away"), closing(SqliteStore(path)) as store:
        list(store.load(A))
    assert path.read_bytes()[4096:] == damaged[4096:]


def test_a_full_disk_refuses_the_batch_whole_and_takes_it_when_there_is_room(path: Path) -> None:
    large = [Change(A, number.to_bytes(32, "big"), b"x" * 1000) for number in range(500)]
    with closing(SqliteStore(path, bytes_max=100_000)) as store:
        store.write([Change(A, b"1", b"kept")])
        with pytest.raises(BadInputError, match=r"no room to write .*free some space"):
            store.write(large)
        assert list(store.load(A)) == [(b"1", b"kept")]
        store.write([Change(A, b"2", b"small enough")])
    with closing(SqliteStore(path)) as store:
        assert len(list(store.load(A))) == 2
        store.write(large)
        assert len(list(store.load(A))) == 502


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (sqlite3.SQLITE_READONLY, "may not be written: give this user the right"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "may not be written"),
        (sqlite3.SQLITE_IOERR_FSYNC, "the disk under"),
        (sqlite3.SQLITE_NOMEM, "cannot be used"),
    ],
)
def test_every_error_of_sqlite_is_one_line_that_says_what_to_do(path: Path, code: int, text: str) -> None:
    error = sqlite3.OperationalError("told so")
    error.sqlite_errorcode = code
    line = advice(path, error)
    assert text in line
    assert str(path) in line
    assert "\n" not in line


def test_a_read_only_database_is_an_error_of_that_kind(path: Path) -> None:
    filled(path, 1)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        with pytest.raises(sqlite3.OperationalError) as caught:
            reader.execute("DELETE FROM peer")
        assert "may not be written" in advice(path, caught.value)
