"""An interpreter that has imported what the commands import, and forks for each command: real processes, without the wait.

A command then costs what it does, and not a second and a half of imports. Everything else is as with `python -m`: the
module is run as `__main__` with an argument list, streams and a working folder of its own, and the interpreter ends by
itself, with its exit code. `test_bad_input` asks that a freshly started one says and does the same.
"""

import importlib
import json
import os
import runpy
import sys
from typing import Any

IMPORTED = ("meshcast.cli", "tracker.service.cli")


def serve() -> dict[str, Any] | None:
    """Fork for each order of standard input, and say its exit code; in a fork, give the order, and at the end nothing."""
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        child = os.fork()
        if not child:
            return order
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(order: dict[str, Any]) -> None:
    """Be the command that was ordered: `module`, its `arguments`, and where its `out` and `err` go."""
    streams = (os.devnull, os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY)
    for number, (path, how) in enumerate(streams):
        opened = os.open(path, how)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    ordered = serve()
    if ordered is not None:
        become(ordered)
