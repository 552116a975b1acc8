"""What a tracker keeps: peers by broadcast, and a few values by name.

The store knows nothing of trees: a peer is a key and the bytes that describe it. It exists so that a tracker that was
killed finds its tree again; where it is behind the truth, the peers win, so it may be a little behind, but never torn:
a batch is in it whole or not at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

TERM: Final = "term"
"""The name under which the term is kept."""


@dataclass(frozen=True, slots=True)
class Change:
    """One peer as it is from now on; without a row it is gone."""

    broadcast: bytes
    key: bytes
    row: bytes | None


class Store(Protocol):
    """The contract; every method blocks, and is called by one thread at a time.

    What goes wrong is a `BadInputError` that says what to do: damaged, full, forbidden, or held by another process.
    Nothing is lost by it: a batch that failed can be written again.
    """

    def write(self, batch: Sequence[Change]) -> None:
        """Enter a batch, all of it or nothing; later changes of a peer replace earlier ones."""
        ...

    def load(self, broadcast: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the peers of a broadcast, as (key, row) in the order of their keys."""
        ...

    def broadcasts(self) -> list[bytes]:
        """Name the broadcasts that have peers, in order."""
        ...

    def get(self, name: str) -> bytes | None:
        """Give a value, such as the tracker's key."""
        ...

    def put(self, name: str, value: bytes) -> None:
        """Keep a value; it survives a power failure as soon as this returns."""
        ...

    def raise_term(self) -> int:
        """Begin a new term, 1 or more: durable when this returns, so that no term is ever used twice."""
        ...

    def close(self) -> None:
        """Let go of everything; closing again does nothing."""
        ...


@dataclass(slots=True)
class Contents:
    """All that a store holds, in memory."""

    rows: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    values: dict[str, bytes] = field(default_factory=dict)


class MemoryStore:
    """A store for tests and simulations; what it holds survives as long as its `Contents`."""

    def __init__(self, contents: Contents | None = None) -> None:
        self.contents: Final = Contents() if contents is None else contents

    def write(self, batch: Sequence[Change]) -> None:
        """Enter a batch."""
        for change in batch:
            rows = self.contents.rows.setdefault(change.broadcast, {})
            if change.row is None:
                rows.pop(change.key, None)
            else:
                rows[change.key] = change.row

    def load(self, broadcast: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the peers of a broadcast."""
        return iter(sorted(self.contents.rows.get(broadcast, {}).items()))

    def broadcasts(self) -> list[bytes]:
        """Name the broadcasts that have peers."""
        return sorted(broadcast for broadcast, rows in self.contents.rows.items() if rows)

    def get(self, name: str) -> bytes | None:
        """Give a value."""
        return self.contents.values.get(name)

    def put(self, name: str, value: bytes) -> None:
        """Keep a value."""
        self.contents.values[name] = value

    def raise_term(self) -> int:
        """Begin a new term."""
        term = int(self.contents.values.get(TERM, b"0")) + 1
        self.put(TERM, str(term).encode())
        return term

    def close(self) -> None:
        """Let go of nothing."""
