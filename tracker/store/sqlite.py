"""The store in one SQLite file.

Write-ahead log with `synchronous=NORMAL`: a batch survives a crash of the process always, and a power failure but for
the last moments; 14 us a row, and a million peers load in 2.4 s (measured). Values and terms are written with
`synchronous=FULL`, because a term that is used twice would let a stale tracker be obeyed. The file is held with
SQLite's own exclusive lock, so that two trackers cannot write one tree. It is never repaired, emptied or replaced here:
what cannot be read is left as it is, for a person to look at.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from meshcast.protocol.errors import BadInputError
from tracker.store.contents import TERM, Change

APPLICATION_ID: Final = 0x4D534854
"""Marks the file as ours; other programs' databases are refused."""
SCHEMA_VERSION: Final = 1
BYTES_MAX: Final = 4 * 1024**3
"""A million peers take about 0.3 GB; something is wrong long before this."""
LOAD_ROWS: Final = 1_000
"""Rows fetched at a time, so that a load neither holds everything twice nor asks a million times."""

_SCHEMA: Final = """
CREATE TABLE peer (broadcast BLOB NOT NULL, key BLOB NOT NULL, row BLOB NOT NULL,
                   PRIMARY KEY (broadcast, key)) WITHOUT ROWID;
CREATE TABLE value (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
"""
_PUT: Final = "INSERT INTO peer VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row"
_DELETE: Final = "DELETE FROM peer WHERE broadcast = ? AND key = ?"


class SqliteStore:
    """The contract of `Store`, in a file."""

    def __init__(self, path: Path, *, bytes_max: int = BYTES_MAX) -> None:
        """Open a file, or make it, readable by its owner only; `BadInputError` if that cannot be."""
        self._path: Final = path
        with self._blame():
            _guard(path)
            # Isolation is ours: each write below is a transaction. Threads change, but never two at once.
            self._connection: Final = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=0
            )
        try:
            with self._blame():
                self._prepare(bytes_max)
        except BadInputError:
            self._connection.close()
            raise

    def write(self, batch: Sequence[Change]) -> None:
        """Enter a batch in one transaction."""
        latest = {(change.broadcast, change.key): change.row for change in batch}
        puts = [(*peer, row) for peer, row in latest.items() if row is not None]
        deletes = [peer for peer, row in latest.items() if row is None]
        with self._blame(), self._transaction():
            self._connection.executemany(_PUT, puts)
            self._connection.executemany(_DELETE, deletes)

    def load(self, broadcast: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the peers of a broadcast."""
        with self._blame():
            cursor = self._connection.execute(
                "SELECT key, row FROM peer WHERE broadcast = ? ORDER BY key", (broadcast,)
            )
            while some := cursor.fetchmany(LOAD_ROWS):
                yield from some

    def broadcasts(self) -> list[bytes]:
        """Name the broadcasts that have peers."""
        with self._blame():
            found = self._connection.execute("SELECT DISTINCT broadcast FROM peer ORDER BY broadcast")
            return [broadcast for (broadcast,) in found]

    def get(self, name: str) -> bytes | None:
        """Give a value."""
        with self._blame():
            found = self._connection.execute("SELECT value FROM value WHERE name = ?", (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def put(self, name: str, value: bytes) -> None:
        """Keep a value, durably."""
        with self._blame(), self._durable(), self._transaction():
            self._set(name, value)

    def raise_term(self) -> int:
        """Begin a new term, durably."""
        with self._blame(), self._durable(), self._transaction():
            found = self._connection.execute("SELECT value FROM value WHERE name = ?", (TERM,)).fetchone()
            term = (0 if found is None else int(found[0])) + 1
            self._set(TERM, str(term).encode())
        return term

    def close(self) -> None:
        """Close the file; its log is folded into it."""
        self._connection.close()

    def _prepare(self, bytes_max: int) -> None:
        """Take the lock, recognise the file, and make the tables of a new one."""
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        page_bytes = int(run("PRAGMA page_size").fetchone()[0])
        run(f"PRAGMA max_page_count={bytes_max // page_bytes}")
        with self._transaction():
            application, version = (
                run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            is_empty = run("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
            if is_empty and not application:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    run(statement)
                run(f"PRAGMA application_id={APPLICATION_ID}")
                run(f"PRAGMA user_version={SCHEMA_VERSION}")
            elif application != APPLICATION_ID:
                raise BadInputError(f"{self._path} is another program's database: name another file")
            elif version != SCHEMA_VERSION:
                raise BadInputError(
                    f"{self._path} was written by another version ({version}, not {SCHEMA_VERSION}): "
                    "run that version, or name another file"
                )

    def _set(self, name: str, value: bytes) -> None:
        self._connection.execute(
            "INSERT INTO value VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all of it or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # Where SQLite has rolled back by itself (a full disk), there is nothing left to roll back.
            with suppress(sqlite3.OperationalError):
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _durable(self) -> Iterator[None]:
        """Have what is committed within reach the disk before it returns."""
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")

    @contextmanager
    def _blame(self) -> Iterator[None]:
        """Say what a person can do about what SQLite or the system complains of."""
        try:
            yield
        except sqlite3.Error as error:
            raise BadInputError(advice(self._path, error)) from error
        except OSError as error:
            raise BadInputError(
                f"{self._path} cannot be opened: {error.strerror}; name another file"
            ) from error


def advice(path: Path, error: sqlite3.Error) -> str:
    """Turn an error of SQLite into one line that says what to do."""
    # Extended codes carry the primary one in their low byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{path} is held by another process: stop that tracker, or name another file"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"{path} is damaged: move it away and start again (listeners come back by themselves), "
                "or put a copy in its place"
            )
        case sqlite3.SQLITE_FULL:
            return f"no room to write {path}: free some space on that disk; nothing is lost until then"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return f"{path} may not be written: give this user the right to write the file and its folder"
        case sqlite3.SQLITE_CANTOPEN:
            return f"{path} cannot be opened: its folder must exist, and this user must be allowed to write there"
        case sqlite3.SQLITE_IOERR:
            return f"the disk under {path} fails ({error}): look at the disk, or name another file"
        case _:
            return f"{path} cannot be used ({error}): move it away and start again, or name another file"


def _guard(path: Path) -> None:
    """Make a new file readable by its owner only, and refuse one that everybody may read: it holds the tracker's key."""
    if not path.exists():
        path.touch(mode=0o600, exist_ok=False)
    elif os.name == "posix" and path.is_file() and path.stat().st_mode & 0o007:
        raise BadInputError(f"{path} holds the tracker's key and everybody can open it: chmod 600 {path}")
