"""When a program must go: Ctrl-C, SIGTERM, the end of its terminal, or (where asked for) the end of its standard input."""

import signal
import sys
from typing import Final

import trio

DRAIN_S: Final = 0.01
"""How long is looked for signals that came at the same moment; left behind, one would kill this program while it goes."""


async def wait_for_leave(
    *, with_stdin: bool, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Return when somebody asks this program to go; with `with_stdin` also when whoever started it is gone.

    It has started when signals no longer kill this program.
    """
    # Under nohup the end of the terminal is nobody's business.
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, *hang_up) as signals:
        task_status.started()
        async with trio.open_nursery() as nursery:
            if with_stdin:
                nursery.start_soon(_end_of_stdin, nursery.cancel_scope)
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()
        with trio.move_on_after(DRAIN_S):
            async for _ in signals:
                pass


async def _end_of_stdin(scope: trio.CancelScope) -> None:
    """Wait until the pipe from whoever started this program breaks."""
    async with trio.lowlevel.FdStream(sys.stdin.fileno()) as pipe:
        while await pipe.receive_some():
            pass
    scope.cancel()
