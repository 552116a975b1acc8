"""When to go: at a signal, or with whoever started the program."""

import io
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from meshcast.leaving import wait_for_leave


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.FileIO]:
    """What whoever started the program holds of its standard input."""
    reading, writing = os.pipe()
    monkeypatch.setattr("sys.stdin", open(reading, closefd=False))  # noqa: SIM115 - trio closes it
    with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor, not a path
        yield pipe


async def leave(gone: trio.Event, *, with_stdin: bool = False) -> None:
    """Wait for the order to go, and tell that it came."""
    await wait_for_leave(with_stdin=with_stdin)
    gone.set()


@pytest.fixture
def hang_up() -> Iterator[Callable[[signal.Handlers], None]]:
    """Set what is done about SIGHUP, whatever whoever runs the tests does about it."""
    before = signal.getsignal(signal.SIGHUP)

    def set_to(handler: signal.Handlers) -> None:
        signal.signal(signal.SIGHUP, handler)

    yield set_to
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_is_an_order_to_go(
    number: signal.Signals, nursery: trio.Nursery, hang_up: Callable[[signal.Handlers], None]
) -> None:
    hang_up(signal.SIG_DFL)
    gone = trio.Event()
    nursery.start_soon(leave, gone)
    await wait_all_tasks_blocked()
    assert not gone.is_set()
    signal.raise_signal(number)
    with trio.fail_after(10):
        await gone.wait()


async def test_under_nohup_the_end_of_the_terminal_is_nobodys_business(
    nursery: trio.Nursery, hang_up: Callable[[signal.Handlers], None]
) -> None:
    hang_up(signal.SIG_IGN)
    gone = trio.Event()
    nursery.start_soon(leave, gone)
    await wait_all_tasks_blocked()
    signal.raise_signal(signal.SIGHUP)
    await wait_all_tasks_blocked(0.01)
    assert not gone.is_set()
    signal.raise_signal(signal.SIGTERM)
    with trio.fail_after(10):
        await gone.wait()


async def test_a_program_that_says_it_waits_is_not_killed_by_a_signal_that_comes_at_once() -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(wait_for_leave, with_stdin=False))
            signal.raise_signal(signal.SIGTERM)


async def test_the_end_of_standard_input_is_one_where_that_was_asked_for(
    pipe: io.FileIO, nursery: trio.Nursery
) -> None:
    gone = trio.Event()
    nursery.start_soon(partial(leave, gone, with_stdin=True))
    pipe.write(b"whatever is said is not listened to")
    await wait_all_tasks_blocked(0.01)
    assert not gone.is_set()
    pipe.close()
    with trio.fail_after(10):
        await gone.wait()


async def test_otherwise_standard_input_may_end_as_it_likes(autojump_clock: MockClock) -> None:
    with trio.move_on_after(60) as scope:
        await wait_for_leave(with_stdin=False)
    assert scope.cancelled_caught
