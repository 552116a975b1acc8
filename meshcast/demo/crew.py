"""The demo's processes: each in a session of its own, watched through its standard output, and never left behind.

Ctrl-C reaches the director alone. Every process also ends when its standard input does, so that even a director that
was killed leaves nobody.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

GO_S: Final = 5.0
"""How long a process may take to go when asked, before it is killed."""
LINE_BYTES_MAX: Final = 1_000_000


@dataclass(slots=True)
class Member:
    """One process, and the last line of JSON that it wrote."""

    name: str
    process: trio.Process
    status: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    """Lines that were no JSON."""
    was_killed: bool = False
    heard: trio.Event = field(default_factory=trio.Event)
    """Set when it has written its first line."""

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.process.poll() is None

    @property
    def key(self) -> str | None:
        """Give its peer key in hexadecimal, once it has said so."""
        return self.status.get("key")

    @property
    def children(self) -> list[str]:
        """Give the keys of whom it feeds."""
        return list(self.status.get("children", ()))

    def kill(self) -> None:
        """Kill it without a word (SIGKILL)."""
        self.was_killed = True
        self.process.kill()

    def ask_to_go(self) -> None:
        """Ask it to go (SIGTERM)."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)


class Crew:
    """All processes of one demo."""

    def __init__(self, nursery: trio.Nursery, logs: Path) -> None:
        """`nursery` is the caller's, opened where this is made."""
        self._start_soon = nursery.start_soon
        self._logs = logs
        self.members: list[Member] = []

    async def start(self, name: str, arguments: Sequence[str]) -> Member:
        """Start `python -m …`; what it says on standard error goes to a log of its own."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", *arguments, "--exit-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        member = Member(name, process)
        self.members.append(member)
        self._start_soon(_watch, member)
        return member

    async def dismiss(self, members: Sequence[Member]) -> None:
        """Ask processes to go and wait for them; kill who does not."""
        for member in members:
            member.ask_to_go()
        with trio.move_on_after(GO_S):
            for member in members:
                await member.process.wait()
        for member in members:
            if member.is_alive:
                member.process.kill()
                await member.process.wait()

    def last_words(self, member: Member) -> str:
        """Give the last line of a process's log."""
        lines = (self._logs / f"{member.name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@asynccontextmanager
async def open_crew(logs: Path) -> AsyncIterator[Crew]:
    """Let processes run while the block runs; none is left afterwards, however it ends."""
    async with trio.open_nursery() as nursery:
        crew = Crew(nursery, logs)
        try:
            yield crew
        finally:
            with trio.CancelScope(shield=True):
                await crew.dismiss(crew.members)
            nursery.cancel_scope.cancel()


async def _watch(member: Member) -> None:
    """Read what a process writes, line by line."""
    assert member.process.stdout is not None, "it was started with a pipe"
    rest = b""
    async for data in member.process.stdout:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _take(member, line)
        rest = rest[:LINE_BYTES_MAX]


def _take(member: Member, line: bytes) -> None:
    """Take in one line."""
    try:
        status = json.loads(line)
    except ValueError:
        member.said.append(line.decode("utf-8", "replace"))
    else:
        member.status = status
    member.heard.set()
