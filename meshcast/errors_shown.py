"""How errors reach a person: one line, and an exit code that is not 0; whatever is not ours keeps its traceback."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from meshcast.protocol.errors import MeshcastError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


@contextmanager
def one_line() -> Iterator[None]:
    """Show a `MeshcastError` as one line and exit with 1; an interrupt exits with 130."""
    said: str | None = None
    code = EXIT_ERROR
    try:
        yield
    except* MeshcastError as group:
        said = str(first(group))
    except* KeyboardInterrupt:
        code, said = EXIT_INTERRUPTED, "interrupted"
    except* BrokenPipeError:
        # Whoever read the status is gone; what is still buffered must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
    if said is not None:
        sys.stderr.write(f"meshcast: {' '.join(said.split())}\n")
        sys.exit(code)


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first error in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def run(main: Callable[[], Awaitable[object]]) -> None:
    """Run a program under trio, with its errors shown as one line."""
    with one_line():
        trio.run(main)
